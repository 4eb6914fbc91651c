// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// How a prompt with more tokens than the generator's length is handled.
enum class TooLong {
  refuse,     ///< DataError
  slide,      ///< the whole prompt is read, and the window slides as in generation
  keep_last,  ///< only its last `length` tokens are read
};

/// The part of the prompt to read.
inline std::span<const Token> fit_prompt(std::span<const Token> prompt, Index length,
                                         TooLong policy) {
  const auto most = static_cast<std::size_t>(length);
  if (prompt.size() <= most || policy == TooLong::slide) return prompt;
  if (policy == TooLong::keep_last) return prompt.last(most);
  throw DataError(
      detail::concat({"the prompt has ", counted(prompt.size(), "token"), ", expected at most ",
                      length, ", the length that the model was trained on: token ", length,
                      " is the first too many"}),
      "shorten it, let the window slide, or keep its last tokens");
}

/// Throws UnknownSymbol, with the byte offset and the character, for the first character of the
/// text without its own token.
template <Tokenizer K>
void require_known(const K& tokenizer, std::string_view text) {
  const std::size_t at = first_unknown(tokenizer, text);
  if (at == std::string_view::npos) return;
  const std::string_view rest = text.substr(at);
  throw UnknownSymbol(
      detail::concat({"byte ", at, ": ", printable(rest.substr(0, character_length(rest))),
                      " is not in the model's vocabulary"}),
      at, "leave it out");
}

/// The text without the characters (or, in invalid UTF-8, bytes) for which the tokenizer has no
/// token of their own.
template <Tokenizer K>
std::string without_unknown(const K& tokenizer, std::string_view text) {
  std::string known;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view character = text.substr(0, length);
    if (first_unknown(tokenizer, character) == std::string_view::npos) known += character;
    text.remove_prefix(length);
  }
  return known;
}

}  // namespace OCTAVO_NAMESPACE
