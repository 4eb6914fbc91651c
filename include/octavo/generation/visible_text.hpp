// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/generation/utf8_assembler.hpp>

namespace OCTAVO_NAMESPACE {

/// How visible_text() writes line ends and tabs.
enum class LineEnds { keep, escape };

/// Makes text from a model, a user or a file safe for a terminal or a log: nothing is left that a
/// terminal would obey or could not show. Invalid UTF-8 becomes U+FFFD (see Utf8Assembler), and
/// each byte of a control character "\xNN". Line ends and tabs stay, or become "\n" and "\x09".
inline std::string visible_text(std::string_view text, LineEnds line_ends = LineEnds::keep) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string visible;
  const auto write = [&](std::string_view character) {
    const auto first = static_cast<unsigned char>(character.front());
    const bool short_control = first < 0x20 || first == 0x7f;
    const bool long_control =  // U+0080 to U+009F
        first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
    if (first == '\n' || (first == '\t' && line_ends == LineEnds::keep)) {
      visible += line_ends == LineEnds::keep ? character : "\\n";
    } else if (short_control || long_control) {
      for (const char byte : character) {
        visible += "\\x";
        visible += digits[static_cast<unsigned char>(byte) >> 4];
        visible += digits[static_cast<unsigned char>(byte) & 15];
      }
    } else {
      visible += character;
    }
  };
  Utf8Assembler assembler;
  for (const char byte : text) assembler.add(byte, write);
  assembler.finish(write);
  return visible;
}

/// As above in one line: line ends and tabs are escaped.
inline std::string one_line(std::string_view text) { return visible_text(text, LineEnds::escape); }

}  // namespace OCTAVO_NAMESPACE
