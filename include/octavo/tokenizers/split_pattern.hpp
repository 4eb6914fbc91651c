// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/tokenizers/gpt2_split.hpp>
#include <octavo/tokenizers/nfc.hpp>
#include <octavo/tokenizers/unicode_letters.hpp>

// How byte-level byte-pair encodings split a text into pieces before they merge pairs within each.
// Each pattern is written by hand: linear in the length of the text, without recursion. Bytes that
// are not UTF-8 are as in gpt2_split.hpp.
namespace OCTAVO_NAMESPACE {

/// The patterns of tokenizers, by the family that introduced them.
enum class SplitPattern : std::uint8_t {
  gpt2,    ///< GPT-2
  llama3,  ///< Llama 3: numbers in groups of three, contractions in any case
  qwen2,   ///< Qwen2, 2.5, 3: as Llama 3, but digits one by one
  smollm,  ///< SmolLM, StarCoder: digits one by one, what is between them as GPT-2 splits it
  tekken,  ///< Mistral-Nemo: words also end where a capital follows a small letter
};

/// Their names, in files.
inline constexpr std::array<std::string_view, 5> split_pattern_names{"gpt2", "llama3", "qwen2",
                                                                     "smollm", "tekken"};

/// The pattern as a regular expression. SmolLM's is GPT-2's, between digits.
constexpr std::string_view split_regex(SplitPattern pattern) noexcept {
  switch (pattern) {
    case SplitPattern::llama3:
      return R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
             R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    case SplitPattern::qwen2:
      return R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
             R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    case SplitPattern::tekken:
      return R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
             R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
             R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    default:
      return R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  }
}

/// The end of the piece of `text` that starts at `begin`, which must be less than the text's size
/// and the end of the piece before.
OCTAVO_INLINE std::size_t piece_end(SplitPattern pattern, std::string_view text,
                                    std::size_t begin) noexcept;

/// The size of the longest proper prefix of `text` found whose pieces do not depend on the rest,
/// and on which the pieces of the rest do not depend; 0 if there is none. `normalized`: whether
/// both are also normalized (NFC) independently.
OCTAVO_INLINE std::size_t split_last_cut(SplitPattern pattern, std::string_view text,
                                         bool normalized) noexcept;

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {
namespace detail {

inline constexpr std::size_t no_piece = 0;

constexpr bool is_line_end(char byte) noexcept { return byte == '\r' || byte == '\n'; }

/// As contraction_at, in any case: 's is also the apostrophe and U+017F, a long s.
OCTAVO_INLINE std::size_t any_contraction_at(std::string_view text, std::size_t at) noexcept {
  if (text[at] != '\'' || at + 1 == text.size()) return 0;
  const auto small = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<char>(text[at + i] | 0x20) : '\0';
  };
  const char next = small(1), last = small(2);
  if (next == 's' || next == 't' || next == 'm' || next == 'd') return 2;
  if ((next == 'r' || next == 'v') && last == 'e') return 3;
  if (next == 'l' && last == 'l') return 3;
  return text.substr(at + 1, 2) == "\xc5\xbf" ? 3 : 0;
}

/// \s*[\r\n]+|\s+(?!\S)|\s+
OCTAVO_INLINE std::size_t end_of_lines(std::string_view text, std::size_t begin) noexcept {
  std::size_t last = begin, end = begin, line = no_piece;
  while (end < text.size()) {
    const Character character = character_at(text, end);
    if (character.kind != CharacterClass::space) break;
    last = end;
    end += character.size;
    if (is_line_end(text[last])) line = end;
  }
  if (line != no_piece) return line;
  return end == text.size() || last == begin ? end : last;
}

/// " ?[^\s\p{L}\p{N}]+" and what follows of `more`; no_piece if it does not match.
OCTAVO_INLINE std::size_t end_of_marks(std::string_view text, std::size_t begin,
                                       std::string_view more) noexcept {
  const std::size_t at = text[begin] == ' ' && begin + 1 < text.size() ? begin + 1 : begin;
  std::size_t end = end_of_run(text, at, CharacterClass::other);
  if (end == at) return no_piece;
  while (end < text.size() && more.find(text[end]) != more.npos) ++end;
  return end;
}

OCTAVO_INLINE std::size_t llama_piece_end(std::string_view text, std::size_t begin,
                                          int digits) noexcept {
  if (const std::size_t size = any_contraction_at(text, begin)) return begin + size;
  const Character first = character_at(text, begin);
  std::size_t end = begin + first.size;
  if (first.kind == CharacterClass::letter) return end_of_run(text, end, first.kind);
  if (first.kind == CharacterClass::number) {
    for (int more = digits - 1; more > 0 && end < text.size(); --more) {
      const Character next = character_at(text, end);
      if (next.kind != CharacterClass::number) break;
      end += next.size;
    }
    return end;
  }
  if (!is_line_end(text[begin])) {
    const std::size_t word = end_of_run(text, end, CharacterClass::letter);
    if (word > end) return word;
  }
  const std::size_t marks = end_of_marks(text, begin, "\r\n");
  return marks != no_piece ? marks : end_of_lines(text, begin);
}

OCTAVO_INLINE std::size_t smollm_piece_end(std::string_view text, std::size_t begin) noexcept {
  const Character first = character_at(text, begin);
  if (first.kind == CharacterClass::number) return begin + first.size;
  if (first.kind == CharacterClass::space) {  // a digit is the end of what GPT-2's pattern sees
    const std::size_t end = end_of_run(text, begin, CharacterClass::space);
    const bool last = end == text.size() || character_at(text, end).kind == CharacterClass::number;
    if (last) return end;
  }
  return gpt2_piece_end(text, begin);
}

struct CasedCharacter {
  LetterCase kind;
  std::size_t size;
};

OCTAVO_INLINE CasedCharacter cased_at(std::string_view text, std::size_t at) noexcept {
  const std::size_t size = utf8_length(text.substr(at));
  if (size == 0) return {LetterCase::none, 1};
  return {letter_case(utf8_code(text.substr(at, size))), size};
}

/// The ends of [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+ from `begin` on, and of
/// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*, which is tried after it.
struct TekkenWord {
  std::size_t small = no_piece, capital = no_piece;
};

OCTAVO_INLINE TekkenWord tekken_word(std::string_view text, std::size_t begin) noexcept {
  std::size_t at = begin, shared = no_piece;  // the end of the last character that both parts take
  for (; at < text.size();) {
    const CasedCharacter next = cased_at(text, at);
    if (next.kind == LetterCase::none || next.kind == LetterCase::small) break;
    at += next.size;
    if (next.kind != LetterCase::capital) shared = at;
  }
  std::size_t end = at;
  while (end < text.size()) {
    const CasedCharacter next = cased_at(text, end);
    if (next.kind == LetterCase::none || next.kind == LetterCase::capital) break;
    end += next.size;
  }
  return {end > at ? end : shared, at > begin ? end : no_piece};
}

OCTAVO_INLINE std::size_t tekken_piece_end(std::string_view text, std::size_t begin) noexcept {
  const Character first = character_at(text, begin);
  const std::size_t next = begin + first.size;
  const bool number = first.kind == CharacterClass::number;
  if (number) return next;
  TekkenWord after;  // the word after a first character that is neither letter nor line end
  if (first.kind != CharacterClass::letter && !is_line_end(text[begin])) {
    after = tekken_word(text, next);
  }
  if (after.small != no_piece) return after.small;
  const TekkenWord here = tekken_word(text, begin);
  for (const std::size_t end : {here.small, after.capital, here.capital}) {
    if (end != no_piece) return end;
  }
  const std::size_t marks = end_of_marks(text, begin, "\r\n/");
  return marks != no_piece ? marks : end_of_lines(text, begin);
}

}  // namespace detail

OCTAVO_INLINE std::size_t piece_end(SplitPattern pattern, std::string_view text,
                                    std::size_t begin) noexcept {
  switch (pattern) {
    case SplitPattern::llama3:
      return detail::llama_piece_end(text, begin, 3);
    case SplitPattern::qwen2:
      return detail::llama_piece_end(text, begin, 1);
    case SplitPattern::smollm:
      return detail::smollm_piece_end(text, begin);
    case SplitPattern::tekken:
      return detail::tekken_piece_end(text, begin);
    default:
      return gpt2_piece_end(text, begin);
  }
}

OCTAVO_INLINE std::size_t split_last_cut(SplitPattern pattern, std::string_view text,
                                         bool normalized) noexcept {
  using enum CharacterClass;
  const bool gpt2 = pattern == SplitPattern::gpt2 || pattern == SplitPattern::smollm;
  for (std::size_t at = text.size(); at-- > 1;) {
    const auto byte = static_cast<unsigned char>(text[at]);
    // The cut may be inside a character, or after an incomplete one.
    if (byte >= 0x80 && ((byte & 0xc0) == 0x80 || text.size() - at < 4)) continue;
    const CharacterClass before = detail::class_before(text, at);
    const CharacterClass after = detail::character_at(text, at).kind;
    const bool word = before == letter || before == number;
    if (before == after || !(word || (gpt2 && before == other && after == space))) continue;
    if (pattern == SplitPattern::tekken && detail::cased_at(text, at).kind == LetterCase::mark) {
      continue;
    }
    if (!normalized || nfc_boundary(text, at)) return at;
  }
  return 0;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
