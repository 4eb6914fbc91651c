// SPDX-License-Identifier: MIT
// Text out of a model, and folders for it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <octavo/octavo.hpp>

#include "support/visible_text.hpp"

namespace support {

/// `prompt` and after it `count` generated tokens, or fewer where one of them ends a text.
template <typename Generator, octavo::Tokenizer K>
std::string write_on(Generator& generator, const K& tokenizer, std::string_view prompt,
                     octavo::Index count, const octavo::Sampling& sampling, std::uint64_t seed) {
  std::vector<octavo::Token> tokens(prompt.size());
  tokens.resize(tokenizer.encode(prompt, tokens));
  std::string text(prompt);
  const std::optional<octavo::Token> end = tokenizer.end_token();
  generator.generate(tokens, count, sampling, seed, [&](octavo::Token token) {
    if (token == end) return false;
    text += tokenizer.decode(token);
    return true;
  });
  return text;
}

template <typename Generator, octavo::Tokenizer K>
std::string greedy(Generator& generator, const K& tokenizer, std::string_view prompt,
                   octavo::Index count) {
  return write_on(generator, tokenizer, prompt, count, {.temperature = 0}, 1);
}

/// Makes a folder and those above it; an Error of code cannot_create if that fails.
inline void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    throw octavo::IoError(octavo::ErrorCode::cannot_create,
                          "cannot create folder " + octavo::printable(path), error,
                          "choose another --out");
  }
}

}  // namespace support
