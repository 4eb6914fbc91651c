// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/token_view.hpp>

namespace OCTAVO_NAMESPACE {

/// Token ids in memory, of token_bytes(vocabulary) bytes each.
class TokenStore {
 public:
  explicit TokenStore(Index vocabulary);

  void reserve(std::size_t count);

  /// DataError for a token outside the vocabulary.
  void push_back(Token token);

  /// Bytes for the tokens so far, without unused capacity.
  std::size_t bytes() const noexcept;

  /// Valid until the store is changed or destroyed.
  TokenView view() const noexcept;

 private:
  Index vocabulary_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint16_t> words_;
  std::vector<Token> tokens_;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE TokenStore::TokenStore(Index vocabulary) : vocabulary_(vocabulary) {
  require(vocabulary > 0, "token store: expected a vocabulary of at least 1");
}

OCTAVO_INLINE void TokenStore::reserve(std::size_t count) {
  if (vocabulary_ <= 256) {
    bytes_.reserve(count);
  } else if (vocabulary_ <= 65536) {
    words_.reserve(count);
  } else {
    tokens_.reserve(count);
  }
}

OCTAVO_INLINE void TokenStore::push_back(Token token) {
  detail::check_token(token, vocabulary_);
  if (vocabulary_ <= 256) {
    bytes_.push_back(static_cast<std::uint8_t>(token));
  } else if (vocabulary_ <= 65536) {
    words_.push_back(static_cast<std::uint16_t>(token));
  } else {
    tokens_.push_back(token);
  }
}

OCTAVO_INLINE std::size_t TokenStore::bytes() const noexcept {
  return bytes_.size() + 2 * words_.size() + sizeof(Token) * tokens_.size();
}

OCTAVO_INLINE TokenView TokenStore::view() const noexcept {
  if (vocabulary_ <= 256) return std::span<const std::uint8_t>(bytes_);
  if (vocabulary_ <= 65536) return std::span<const std::uint16_t>(words_);
  return std::span<const Token>(tokens_);
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
