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
#include <octavo/files/byte_source.hpp>

namespace OCTAVO_NAMESPACE {

/// Bytes of a text that are looked at together.
inline constexpr std::size_t text_piece_bytes = 65536;

/// Calls body(std::string_view) for a text's pieces of text_piece_bytes, in order; the last may be
/// shorter.
template <typename Body>
void for_each_piece(const ByteSource& text, Body body) {
  std::string piece(std::min(text_piece_bytes, text.size()), '\0');
  for (std::size_t at = 0; at < text.size(); at += piece.size()) {
    piece.resize(std::min(piece.size(), text.size() - at));
    text.read(at, std::as_writable_bytes(std::span(piece)));
    body(std::string_view(piece));
  }
}

/// A tokenizer that says where a text may be cut. last_cut(text) is the size of the longest front
/// of `text` whose tokens are the same whatever follows, and behind which the rest has the same
/// tokens as by itself; 0 if there is none. Tokenizers without it encode byte by byte: their texts
/// may be cut anywhere.
template <typename K>
concept CutsText = requires(const K tokenizer, std::string_view text) {
  { tokenizer.last_cut(text) } -> std::same_as<std::size_t>;
};

/// Calls body(std::span<const Token>) for the tokens of a text, some at a time, in order; returns
/// how many there were. The text is read in pieces of text_piece_bytes, each cut where the
/// tokenizer says; one that it cannot cut is cut at its end. Memory: five times a piece. Throws
/// UnknownSymbol as the tokenizer does, with the offset in the whole text.
template <typename K, typename Body>
std::size_t encode_text(const K& tokenizer, const ByteSource& text, Body body) {
  const std::size_t most = std::min(text_piece_bytes, text.size());
  std::string piece(most, '\0');
  std::vector<Token> tokens(most);
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += piece.size()) {
    piece.resize(std::min(most, text.size() - at));
    text.read(at, std::as_writable_bytes(std::span(piece)));
    if constexpr (CutsText<K>) {
      const std::size_t cut = at + piece.size() < text.size() ? tokenizer.last_cut(piece) : 0;
      if (cut > 0) piece.resize(cut);
    }
    try {
      const std::size_t got = tokenizer.encode(piece, tokens);
      body(std::span<const Token>(tokens).first(got));
      count += got;
    } catch (const UnknownSymbol& error) {
      if (at == 0) throw;
      throw UnknownSymbol(detail::concat({"from byte ", at, " on, ", error.what()}),
                          at + error.offset(), error.hint());
    }
  }
  return count;
}

}  // namespace OCTAVO_NAMESPACE
