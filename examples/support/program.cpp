// SPDX-License-Identifier: MIT
#include "support/program.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <new>
#if defined(__linux__)
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#endif
#include <unistd.h>

#include "support/arguments.hpp"
#include "support/help_text.hpp"
#include "support/option_words.hpp"

namespace support {
namespace {

volatile std::sig_atomic_t received = 0;

const char* program_name = "";
bool follows = false;  ///< see follow_first_process()
/// The folder in the program's call; it ends with '/' or is empty.
std::string_view called_from;

void receive(int signal) {
  if (received != 0) _exit(128 + signal);
  received = signal;
}

/// Handles uncaught exceptions: global objects of the option parser allocate before main.
[[noreturn]] void end_unclean() {
  const char* message = "error: unexpected end\n  hint: this is a defect; please report it\n";
  auto code = octavo::ErrorCode::internal;
  try {
    if (const auto current = std::current_exception()) std::rethrow_exception(current);
  } catch (const std::bad_alloc&) {
    message = "error: out of memory\n  hint: free some memory\n";
    code = octavo::ErrorCode::out_of_memory;
  } catch (...) {
  }
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message, std::strlen(message));
  ::_exit(static_cast<int>(code));
}

/// Before any global object is made.
[[gnu::constructor(101)]] void handle_unclean_ends() { std::set_terminate(end_unclean); }

[[noreturn]] void refuse(std::string_view option, std::string_view text,
                         const std::string& expected) {
  throw octavo::ConfigError(std::string(option) + ": got " + octavo::printable(text) +
                            ", expected " + expected);
}

/// If standard input, output or error is closed, the next opened file would take its place and
/// receive the output. This makes reading or writing fail instead.
void occupy_standard_files() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(file, F_GETFD) < 0) open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

/// Does not allocate, because memory may be exhausted.
int report(const char* program, std::string_view message, std::string_view hint,
           octavo::ErrorCode code) {
  std::fflush(stdout);
  if (follows) ::usleep(500'000);
  const auto length = [](std::string_view text) { return static_cast<int>(text.size()); };
  std::fprintf(stderr, "%s: error: %.*s\n", program, length(message), message.data());
  if (!hint.empty()) std::fprintf(stderr, "  hint: %.*s\n", length(hint), hint.data());
  return static_cast<int>(code);
}

}  // namespace

octavo::Index parse_integer(std::string_view option, std::string_view text, octavo::Index least,
                            octavo::Index most) {
  octavo::Index value = 0;
  if (!octavo::parse_whole(text, value) || value < least || value > most) {
    refuse(option, text,
           "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

double parse_real(std::string_view option, std::string_view text,
                  const std::function<bool(double)>& legal, std::string_view expected) {
  double value = 0;
  if (!octavo::parse_whole(text, value) || !std::isfinite(value) || !legal(value)) {
    refuse(option, text, std::string(expected));
  }
  return value;
}

void add_integer(CLI::App& app, const std::string& name, octavo::Index& value, octavo::Index least,
                 const std::string& help, octavo::Index most) {
  app.add_option_function<std::string>(
         name,
         [&value, name, least, most](const std::string& text) {
           value = parse_integer(name, text, least, most);
         },
         help)
      ->type_name("N");
}

CLI::Option* add_name(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& help) {
  return app.add_option_function<std::string>(
      name,
      [&value, name](const std::string& text) {
        if (text.empty()) refuse(name, text, "a name");
        value = text;
      },
      help);
}

CLI::Option* add_names(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                       const std::string& help) {
  const auto take = [&values, name](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (text.empty()) refuse(name, text, "a name");
    }
    values = texts;
    return true;
  };
  return app.add_option(name, take, help)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

void add_choice(CLI::App& app, const std::string& name, std::string& value,
                const std::vector<std::string>& choices, const std::string& help) {
  add_choice(
      app, name, choices, [&value](const std::string& choice) { value = choice; }, help);
}

void add_choice(CLI::App& app, const std::string& name, const std::vector<std::string>& choices,
                const std::function<void(const std::string&)>& choose, const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [choose, name, choices](const std::string& text) {
           std::string value = text;
           for (char& c : value) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
           if (std::find(choices.begin(), choices.end(), value) != choices.end()) {
             return choose(value);
           }
           std::string expected = choices.front();
           for (std::size_t i = 1; i < choices.size(); ++i) {
             expected += (i + 1 < choices.size() ? ", " : " or ") + choices[i];
           }
           refuse(name, text, expected);
         },
         help)
      ->type_name("NAME");
}

CLI::Option* add_repeatable(CLI::App& app, const std::string& name,
                            const std::function<void(const std::string&)>& take,
                            const std::string& help) {
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [take](const std::vector<std::string>& values) {
            for (const std::string& value : values) take(value);
          },
          help)
      ->expected(1, CLI::detail::expected_max_vector_size - 1)  // with all of them help says "..."
      ->allow_extra_args(false);
}

void add_seed(CLI::App& app, std::uint64_t& seed, std::uint64_t usual) {
  app.add_option_function<std::string>(
         "--seed",
         [&seed](const std::string& text) {
           seed = static_cast<std::uint64_t>(
               parse_integer("--seed", text, 0, std::numeric_limits<octavo::Index>::max()));
         },
         "Equal seeds give equal results, bit for bit (" + std::to_string(usual) + ")")
      ->type_name("N");
}

void add_threads(CLI::App& app, octavo::Index& threads) {
  constexpr octavo::Index most = 1024;
  add_integer(app, "--threads", threads, 0,
              "Worker threads; 0: as many of the cores that the process may use as pay (0)", most);
}

void warn(const std::string& message, const std::string& hint) {
  if (follows) return;
  std::fprintf(stderr, "%s: warning: %s\n", program_name, message.c_str());
  if (!hint.empty()) std::fprintf(stderr, "  %s\n", hint.c_str());
}

void warn_of_skipped(const octavo::Error& error) { warn("skipped: " + std::string(error.what())); }

void warn_of_threads(const octavo::ThreadPool& pool) {
  const octavo::Index usable = pool.processors().usable();
  if (pool.size() <= usable) return;
  warn(std::to_string(pool.size()) + " threads take turns on " + octavo::counted(usable, "core") +
           ", which is all that this process may use",
       "leave --threads out");
}

void print_notes(const std::vector<std::string>& notes) {
  if (follows) return;
  for (const std::string& note : notes) {
    std::fprintf(stderr, "%s: note: %s\n", program_name, note.c_str());
  }
}

octavo::RunCallbacks run_callbacks(const std::function<void(const std::string&)>& say) {
  return {.say = say, .warn = warn, .pause = release_idle_memory};
}

void add_real(CLI::App& app, const std::string& name, double& value,
              const std::function<bool(double)>& legal, const std::string& expected,
              const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&value, name, legal, expected](const std::string& text) {
           value = parse_real(name, text, legal, expected);
         },
         help + " (" + expected + ")")
      ->type_name("X");
}

