// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/token_view.hpp>

// Checks the tokens of a batch against the vocabulary, in each step before they are used as
// indices.
namespace OCTAVO_NAMESPACE {

/// The meaning of a token below 0.
enum class Negative { refused, ignored };

/// Whether all tokens lie in [0, vocabulary) or, with Negative::ignored, below 0. The loop has no
/// branch, so that compilers can vectorise it.
[[nodiscard]] OCTAVO_INLINE bool tokens_lie_in(std::span<const Token> tokens, Index vocabulary,
                                               Negative negative = Negative::refused) noexcept;

/// ConfigError "token 0 is 35, expected 0 to 34" for the first input of a batch outside the
/// vocabulary, or for the first target ("target 3 is ..."); negative targets are ignored.
OCTAVO_INLINE void check_batch(std::span<const Token> inputs, std::span<const Token> targets,
                               Index vocabulary);

/// As above, for a batch cut from a text; the index in the message is that of the text.
OCTAVO_INLINE void check_batch_of(TokenView text, std::span<const Token> inputs,
                                  std::span<const Token> targets, Index vocabulary);

namespace detail {

/// ConfigError unless sequences begin at position 0 and every other row is the next of its
/// document, or the first of another.
inline void check_positions_in_documents(std::span<const std::int32_t> positions, Index sequence) {
  for (std::size_t row = 0; row < positions.size(); ++row) {
    const bool begins = row % static_cast<std::size_t>(sequence) == 0;
    const std::int32_t next = begins ? 0 : positions[row - 1] + 1;
    if (positions[row] == next || positions[row] == 0) continue;
    throw ConfigError(concat({"position ", row, " is ", positions[row], ", expected ",
                              (begins ? "" : concat({next, " or "})), "0"}));
  }
}

}  // namespace detail

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE bool tokens_lie_in(std::span<const Token> tokens, Index vocabulary,
                                 Negative negative) noexcept {
  // Modulo 2^32: for a token >= 0 the difference is negative exactly if the token is too large.
  const auto last = static_cast<std::uint32_t>(vocabulary - 1);
  const std::uint32_t negative_ones = negative == Negative::refused ? ~std::uint32_t{0} : 0;
  std::uint32_t signs = 0;
  for (const Token token : tokens) {
    const auto bits = static_cast<std::uint32_t>(token);
    signs |= ((last - bits) & ~bits) | (bits & negative_ones);
  }
  return signs >> 31 == 0;
}

OCTAVO_INLINE void check_batch(std::span<const Token> inputs, std::span<const Token> targets,
                               Index vocabulary) {
  const auto check = [&](std::string_view what, std::span<const Token> tokens, Negative negative) {
    if (tokens_lie_in(tokens, vocabulary, negative)) return;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      require(tokens_lie_in(tokens.subspan(i, 1), vocabulary, negative), [&] {
        return detail::concat({what, " ", i, " is ", tokens[i], ", expected 0 to ", vocabulary - 1,
                               negative == Negative::ignored ? ", or below 0: ignored" : ""});
      });
    }
  };
  check("token", inputs, Negative::refused);
  check("target", targets, Negative::ignored);
}

OCTAVO_INLINE void check_batch_of(TokenView text, std::span<const Token> inputs,
                                  std::span<const Token> targets, Index vocabulary) {
  if (tokens_lie_in(inputs, vocabulary) && tokens_lie_in(targets, vocabulary)) return;
  for (Index i = 0; i < text.size(); ++i) {
    require(text[i] >= 0 && text[i] < vocabulary, [&] {
      return detail::concat({"token ", i, " is ", text[i], ", expected 0 to ", vocabulary - 1});
    });
  }
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
