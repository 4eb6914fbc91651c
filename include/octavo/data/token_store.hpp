// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/data/token_view.hpp>

namespace octavo {

/// Token ids in the fewest whole bytes: one each for vocabularies up to 256, two up to 65536, else
/// four.
class TokenStore {
 public:
  explicit TokenStore(Index vocabulary) : vocabulary_(vocabulary) {
    require(vocabulary > 0, "token store: expected a vocabulary of at least 1");
  }

  void reserve(std::size_t count) {
    if (vocabulary_ <= 256) {
      bytes_.reserve(count);
    } else if (vocabulary_ <= 65536) {
      words_.reserve(count);
    } else {
      tokens_.reserve(count);
    }
  }

  void push_back(Token token) {
    OCTAVO_ASSERT(token >= 0 && token < vocabulary_);
    if (vocabulary_ <= 256) {
      bytes_.push_back(static_cast<std::uint8_t>(token));
    } else if (vocabulary_ <= 65536) {
      words_.push_back(static_cast<std::uint16_t>(token));
    } else {
      tokens_.push_back(token);
    }
  }

  /// Memory for the tokens so far, if all of it was reserved.
  std::size_t bytes() const noexcept {
    return bytes_.size() + 2 * words_.size() + sizeof(Token) * tokens_.size();
  }

  /// Valid until the store changes or goes.
  TokenView view() const noexcept {
    if (vocabulary_ <= 256) return std::span<const std::uint8_t>(bytes_);
    if (vocabulary_ <= 65536) return std::span<const std::uint16_t>(words_);
    return std::span<const Token>(tokens_);
  }

 private:
  Index vocabulary_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint16_t> words_;
  std::vector<Token> tokens_;
};

/// The tokens of a text. `tokenizer` meets the concept Tokenizer and encodes byte by byte, so that
/// a text can be encoded in pieces.
template <typename K>
TokenStore tokenize(const K& tokenizer, std::string_view text) {
  TokenStore store(tokenizer.vocabulary_size());
  store.reserve(text.size());
  std::array<Token, 4096> piece;
  for (std::size_t first = 0; first < text.size(); first += piece.size()) {
    try {
      const std::size_t count =
          tokenizer.encode(text.substr(first, std::min(piece.size(), text.size() - first)), piece);
      for (std::size_t i = 0; i < count; ++i) store.push_back(piece[i]);
    } catch (const UnknownSymbol& error) {
      if (first == 0) throw;
      throw UnknownSymbol("from byte " + std::to_string(first) + " on, " + error.what(),
                          first + error.offset(), error.hint());
    }
  }
  return store;
}

}  // namespace octavo
