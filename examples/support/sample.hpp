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

/// Line ends as "\n"; other control bytes, and those that are not UTF-8, as "\xNN": for text within
/// a log.
inline std::string one_line(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string line;
  while (!text.empty()) {
    const std::size_t length = octavo::utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (byte == '\n') {
      line += "\\n";
    } else if (length == 0 || byte < 0x20 || byte == 0x7f) {
      line += "\\x";
      line += digits[byte >> 4];
      line += digits[byte & 15];
    } else {
      line += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return line;
}

/// The text with U+FFFD for what is not UTF-8, as generate writes it.
inline std::string whole_characters(std::string_view text) {
  std::string whole;
  const auto write = [&](std::string_view character) { whole += character; };
  octavo::Utf8Assembler assembler;
  for (const char byte : text) assembler.add(byte, write);
  assembler.finish(write);
  return whole;
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
