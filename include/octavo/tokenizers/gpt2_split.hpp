// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <octavo/tokenizers/unicode_classes.hpp>

// How GPT-2 splits a text into pieces before it merges pairs within each: its pattern
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// (GPT-2's encoder.py), written by hand. The text is UTF-8. A byte that starts no well-formed
// character (Unicode 16.0, table 3-7) stands for itself and is, like U+FFFD, neither letter nor
// number nor space: no byte is lost or changed.
namespace OCTAVO_NAMESPACE {
namespace detail {

struct Character {
  CharacterClass kind;
  std::uint32_t size;  ///< in bytes
};

/// The character at `at`, which must be inside `text` and start with a byte of 0x80 or more.
OCTAVO_INLINE Character wide_character_at(std::string_view text, std::size_t at) noexcept;

OCTAVO_INLINE Character character_at(std::string_view text, std::size_t at) noexcept;

/// The end of the run of characters of one class that starts at `at`.
OCTAVO_INLINE std::size_t end_of_run(std::string_view text, std::size_t at,
                                     CharacterClass kind) noexcept;

/// The number of bytes of 's, 't, 're, 've, 'm, 'll or 'd at `at`; 0 if none of them is there.
OCTAVO_INLINE std::size_t contraction_at(std::string_view text, std::size_t at) noexcept;

/// The end of a run of spaces as a piece: before its last space, which belongs to the next piece,
/// unless nothing follows or the run has only one space.
OCTAVO_INLINE std::size_t end_of_spaces(std::string_view text, std::size_t begin) noexcept;

/// The class of the character that ends at `at`, which must be between two characters.
OCTAVO_INLINE CharacterClass class_before(std::string_view text, std::size_t at) noexcept;

}  // namespace detail

/// The end of the piece of `text` that starts at `begin`, which must be less than the text's size
/// and the end of the piece before.
OCTAVO_INLINE std::size_t gpt2_piece_end(std::string_view text, std::size_t begin) noexcept;

/// The size of the longest proper prefix of `text` whose pieces do not depend on the rest, and on
/// which the pieces of the rest do not depend: both may be split, and encoded, separately. 0 if
/// there is none. The cut is where a word or number ends, or a space begins.
OCTAVO_INLINE std::size_t gpt2_last_cut(std::string_view text) noexcept;

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE Character wide_character_at(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const std::uint32_t lead = byte(0);
  constexpr Character itself{CharacterClass::other, 1};
  if (lead < 0xc2 || lead > 0xf4 || !follows(1)) return itself;
  if (lead < 0xe0) return {class_of_code((lead & 0x1f) << 6 | (byte(1) & 0x3f)), 2};
  if (!follows(2)) return itself;
  if (lead < 0xf0) {
    const std::uint32_t code = (lead & 0xf) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < 0x800 || surrogate ? itself : Character{class_of_code(code), 3};
  }
  if (!follows(3)) return itself;
  const std::uint32_t code =
      (lead & 7) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
  return code < 0x10000 || code > 0x10ffff ? itself : Character{class_of_code(code), 4};
}

OCTAVO_INLINE Character character_at(std::string_view text, std::size_t at) noexcept {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 128) return {ascii_classes[byte], 1};
  return wide_character_at(text, at);
}

OCTAVO_INLINE std::size_t end_of_run(std::string_view text, std::size_t at,
                                     CharacterClass kind) noexcept {
  while (at < text.size()) {
    const Character character = character_at(text, at);
    if (character.kind != kind) break;
    at += character.size;
  }
  return at;
}

OCTAVO_INLINE std::size_t contraction_at(std::string_view text, std::size_t at) noexcept {
  if (text[at] != '\'' || at + 1 == text.size()) return 0;
  const char next = text[at + 1];
  if (next == 's' || next == 't' || next == 'm' || next == 'd') return 2;
  const std::string_view two = text.substr(at + 1, 2);
  return two == "re" || two == "ve" || two == "ll" ? 3 : 0;
}

OCTAVO_INLINE std::size_t end_of_spaces(std::string_view text, std::size_t begin) noexcept {
  std::size_t last = begin, end = begin;
  while (end < text.size()) {
    const Character character = character_at(text, end);
    if (character.kind != CharacterClass::space) return last == begin ? end : last;
    last = end;
    end += character.size;
  }
  return end;
}

OCTAVO_INLINE CharacterClass class_before(std::string_view text, std::size_t at) noexcept {
  for (std::size_t size = 1; size <= 4 && size <= at; ++size) {
    const auto byte = static_cast<unsigned char>(text[at - size]);
    if ((byte & 0xc0) == 0x80) continue;
    const Character character = character_at(text, at - size);
    return character.size == size ? character.kind : CharacterClass::other;
  }
  return CharacterClass::other;
}

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::size_t gpt2_piece_end(std::string_view text, std::size_t begin) noexcept {
  if (const std::size_t size = detail::contraction_at(text, begin)) return begin + size;
  detail::Character first = detail::character_at(text, begin);
  std::size_t at = begin;
  if (text[begin] == ' ' && begin + 1 < text.size()) {
    const detail::Character next = detail::character_at(text, begin + 1);
    if (next.kind != CharacterClass::space) {
      first = next;
      ++at;
    }
  }
  if (first.kind == CharacterClass::space) return detail::end_of_spaces(text, begin);
  return detail::end_of_run(text, at + first.size, first.kind);
}

OCTAVO_INLINE std::size_t gpt2_last_cut(std::string_view text) noexcept {
  using enum CharacterClass;
  for (std::size_t at = text.size(); at-- > 1;) {
    const auto byte = static_cast<unsigned char>(text[at]);
    // The cut may be inside a character, or after an incomplete one.
    if (byte >= 0x80 && ((byte & 0xc0) == 0x80 || text.size() - at < 4)) continue;
    const CharacterClass before = detail::class_before(text, at);
    const CharacterClass after = detail::character_at(text, at).kind;
    const bool word = before == letter || before == number;
    if (before != after && (word || (before == other && after == space))) return at;
  }
  return 0;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
