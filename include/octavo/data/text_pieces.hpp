// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/data/document_borders.hpp>
#include <octavo/files/byte_source.hpp>

namespace OCTAVO_NAMESPACE {

/// Bytes in a piece of a text.
inline constexpr std::size_t text_piece_bytes = 65536;

/// A piece of a text, in memory.
struct TextPiece {
  std::string_view bytes;
  std::size_t offset = 0;      ///< offset of its first byte in the text
  bool ends_document = false;  ///< whether a document ends with it
  bool continues = false;      ///< whether it does not begin a document (or the text)
};

/// Calls body(TextPiece) for a text's pieces of at most text_piece_bytes, in order. A piece ends
/// with a document, or, within one, after cut(std::string_view) bytes of the bytes read, or after
/// all of them if that is 0. Every byte is read once and in order. Border markers and empty
/// documents are left out. Memory: one piece.
template <typename Cut, typename Body>
void for_each_piece(const ByteSource& text, const DocumentBorders& borders, Cut cut, Body body) {
  std::string buffer(std::min(text_piece_bytes, text.size()), '\0');
  std::size_t begin = 0, end = 0, read = 0;  // range in the buffer, and bytes read
  bool open = false;                         // a document began before this piece
  bool continues = false;                    // so did a text that is not divided
  for (;;) {
    const std::string_view rest(buffer.data() + begin, end - begin);
    const std::size_t offset = read - rest.size();
    if (const auto border = borders.first_in(rest, offset)) {
      if (border->begin > 0 || open) {
        body(TextPiece{rest.substr(0, border->begin), offset, true, continues});
      }
      open = continues = false;
      begin += border->end;
    } else if (read == text.size()) {
      if (!rest.empty() || open) body(TextPiece{rest, offset, borders.any(), continues});
      return;
    } else if (rest.size() < buffer.size()) {
      std::copy(rest.begin(), rest.end(), buffer.begin());
      begin = 0;
      end = rest.size();
      const std::size_t count = std::min(buffer.size() - end, text.size() - read);
      text.read(read, std::as_writable_bytes(std::span(buffer).subspan(end, count)));
      end += count;
      read += count;
    } else {
      const std::string_view whole = rest.substr(0, rest.size() - borders.held_back());
      const std::size_t size = cut(whole);
      body(TextPiece{whole.substr(0, size == 0 ? whole.size() : size), offset, false, continues});
      open = borders.any();
      continues = true;
      begin += size == 0 ? whole.size() : size;
    }
  }
}

/// As above, for a text without documents that may be cut anywhere: body(std::string_view).
template <typename Body>
void for_each_piece(const ByteSource& text, Body body) {
  for_each_piece(
      text, {}, [](std::string_view part) { return part.size(); },
      [&](const TextPiece& piece) { body(piece.bytes); });
}

}  // namespace OCTAVO_NAMESPACE
