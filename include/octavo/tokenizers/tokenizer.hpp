// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <span>
#include <string_view>

#include <octavo/base/config.hpp>

namespace octavo {

/// From text to tokens and back.
///
/// - encode(text, out) writes the tokens of `text` to the front of `out`, which must hold at least
///   one token per byte, and returns how many there are. Throws UnknownSymbol, with the byte
///   offset, on what the vocabulary cannot express.
/// - decode(token) is the token's bytes; it stays valid as long as the tokenizer.
///
/// Neither allocates. A tokenizer whose tokens depend on more than one byte at a time says where a
/// text that comes in pieces may be cut: see CutsText in data/encode_text.hpp.
template <typename K>
concept Tokenizer = requires(const K tokenizer, std::string_view text, std::span<Token> out,
                             Token token) {
  { tokenizer.vocabulary_size() } -> std::same_as<Index>;
  { tokenizer.encode(text, out) } -> std::same_as<std::size_t>;
  { tokenizer.decode(token) } -> std::same_as<std::string_view>;
};

}  // namespace octavo
