// SPDX-License-Identifier: MIT
// What generate is asked on its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/octavo.hpp>

#include "support/memory_report.hpp"
#include "support/program.hpp"

namespace support {

/// A logit bias before there is a vocabulary: for a token by its number, or for those of a text.
struct AskedBias {
  std::string given;  ///< as it was written
  octavo::Token token = 0;
  std::string text;  ///< empty: `token` is meant
  double value = 0;
};

/// What becomes of characters outside the vocabulary: the unknown token, where the model has one
/// (where it has none they are refused), an error, or nothing.
enum class UnknownPolicy { replace, refuse, skip };

/// The beginning of a text: tokens, or characters that will be tokens when there is a vocabulary.
struct AskedPrompt {
  std::string text;
  std::optional<std::vector<octavo::Token>> tokens;
};

struct GenerateOptions {
  std::string model;
  std::vector<AskedPrompt> prompts;
  std::string prompt_file;
  std::string score;         ///< a file, - for standard input; empty: none
  octavo::Index stride = 0;  ///< 0: the model's trained length
  bool per_token = false;
  octavo::Index tokens = 200;
  octavo::Sampling sampling;  ///< but for the biases
  std::vector<AskedBias> biases;
  std::vector<std::string> stops;
  octavo::TooLong too_long = octavo::TooLong::slide;
  UnknownPolicy unknown = UnknownPolicy::replace;
  octavo::InvalidUtf8 invalid = octavo::InvalidUtf8::replace;
  std::uint64_t seed = 1;
  octavo::Index threads = 0;
  bool special = false;     ///< special tokens have names, in prompts and in what is written
  bool ignore_end = false;  ///< generation goes on after the tokens that end a text
  bool interactive = false;
  bool timings = false, no_timings = false;  ///< neither: where standard error is a terminal
  MemoryReportOption memory_report;
};

/// Adds generate's options to `app`, which fills `options` when it parses.
void add_generate_options(CLI::App& app, GenerateOptions& options);

/// ConfigError where options contradict each other; reads the prompt file. At least one prompt,
/// which may be empty, is there afterwards.
void finish(GenerateOptions& options);

// Numbers of the command line and of a conversation alike.
inline constexpr auto temperature_is_legal = [](double x) { return x >= 0; };
inline constexpr auto top_p_is_legal = [](double x) { return x > 0 && x <= 1; };
inline constexpr auto min_p_is_legal = [](double x) { return x >= 0 && x <= 1; };
inline constexpr auto penalty_is_legal = [](double x) { return x > 0; };

/// A whole file, or standard input where the name is "-".
std::string read_text(const std::string& name);

}  // namespace support
