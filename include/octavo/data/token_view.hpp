// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>

namespace OCTAVO_NAMESPACE {

/// Bytes per stored token: one for vocabularies up to 256, two up to 65536, else four.
constexpr std::size_t token_bytes(Index vocabulary) noexcept {
  return vocabulary <= 256 ? 1 : vocabulary <= 65536 ? 2 : 4;
}

/// A view of token ids that the caller owns, stored in 1, 2 or 4 bytes each. This is the input of
/// training; the tokens may come from any source, not only from text.
class TokenView {
 public:
  constexpr TokenView() = default;
  constexpr TokenView(std::span<const std::uint8_t> tokens)
      : bytes_(tokens.data()), size_(static_cast<Index>(tokens.size())) {}
  constexpr TokenView(std::span<const std::uint16_t> tokens)
      : words_(tokens.data()), size_(static_cast<Index>(tokens.size())) {}
  constexpr TokenView(std::span<const Token> tokens)
      : tokens_(tokens.data()), size_(static_cast<Index>(tokens.size())) {}

  /// A view of a vector, an array or the like, which must outlive the view.
  template <typename Tokens,
            typename Stored =
                std::remove_cvref_t<decltype(*std::data(std::declval<const Tokens&>()))>>
  requires(std::same_as<Stored, std::uint8_t> || std::same_as<Stored, std::uint16_t> ||
           std::same_as<Stored, Token>) constexpr TokenView(const Tokens& tokens)
      : TokenView(std::span<const Stored>(std::data(tokens), std::size(tokens))) {}

  constexpr Index size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }

  constexpr Token operator[](Index i) const {
    OCTAVO_ASSERT(i >= 0 && i < size_);
    return bytes_ != nullptr ? bytes_[i] : words_ != nullptr ? words_[i] : tokens_[i];
  }

  /// The vocabulary in which all tokens are known to lie; 0: not checked.
  constexpr Index checked_vocabulary() const noexcept { return checked_; }

  /// The same tokens, which the caller knows to lie in [0, vocabulary).
  [[nodiscard]] constexpr TokenView checked(Index vocabulary) const noexcept {
    TokenView view = *this;
    view.checked_ = vocabulary;
    return view;
  }

  /// `count` tokens from `first` on. ConfigError if they are not all in the view.
  [[nodiscard]] constexpr TokenView subview(Index first, Index count) const {
    require(first >= 0 && count >= 0 && first <= size_ - count, "tokens: subview out of range");
    TokenView view = *this;
    if (bytes_ != nullptr) view.bytes_ += first;
    if (words_ != nullptr) view.words_ += first;
    if (tokens_ != nullptr) view.tokens_ += first;
    view.size_ = count;
    return view;
  }

 private:
  const std::uint8_t* bytes_ = nullptr;
  const std::uint16_t* words_ = nullptr;
  const Token* tokens_ = nullptr;
  Index size_ = 0;
  Index checked_ = 0;
};

namespace detail {

/// DataError unless a token lies in [0, vocabulary).
OCTAVO_INLINE void check_token(Token token, Index vocabulary);

}  // namespace detail

/// DataError, naming the first token outside [0, vocabulary). Skips tokens that are known to be
/// checked: they may be a file larger than memory.
OCTAVO_INLINE void check_tokens(TokenView tokens, Index vocabulary);

/// Tokens for training, and the tokens after them for validation.
struct TokenSplit {
  TokenView train;
  TokenView validation;
};

/// Splits as nanoGPT does: the first floor(9/10 n) tokens for training, the rest for validation.
/// Long texts give only their last `most_for_validation` tokens to validation.
[[nodiscard]] OCTAVO_INLINE TokenSplit
split_tokens(TokenView tokens, Index most_for_validation = std::numeric_limits<Index>::max());

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE void check_token(Token token, Index vocabulary) {
  if (token >= 0 && token < vocabulary) return;
  throw DataError(concat({"token: got ", token, ", expected 0 to ", vocabulary - 1}));
}

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE void check_tokens(TokenView tokens, Index vocabulary) {
  if (tokens.checked_vocabulary() > 0 && tokens.checked_vocabulary() <= vocabulary) return;
  for (Index i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= 0 && tokens[i] < vocabulary) continue;
    throw DataError(
        detail::concat({"token ", i, " is ", tokens[i], ", expected 0 to ", vocabulary - 1}));
  }
}

OCTAVO_INLINE TokenSplit split_tokens(TokenView tokens, Index most_for_validation) {
  const Index tenths = tokens.size() / 10 * 9 + tokens.size() % 10 * 9 / 10;
  const Index train = std::max(tenths, tokens.size() - most_for_validation);
  return {tokens.subview(0, train), tokens.subview(train, tokens.size() - train)};
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
