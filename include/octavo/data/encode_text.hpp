// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/data/text_pieces.hpp>
#include <octavo/files/byte_source.hpp>

namespace OCTAVO_NAMESPACE {

/// A tokenizer that knows where a text may be cut. last_cut(text) is the size of the longest prefix
/// of `text` whose tokens do not depend on the rest, and on which the tokens of the rest do not
/// depend; 0 if there is none. A tokenizer whose tokens depend on whether a text begins has an
/// encode_rest(text, out) for the rest. Tokenizers without last_cut have a token for each byte:
/// their texts may be cut anywhere.
template <typename K>
concept CutsText = requires(const K tokenizer, std::string_view text) {
  { tokenizer.last_cut(text) } -> std::same_as<std::size_t>;
};

namespace detail {

/// The most tokens of a text of so many bytes.
template <typename K>
std::size_t token_room(const K& tokenizer, std::size_t bytes) {
  if constexpr (requires { tokenizer.most_tokens(bytes); }) return tokenizer.most_tokens(bytes);
  return bytes;
}

template <typename K>
std::size_t encode_piece(const K& tokenizer, const TextPiece& piece, std::span<Token> out) {
  if constexpr (requires { tokenizer.encode_rest(piece.bytes, out); }) {
    if (piece.continues) return tokenizer.encode_rest(piece.bytes, out);
  }
  return tokenizer.encode(piece.bytes, out);
}

}  // namespace detail

/// Calls body(std::span<const Token>) for the tokens of a text of documents, in parts and in order;
/// returns the number of tokens. `end`, the token that ends a text, follows each document,
/// including the last, and the tokenizer's tokens before a text (TextFrame) precede it; without
/// borders neither occurs. Each document is encoded by itself. The
/// text is read in pieces of text_piece_bytes, cut where the tokenizer allows; a piece without a
/// cut is cut at its end. Memory: a piece, and the most tokens of one. Throws UnknownSymbol as the
/// tokenizer does, with the offset in the whole text.
template <typename K, typename Body>
std::size_t encode_documents(const K& tokenizer, const ByteSource& text,
                             const DocumentBorders& borders, Token end, Body body) {
  std::vector<Token> tokens(detail::token_room(tokenizer, std::min(text_piece_bytes, text.size())));
  std::size_t count = 0;
  const auto cut = [&](std::string_view part) {
    if constexpr (CutsText<K>) return tokenizer.last_cut(part);
    return part.size();
  };
  for_each_piece(text, borders, cut, [&](const TextPiece& piece) {
    if constexpr (requires { tokenizer.frame(); }) {
      if (borders.any() && !piece.continues && !tokenizer.frame().before.empty()) {
        body(std::span<const Token>(tokenizer.frame().before));
        count += tokenizer.frame().before.size();
      }
    }
    try {
      const std::size_t got = detail::encode_piece(tokenizer, piece, tokens);
      body(std::span<const Token>(tokens).first(got));
      count += got;
    } catch (const UnknownSymbol& error) {
      if (piece.offset == 0) throw;
      throw UnknownSymbol(detail::concat({"from byte ", piece.offset, " on, ", error.what()}),
                          piece.offset + error.offset(), error.hint());
    }
    if (!piece.ends_document) return;
    body(std::span<const Token>(&end, 1));
    ++count;
  });
  return count;
}

/// As above, for a text that is not divided into documents.
template <typename K, typename Body>
std::size_t encode_text(const K& tokenizer, const ByteSource& text, Body body) {
  return encode_documents(tokenizer, text, {}, Token{-1}, body);
}

}  // namespace OCTAVO_NAMESPACE
