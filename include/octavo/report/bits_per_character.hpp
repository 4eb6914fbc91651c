// SPDX-License-Identifier: MIT
#pragma once

#include <numbers>
#include <optional>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/generation/utf8_assembler.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// The mean number of tokens per character of a text: the factor between losses of different
/// tokenizers. Counts all tokens except the first, which no evaluation predicts, and the characters
/// that they decode to (see utf8_characters); a token that ends a text counts as no character. 0 if
/// there are no characters. No heap call.
template <Tokenizer K>
double tokens_per_character(const K& tokenizer, TokenView tokens) {
  Utf8Assembler assembler;
  Index characters = 0;
  const auto counting = [&](std::string_view) { ++characters; };
  std::optional<Token> end;
  if constexpr (requires { tokenizer.end_token(); }) end = tokenizer.end_token();
  for (Index i = 1; i < tokens.size(); ++i) {
    if (tokens[i] == end) continue;
    for (const char byte : tokenizer.decode(tokens[i])) assembler.add(byte, counting);
  }
  assembler.finish(counting);
  return characters == 0 ? 0
                         : static_cast<double>(tokens.size() - 1) / static_cast<double>(characters);
}

/// Converts a loss in nats per token to bits per character, which are comparable between
/// tokenizers; `tokens_per_character` must be above 0.
constexpr double bits_per_character(double loss, double tokens_per_character) noexcept {
  return loss * tokens_per_character / std::numbers::ln2;
}

}  // namespace OCTAVO_NAMESPACE
