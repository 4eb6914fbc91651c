// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/data/encode_text.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/files/byte_source.hpp>

namespace OCTAVO_NAMESPACE {

/// The tokens of a text; `tokenizer` meets the concept Tokenizer. See encode_text.
template <typename K>
[[nodiscard]] TokenStore tokenize(const K& tokenizer, const ByteSource& text) {
  TokenStore store(tokenizer.vocabulary_size());
  store.reserve(text.size());
  encode_text(tokenizer, text, [&](std::span<const Token> tokens) {
    for (const Token token : tokens) store.push_back(token);
  });
  return store;
}
template <typename K>
[[nodiscard]] TokenStore tokenize(const K& tokenizer, std::string_view text) {
  return tokenize(tokenizer,
                  MemorySource("text", std::as_bytes(std::span(text.data(), text.size()))));
}

}  // namespace OCTAVO_NAMESPACE
