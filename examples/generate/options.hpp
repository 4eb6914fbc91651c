// SPDX-License-Identifier: MIT
// The command-line options of generate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/generation.hpp>
#include <octavo/octavo.hpp>

#include "support/adapters.hpp"
#include "support/memory_report.hpp"
#include "support/program.hpp"

namespace support {

/// A logit bias before the vocabulary is known: for a token by its number, or for the tokens of a
/// text.
struct GivenBias {
  std::string given;  ///< as given
  octavo::Token token = 0;
  std::string text;  ///< empty: `token` is meant
  double value = 0;
};

/// How characters outside the vocabulary are handled: replaced by the unknown token (refused if the
/// model has none), refused, or left out.
enum class UnknownPolicy { replace, refuse, skip };

/// A prompt: tokens, or text that is encoded when the vocabulary is known.
struct GivenPrompt {
  std::string text;
  std::optional<std::vector<octavo::Token>> tokens;
};

struct GenerateOptions {
  std::string model;
  std::string base;  ///< of a model that has adapters alone; empty: where it was
  std::vector<GivenAdapter> adapters;
  std::vector<GivenPrompt> prompts;
  std::string prompt_file;
  std::string score;         ///< a file, - for standard input; empty: none
  octavo::Index stride = 0;  ///< 0: the model's trained length
  bool per_token = false;
  bool json = false;           ///< scores as JSON
  octavo::Index skip_bad = 0;  ///< bad rows of a JSONL file that are skipped
  octavo::Index tokens = 200;
  octavo::Index context = 0;  ///< positions that the model sees; 0: as it was trained, at most 4096
  octavo::Sampling sampling;  ///< without the biases
  std::vector<GivenBias> biases;
  std::vector<std::string> stops;
  octavo::TooLong too_long = octavo::TooLong::slide;
  UnknownPolicy unknown = UnknownPolicy::replace;
  octavo::InvalidUtf8 invalid = octavo::InvalidUtf8::replace;
  std::uint64_t seed = 1;
  octavo::Index threads = 0;
  bool mapped = false;      ///< weights stay in the mapped file
  bool special = false;     ///< names of special tokens are recognized in prompts and written
  bool ignore_end = false;  ///< continue after tokens that end a text
  bool interactive = false;
  bool chat = false;
  std::string system;  ///< the system message of a chat; empty: the model's own
  bool timings = false, no_timings = false;  ///< neither: if standard error is a terminal
  MemoryReportOption memory_report;
};

/// Adds generate's options to `app`; parsing fills `options`.
void add_generate_options(CLI::App& app, GenerateOptions& options);

/// Checks the options and reads the prompt file. ConfigError if options contradict each other.
/// Afterwards there is at least one prompt, which may be empty.
void finish(GenerateOptions& options);

// Options common to the command line and a conversation.
inline constexpr auto temperature_is_legal = [](double x) { return x >= 0; };
inline constexpr auto top_p_is_legal = [](double x) { return x > 0 && x <= 1; };
inline constexpr auto min_p_is_legal = [](double x) { return x >= 0 && x <= 1; };
inline constexpr auto penalty_is_legal = [](double x) { return x > 0; };

/// Reads a whole file, or standard input if the name is "-".
std::string read_text(const std::string& name);

}  // namespace support
