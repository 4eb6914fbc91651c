// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/document_borders.hpp>
#include <octavo/data/encode_text.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/files/byte_source.hpp>

namespace OCTAVO_NAMESPACE {

/// The tokenizer's token that ends a text. ConfigError if it has none.
template <typename K>
Token require_end_token(const K& tokenizer) {
  const std::optional<Token> end = tokenizer.end_token();
  require(end.has_value(), "documents: the tokenizer has no token that ends a text");
  return *end;
}

/// The tokens of a text of documents, each followed by the tokenizer's token that ends a text.
/// ConfigError if the tokenizer has no such token.
template <typename K>
[[nodiscard]] TokenStore tokenize_documents(const K& tokenizer, const ByteSource& text,
                                            const DocumentBorders& borders) {
  TokenStore store(tokenizer.vocabulary_size());
  store.reserve(text.size());
  encode_documents(tokenizer, text, borders, require_end_token(tokenizer),
                   [&](std::span<const Token> tokens) {
                     for (const Token token : tokens) store.push_back(token);
                   });
  return store;
}
template <typename K>
[[nodiscard]] TokenStore tokenize_documents(const K& tokenizer, std::string_view text,
                                            const DocumentBorders& borders) {
  return tokenize_documents(tokenizer, MemorySource("text", std::as_bytes(std::span(text))),
                            borders);
}

/// As above, for documents given as separate texts.
template <typename K>
[[nodiscard]] TokenStore tokenize_documents(const K& tokenizer,
                                            std::span<const std::string_view> documents) {
  const Token end = require_end_token(tokenizer);
  TokenStore store(tokenizer.vocabulary_size());
  for (const std::string_view document : documents) {
    encode_text(tokenizer, MemorySource("text", std::as_bytes(std::span(document))),
                [&](std::span<const Token> tokens) {
                  for (const Token token : tokens) store.push_back(token);
                });
    if (!document.empty()) store.push_back(end);
  }
  return store;
}

}  // namespace OCTAVO_NAMESPACE
