// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// Whether token 0 stands for every byte outside the alphabet.
enum class UnknownToken { included, excluded };

/// The distinct bytes of a text that comes piece by piece.
class AlphabetFinder {
 public:
  constexpr void add(std::string_view text) noexcept {
    for (const char symbol : text) seen_[static_cast<unsigned char>(symbol)] = true;
  }

  /// In increasing order.
  std::string alphabet() const {
    std::string result;
    for (std::size_t byte = 0; byte < seen_.size(); ++byte) {
      if (seen_[byte]) result += static_cast<char>(static_cast<unsigned char>(byte));
    }
    return result;
  }

 private:
  std::array<bool, 256> seen_{};
};

/// One token per byte of an alphabet, in the alphabet's order, after the unknown token if there is
/// one. Text is bytes: any byte may be in the alphabet, and UTF-8 passes through byte by byte.
class CharacterTokenizer {
 public:
  /// What the unknown token is written as.
  static constexpr std::string_view unknown_text = "?";

  /// The alphabet is the distinct bytes of `text`, in increasing order.
  static CharacterTokenizer from_text(std::string_view text,
                                      UnknownToken unknown = UnknownToken::included) {
    AlphabetFinder finder;
    finder.add(text);
    return CharacterTokenizer(finder.alphabet(), unknown);
  }

  /// A fixed alphabet of distinct bytes. `vocabulary_size` may exceed what is used, leaving tokens
  /// in reserve; 0: no reserve. ConfigError if a byte comes twice or the vocabulary is too small.
  constexpr explicit CharacterTokenizer(std::string_view alphabet,
                                        UnknownToken unknown = UnknownToken::included,
                                        Index vocabulary_size = 0)
      : first_(unknown == UnknownToken::included ? 1 : 0) {
    token_of_.fill(-1);
    require(alphabet.size() <= symbols_.size(), "an alphabet has at most 256 bytes");
    for (const char symbol : alphabet) {
      Token& token = token_of_[static_cast<unsigned char>(symbol)];
      require(token < 0, [&] {
        return detail::concat({"alphabet: byte ", printable({&symbol, 1}), " comes twice"});
      });
      token = static_cast<Token>(first_ + size_);
      symbols_[static_cast<std::size_t>(size_++)] = symbol;
    }
    vocabulary_size_ = vocabulary_size == 0 ? first_ + size_ : vocabulary_size;
    require(vocabulary_size_ >= first_ + size_ && vocabulary_size_ > 0, [&] {
      return detail::concat({"vocabulary: got ", counted(vocabulary_size_, "token"),
                             ", expected at least ", std::max<Index>(1, first_ + size_)});
    });
  }

  constexpr Index vocabulary_size() const noexcept { return vocabulary_size_; }
  constexpr bool has_unknown() const noexcept { return first_ == 1; }
  constexpr std::string_view alphabet() const noexcept {
    return {symbols_.data(), static_cast<std::size_t>(size_)};
  }

  constexpr std::size_t encode(std::string_view text, std::span<Token> out) const {
    require(out.size() >= text.size(), "encode: the output is shorter than the text");
    for (std::size_t i = 0; i < text.size(); ++i) {
      const Token token = token_of_[static_cast<unsigned char>(text[i])];
      if (token < 0 && !has_unknown()) {
        throw UnknownSymbol(
            detail::concat({"byte ", i, ": ", printable(text.substr(i, 1)), " is not among the ",
                            size_, " symbols of this vocabulary"}),
            i, "leave it out, or train with an unknown token");
      }
      out[i] = token < 0 ? 0 : token;
    }
    return text.size();
  }
  std::vector<Token> encode(std::string_view text) const { return detail::encoded(*this, text); }

  /// The first byte of `text` that is not in the alphabet; npos if there is none.
  constexpr std::size_t first_unknown(std::string_view text) const noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (token_of_[static_cast<unsigned char>(text[i])] < 0) return i;
    }
    return std::string_view::npos;
  }

  /// Whether it stands for nothing.
  constexpr bool is_reserve(Token token) const noexcept { return token >= first_ + size_; }

  /// The unknown token and tokens in reserve are written as "?".
  constexpr std::string_view decode(Token token) const {
    require(token >= 0 && token < vocabulary_size_, [&] {
      return detail::concat(
          {"decode: got token ", token, ", expected 0 to ", vocabulary_size_ - 1});
    });
    const Index symbol = token - first_;
    if (symbol < 0 || symbol >= size_) return unknown_text;
    return {&symbols_[static_cast<std::size_t>(symbol)], 1};
  }

  friend constexpr bool operator==(const CharacterTokenizer&, const CharacterTokenizer&) = default;

 private:
  std::array<Token, 256> token_of_{};
  std::array<char, 256> symbols_{};
  Index size_ = 0;
  Index first_ = 0;
  Index vocabulary_size_ = 0;
};

/// The alphabet of train_v2: unknown, a-z, A-Z, 0-9, space . , ! ? newline are 69 of 70 tokens.
inline constexpr CharacterTokenizer fixed_alphabet_tokenizer(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,!?\n", UnknownToken::included,
    70);

}  // namespace OCTAVO_NAMESPACE
