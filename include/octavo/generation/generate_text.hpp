// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/generation/sampling.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// The tokens at which the tokenizer says that a text ends; empty if it has none.
template <typename K>
std::vector<Token> end_tokens_of(const K& tokenizer) {
  if constexpr (requires { tokenizer.end_tokens(); }) {
    return tokenizer.end_tokens();
  } else if constexpr (requires { tokenizer.end_token(); }) {
    const auto end = tokenizer.end_token();
    return end ? std::vector<Token>{*end} : std::vector<Token>{};
  } else {
    return {};
  }
}

}  // namespace detail

/// Returns `prompt` followed by at most `count` generated tokens as text; it stops at a token that
/// ends a text (which is not written). `prompt` must have at least one token. Equal seeds give
/// equal texts. Throws what encode() and generate() throw.
///
///     Generator generator(trainer.model(), trainer.weights(), 32, threads);
///     std::cout << generate_text(generator, tokenizer, "To be", 100, {.temperature = 0});
template <typename Generator, Tokenizer K>
std::string generate_text(Generator& generator, const K& tokenizer, std::string_view prompt,
                          Index count, const Sampling& sampling = {}, std::uint64_t seed = 1) {
  const std::vector<Token> ends = detail::end_tokens_of(tokenizer);
  const std::vector<Token> tokens = detail::encoded(tokenizer, prompt);
  std::string text(prompt);
  generator.generate(tokens, count, sampling, seed, [&](Token token) {
    if (std::find(ends.begin(), ends.end(), token) != ends.end()) return false;
    text += tokenizer.decode(token);
    return true;
  });
  return text;
}

}  // namespace OCTAVO_NAMESPACE
