// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/base/utf8.hpp>

namespace OCTAVO_NAMESPACE {

/// Converts text to tokens and back.
///
/// - encode(text, out) writes the tokens of `text` to the front of `out`, which must hold
///   most_tokens(tokenizer, text.size()) tokens, and returns how many there are. Throws
///   UnknownSymbol, with the byte offset, on what the vocabulary cannot express.
/// - decode(token) is the token's bytes; it stays valid as long as the tokenizer.
///
/// Neither allocates. Octavo's tokenizers also have encode(text), which returns a vector. A
/// tokenizer whose tokens depend on more than one byte at a time says where a text that comes in
/// pieces may be cut: see CutsText in data/encode_text.hpp.
template <typename K>
concept Tokenizer = requires(const K tokenizer, std::string_view text, std::span<Token> out,
                             Token token) {
  { tokenizer.vocabulary_size() } -> std::same_as<Index>;
  { tokenizer.encode(text, out) } -> std::same_as<std::size_t>;
  { tokenizer.decode(token) } -> std::same_as<std::string_view>;
};

/// The most tokens of a text of so many bytes: one for each byte, unless the tokenizer has a
/// most_tokens(bytes) that says more.
template <typename K>
constexpr std::size_t most_tokens(const K& tokenizer, std::size_t bytes) {
  if constexpr (requires { tokenizer.most_tokens(bytes); }) {
    return tokenizer.most_tokens(bytes);
  } else {
    return bytes;
  }
}

namespace detail {

/// The tokens of the rest of a text that was cut: encode(), unless the tokenizer distinguishes.
template <typename K>
std::size_t encode_rest(const K& tokenizer, std::string_view text, std::span<Token> out) {
  if constexpr (requires { tokenizer.encode_rest(text, out); }) {
    return tokenizer.encode_rest(text, out);
  } else {
    return tokenizer.encode(text, out);
  }
}

/// encode(text, out, more) with a new vector as output.
template <typename K, typename... More>
std::vector<Token> encoded(const K& tokenizer, std::string_view text, More... more) {
  std::vector<Token> tokens(octavo::most_tokens(tokenizer, text.size()));
  tokens.resize(tokenizer.encode(text, std::span<Token>(tokens), more...));
  return tokens;
}

}  // namespace detail

/// The offset of the first byte of `text` for which the tokenizer has no token, or only the unknown
/// token; npos if there is none. Tokenizers that know every byte may omit first_unknown(text).
template <Tokenizer K>
constexpr std::size_t first_unknown(const K& tokenizer, std::string_view text) {
  if constexpr (requires { tokenizer.first_unknown(text); }) {
    return tokenizer.first_unknown(text);
  } else {
    return std::string_view::npos;
  }
}

/// Whether a token is not part of the text, such as a token that ends it: its decode() is a name.
/// Tokenizers whose tokens are all text may omit is_special(token).
template <Tokenizer K>
constexpr bool is_special(const K& tokenizer, Token token) {
  if constexpr (requires { tokenizer.is_special(token); }) {
    return tokenizer.is_special(token);
  } else {
    return false;
  }
}

/// Whether a token is in reserve and stands for nothing: it never results from text, and generation
/// should not choose it. Tokenizers without a reserve may omit is_reserve(token).
template <Tokenizer K>
constexpr bool is_reserve(const K& tokenizer, Token token) {
  if constexpr (requires { tokenizer.is_reserve(token); }) {
    return tokenizer.is_reserve(token);
  } else {
    return false;
  }
}

/// The number of characters of a text, and of those that a tokenizer does not know. A character is
/// a code point of UTF-8, or a byte that belongs to no code point.
struct UnknownCount {
  std::size_t characters = 0;
  std::size_t unknown = 0;  ///< characters with a byte for which there is only the unknown token

  /// Adds the counts of a text that follows.
  constexpr UnknownCount& operator+=(const UnknownCount& other) noexcept {
    characters += other.characters;
    unknown += other.unknown;
    return *this;
  }
  friend constexpr bool operator==(const UnknownCount&, const UnknownCount&) = default;
};

/// Counts the characters of `text`, and those for which the tokenizer has no token, or only the
/// unknown token. Does not allocate.
template <Tokenizer K>
constexpr UnknownCount count_unknown(const K& tokenizer, std::string_view text) {
  // first_unknown() checks a whole text at once, which is faster than character by character.
  std::size_t next_unknown = first_unknown(tokenizer, text);
  UnknownCount count;
  for (std::size_t at = 0; at < text.size(); ++count.characters) {
    const std::size_t length = character_length(text.substr(at));
    if (next_unknown < at + length) {
      ++count.unknown;
      next_unknown = first_unknown(tokenizer, text.substr(at + length));
      if (next_unknown != std::string_view::npos) next_unknown += at + length;
    }
    at += length;
  }
  return count;
}

}  // namespace OCTAVO_NAMESPACE
