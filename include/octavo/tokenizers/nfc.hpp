// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/tokenizers/unicode_classes.hpp>

// Unicode's normalization form C (UAX #15), of Unicode 16.0. A byte that starts no well-formed
// character stays as it is, and nothing is joined across it.
namespace OCTAVO_NAMESPACE {

/// Normalization makes a text of UTF-8 at most this many times as long.
inline constexpr std::size_t most_nfc_growth = 3;

/// The text in normalization form C; nothing if it is in that form already.
OCTAVO_INLINE std::optional<std::string> to_nfc(std::string_view text);

/// Whether what is before the character at `at` and what begins with it are normalized
/// independently.
OCTAVO_INLINE bool nfc_boundary(std::string_view text, std::size_t at) noexcept;

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <octavo/base/utf8.hpp>
#include <octavo/tokenizers/nfc_classes.inc>
#include <octavo/tokenizers/nfc_pairs.inc>
#include <octavo/tokenizers/nfc_singles.inc>

namespace OCTAVO_NAMESPACE {
namespace detail {

/// Hangul syllables are numbered by their letters (The Unicode Standard, chapter 3.12).
struct Hangul {
  static constexpr std::uint32_t syllable = 0xac00, lead = 0x1100, vowel = 0x1161, tail = 0x11a7;
  static constexpr std::uint32_t leads = 19, vowels = 21, tails = 28;
  static constexpr std::uint32_t syllables = leads * vowels * tails;
};

OCTAVO_INLINE std::uint8_t combining_class(std::uint32_t code) noexcept {
  const CombiningRange* const found = std::lower_bound(
      std::begin(combining_ranges), std::end(combining_ranges), code,
      [](const CombiningRange& range, std::uint32_t value) { return range.last < value; });
  return found != std::end(combining_ranges) && found->first <= code ? found->value : 0;
}

/// The composite of two characters; 0: none.
OCTAVO_INLINE std::uint32_t composite_of(std::uint32_t first, std::uint32_t second) noexcept {
  using H = Hangul;
  if (first - H::lead < H::leads && second - H::vowel < H::vowels) {
    return H::syllable + ((first - H::lead) * H::vowels + (second - H::vowel)) * H::tails;
  }
  const std::uint32_t syllable = first - H::syllable;
  if (syllable < H::syllables && syllable % H::tails == 0 && second - H::tail - 1 < H::tails - 1) {
    return first + (second - H::tail);
  }
  const auto* const found = std::lower_bound(
      std::begin(nfc_pairs), std::end(nfc_pairs), std::pair(second, first),
      [](const NfcPair& one, const auto& key) { return std::pair(one.second, one.first) < key; });
  const bool same =
      found != std::end(nfc_pairs) && found->first == first && found->second == second;
  return same ? found->composite : 0;
}

/// Appends the characters of which a character consists.
OCTAVO_INLINE void append_decomposed(std::vector<std::uint32_t>& codes, std::uint32_t code) {
  using H = Hangul;
  if (const std::uint32_t syllable = code - H::syllable; syllable < H::syllables) {
    codes.push_back(H::lead + syllable / (H::vowels * H::tails));
    codes.push_back(H::vowel + syllable / H::tails % H::vowels);
    if (syllable % H::tails != 0) codes.push_back(H::tail + syllable % H::tails);
    return;
  }
  const auto by_code = [](const auto& one, std::uint32_t value) { return one.code < value; };
  const auto* const single =
      std::lower_bound(std::begin(nfc_singles), std::end(nfc_singles), code, by_code);
  if (single != std::end(nfc_singles) && single->code == code) code = single->target;
  const auto* const sequence =
      std::lower_bound(std::begin(nfc_sequences), std::end(nfc_sequences), code, by_code);
  if (sequence != std::end(nfc_sequences) && sequence->code == code) {
    for (const std::uint32_t part : sequence->parts) {
      if (part != 0) codes.push_back(part);
    }
    return;
  }
  const std::size_t begin = codes.size();
  for (;;) {  // the second characters, the last first
    const auto* const place = std::lower_bound(
        std::begin(nfc_pairs_by_composite), std::end(nfc_pairs_by_composite), code,
        [](std::uint16_t pair, std::uint32_t value) { return nfc_pairs[pair].composite < value; });
    if (place == std::end(nfc_pairs_by_composite) || nfc_pairs[*place].composite != code) break;
    codes.push_back(nfc_pairs[*place].second);
    code = nfc_pairs[*place].first;
  }
  codes.push_back(code);
  std::reverse(codes.begin() + static_cast<std::ptrdiff_t>(begin), codes.end());
}

/// Sorts combining characters by their class, those of one class as they came.
OCTAVO_INLINE void order_marks(std::vector<std::uint32_t>& codes) {
  const auto is_mark = [](std::uint32_t code) { return combining_class(code) != 0; };
  for (auto begin = codes.begin();;) {
    begin = std::find_if(begin, codes.end(), is_mark);
    if (begin == codes.end()) return;
    const auto end = std::find_if_not(begin, codes.end(), is_mark);
    std::stable_sort(begin, end, [](std::uint32_t a, std::uint32_t b) {
      return combining_class(a) < combining_class(b);
    });
    begin = end;
  }
}

/// Joins characters to the last one of class 0 before them, unless one between has their class or
/// a higher one.
OCTAVO_INLINE void compose(std::vector<std::uint32_t>& codes) {
  constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t count = 0, starter = none;
  int before = -1;  // the class of the last character after the starter; -1: there is none
  for (const std::uint32_t code : codes) {
    const int own = combining_class(code);
    const std::uint32_t joined =
        starter != none && before < own ? composite_of(codes[starter], code) : 0;
    if (joined != 0) {
      codes[starter] = joined;
      continue;
    }
    if (own == 0) starter = count;
    before = own == 0 ? -1 : own;
    codes[count++] = code;
  }
  codes.resize(count);
}

}  // namespace detail

OCTAVO_INLINE bool nfc_boundary(std::string_view text, std::size_t at) noexcept {
  const std::size_t size = utf8_length(text.substr(at));
  return size < 2 || !detail::contains(detail::nfc_active_ranges, utf8_code(text.substr(at, size)));
}

OCTAVO_INLINE std::optional<std::string> to_nfc(std::string_view text) {
  constexpr std::size_t none = std::string_view::npos;
  std::string result;
  std::vector<std::uint32_t> codes;
  std::size_t copied = 0, previous = none;  // where the character before begins, if there is one
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0xcc) {  // below U+0300
      previous = at;
      at += character_length(text.substr(at));
      if (text[previous] & 0x80 && at == previous + 1) previous = none;
      continue;
    }
    if (nfc_boundary(text, at)) {
      const std::size_t size = utf8_length(text.substr(at));
      previous = size == 0 ? none : at;
      at += std::max<std::size_t>(size, 1);
      continue;
    }
    const std::size_t begin = previous == none ? at : previous;
    result += text.substr(copied, begin - copied);
    codes.clear();
    for (at = begin; at < text.size();) {
      const std::size_t size = utf8_length(text.substr(at));
      if (size == 0 || (at > begin && nfc_boundary(text, at))) break;
      detail::append_decomposed(codes, utf8_code(text.substr(at, size)));
      at += size;
    }
    detail::order_marks(codes);
    detail::compose(codes);
    for (const std::uint32_t code : codes) append_utf8(result, code);
    copied = at;
    previous = none;  // what follows is a boundary, or no character
  }
  if (copied == 0) return std::nullopt;
  result += text.substr(copied);
  if (result == text) return std::nullopt;
  return result;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