int run_program(const char* name, const char* purpose, int argc, char** argv,
                const std::function<std::function<int()>(CLI::App&)>& set_up) {
  using octavo::ErrorCode;
  program_name = name;
  std::vector<std::string> options;
  try {
    occupy_standard_files();
    const std::string_view call = argc > 0 ? argv[0] : "";
    called_from = call.substr(0, call.rfind('/') + 1);
    std::function<int()> body;
    {
      CLI::App app(purpose, name);  // destroyed before the body runs: it has a tenth of a megabyte
      app.formatter(std::make_shared<HelpText>());
      app.set_version_flag("--version", std::string("octavo ") + octavo::version_string);
      body = set_up(app);
      options = options_of(app);
      try {
        parse_arguments(app, argc, argv);
      } catch (const CLI::Success& request) {
        app.exit(request);  // --help and --version
        flush_output();
        return 0;
      }
    }
    const int status = body();
    flush_output();
    return status;
  } catch (const CLI::ParseError& error) {
    return report(name, error.what(), "see " + std::string(name) + " --help", ErrorCode::usage);
  } catch (const octavo::Error& error) {
    return report(name, with_options(error.what(), options), with_options(error.hint(), options),
                  error.code());
  } catch (const Interrupted& stop) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", name, stop.what.c_str());
    return 128 + stop.signal;
  } catch (const std::bad_alloc&) {
    return report(name, "out of memory", "choose a smaller model or batch",
                  ErrorCode::out_of_memory);
  } catch (const std::exception& error) {
    return report(name, std::string("unexpected: ") + error.what(),
                  "this is a defect; please report it", ErrorCode::internal);
  }
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = receive;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe shows as a failed write instead
  std::signal(SIGXFSZ, SIG_IGN);  // so does a file at its size limit
}

void tell_bus_errors() {
  struct sigaction action {};
  action.sa_handler = [](int) {
    constexpr std::string_view message =
        "error: the token file was cut short, or its disk failed, while it was mapped\n"
        "  hint: go on with --resume; the file is made again\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message.data(), message.size());
    ::_exit(static_cast<int>(octavo::ErrorCode::io));
  };
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

int caught_signal() noexcept { return received; }

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void release_idle_memory() noexcept {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
#if defined(__linux__)
  // The first object listed is the program itself.
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void*) {
        const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
          const std::uintptr_t begin = (info->dlpi_addr + segment.p_vaddr) / page * page;
          const std::uintptr_t end = info->dlpi_addr + segment.p_vaddr + segment.p_memsz;
          madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
        }
        return 1;
      },
      nullptr);
#endif
}

void follow_first_process() {
  silence_output();
  follows = true;
}

void silence_output() {
  std::fflush(stdout);
  const int nowhere = open("/dev/null", O_WRONLY);
  if (nowhere >= 0 && nowhere != STDOUT_FILENO) {
    dup2(nowhere, STDOUT_FILENO);
    close(nowhere);
  }
}

void add_quiet(CLI::App& app, bool& quiet) {
  app.add_flag("--quiet", quiet,
               "Print nothing but warnings and errors; files are written as ever");
}

std::string command_of(std::string_view program) {
  std::string path(called_from);
  path += program;
  return shell_word(path);
}

std::string shell_word(std::string_view text) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./=:,+@%").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), harmless)) return std::string(text);
  std::string quoted = "'", escaped = "$'";  // the second form is for bash and zsh
  bool shows = true;                         // as it is
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view character = rest.substr(0, octavo::utf8_length(rest));
    const auto byte = static_cast<unsigned char>(rest[0]);
    if (character.empty() || byte < 0x20 || byte == 0x7f) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\x%02x", byte);
      escaped += code;
      shows = false;
    } else {
      if (byte == '\'' || byte == '\\') escaped += '\\';
      escaped += character;
      quoted += byte == '\'' ? "'\\''" : character;
    }
    rest.remove_prefix(std::max<std::size_t>(character.size(), 1));
  }
  return (shows ? quoted : escaped) + "'";
}

void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw octavo::Error(octavo::ErrorCode::io, "cannot write to standard output",
                        "it is closed or full, or its reader has ended");
  }
}

}  // namespace support
