// SPDX-License-Identifier: MIT
// Common parts of all programs: options, errors, signals.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/octavo.hpp>
#include <octavo/runs/run_callbacks.hpp>

namespace support {

/// The largest text that is in memory as a whole, in addition to its tokens.
inline constexpr std::size_t largest_text = std::size_t{1} << 30;

/// `text` as a whole number in [least, most]; ConfigError, naming `option`, otherwise.
octavo::Index parse_integer(std::string_view option, std::string_view text, octavo::Index least,
                            octavo::Index most = std::numeric_limits<std::int32_t>::max());

/// `text` as a finite number that `legal` accepts; `expected` describes the valid numbers.
double parse_real(std::string_view option, std::string_view text,
                  const std::function<bool(double)>& legal, std::string_view expected);

/// Adds an option whose value must be a whole number in [least, most].
void add_integer(CLI::App& app, const std::string& name, octavo::Index& value, octavo::Index least,
                 const std::string& help,
                 octavo::Index most = std::numeric_limits<std::int32_t>::max());

/// Adds an option, or an argument, for the name of a file or folder, which may not be empty.
CLI::Option* add_name(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& help);

/// Adds an option for one or more names; it may be given more than once.
CLI::Option* add_names(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                       const std::string& help);

/// Adds an option whose value must be one of `choices`, which are in small letters.
void add_choice(CLI::App& app, const std::string& name, std::string& value,
                const std::vector<std::string>& choices, const std::string& help);

/// As above, but calls `choose` with the choice.
void add_choice(CLI::App& app, const std::string& name, const std::vector<std::string>& choices,
                const std::function<void(const std::string&)>& choose, const std::string& help);

/// Adds an option that may be given several times, with one value each; `take` gets them in order.
CLI::Option* add_repeatable(CLI::App& app, const std::string& name,
                            const std::function<void(const std::string&)>& take,
                            const std::string& help);

/// --threads
void add_threads(CLI::App& app, octavo::Index& threads);
/// A warning on standard error, followed by a hint unless it is empty.
void warn(const std::string& message, const std::string& hint = "");
/// Warns about an invalid checkpoint.
void warn_of_skipped(const octavo::Error& error);
/// Warns if the pool has more threads than there are processors for them.
void warn_of_threads(const octavo::ThreadPool& pool);
/// Notes about ignored parts of a file, one line each on standard error.
void print_notes(const std::vector<std::string>& notes);
/// The callbacks of a run: warnings go to standard error, lines to `say`, and unused memory is
/// returned in pauses.
octavo::RunCallbacks run_callbacks(const std::function<void(const std::string&)>& say);

/// --seed, 0 to 2^63 - 1; `usual`: the default.
void add_seed(CLI::App& app, std::uint64_t& seed, std::uint64_t usual);

/// Adds an option whose value must be a finite number that `legal` accepts.
void add_real(CLI::App& app, const std::string& name, double& value,
              const std::function<bool(double)>& legal, const std::string& expected,
              const std::string& help);

/// Thrown when a program stops because of a signal, unless it saves first.
struct Interrupted {
  int signal;
  std::string what;
};

/// A whole program: `set_up` adds its options and returns what runs when the command line has been
/// parsed. Help and version go to standard output with status 0; every error, from the first
/// allocation on, becomes one line on standard error, a hint line if the error has a hint, and the
/// exit status of its kind. If an error of the library starts with the name of a setting, or its
/// hint names one, the option's name is used.
int run_program(const char* name, const char* purpose, int argc, char** argv,
                const std::function<std::function<int()>(CLI::App&)>& set_up);

/// From now on SIGINT, SIGTERM and SIGHUP only set a flag; a second signal ends the program at
/// once.
void catch_signals();
/// From now on a truncated mapped file ends the program with a message and status 74.
void tell_bus_errors();
/// The signal that was caught, 0 if none.
int caught_signal() noexcept;

/// Writes to C's standard output: C++ streams would cost a third of a megabyte of memory.
void print(std::string_view text);

/// Suppresses all output from now on (--quiet).
void silence_output();
/// This is one of several processes of a run, but not the first: prints only errors, and those half
/// a second late, because most are errors of all processes, which the first one ends.
void follow_first_process();

/// --quiet
void add_quiet(CLI::App& app, bool& quiet);

/// How a user can call another of these programs: its name, in the same folder as in this program's
/// call. Quoted for a shell.
std::string command_of(std::string_view program);

/// A word quoted for a shell.
std::string shell_word(std::string_view text);

/// Throws unless everything printed so far has reached standard output.
void flush_output();

/// Returns the heap's free memory to the system, and the pages of the program's code and constants,
/// which are loaded again when used: parsing a command line or printing touches far more code than
/// training.
void release_idle_memory() noexcept;

}  // namespace support
