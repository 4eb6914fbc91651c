// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/base/utf8.hpp>

namespace OCTAVO_NAMESPACE {

/// Finds the distinct characters of a text that is added in pieces: its code points, and the bytes
/// that belong to no code point. Memory: less than 2 KB for ASCII; for other texts 35 KB plus 2 KB
/// for each block of 256 code points that occurs, 9 MB at most.
class AlphabetFinder {
 public:
  /// The most characters of more than one byte in an alphabet.
  static constexpr std::size_t most_characters = 16384;

  /// Adds the next piece of the text, which may end within a character.
  void add(std::string_view text);

  /// The characters in increasing order: first every byte that occurs, inside a longer character or
  /// not, then the characters of more than one byte. If these are more than most_characters, only
  /// the most frequent are taken, and among equally frequent ones those with smaller code points.
  std::string alphabet() const;

  /// The number of distinct characters that did not fit into the alphabet; they are encoded as
  /// tokens for bytes.
  std::size_t left_out() const { return distinct_ - std::min(distinct_, most_characters); }

  std::size_t memory_bytes() const noexcept;

 private:
  static constexpr std::size_t page_codes = 256;
  using Page =
      std::array<std::uint64_t, page_codes>;  ///< how often each of its code points occurred
  struct Counted {
    std::uint32_t code;
    std::uint64_t times;
  };

  static bool is_before(const Counted& a, const Counted& b) noexcept;
  static bool has_smaller_code(const Counted& a, const Counted& b) noexcept {
    return a.code < b.code;
  }

  /// Counts whole characters; an incomplete character at the end waits in open_.
  void count(std::string_view text);

  void count_code(std::uint32_t code);

  std::vector<Counted> counted() const;

  std::array<bool, 256> seen_{};
  std::vector<std::unique_ptr<Page>> pages_;  ///< by code point; empty: only ASCII so far
  std::size_t distinct_ = 0;                  ///< code points beyond ASCII
  std::string open_;                          ///< an incomplete character, up to three bytes
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE void AlphabetFinder::add(std::string_view text) {
  for (const char symbol : text) seen_[static_cast<unsigned char>(symbol)] = true;
  while (!open_.empty() && !text.empty()) {
    open_ += text.front();
    text.remove_prefix(1);
    const std::string begun = open_;
    open_.clear();
    count(begun);
  }
  count(text);
}

OCTAVO_INLINE std::string AlphabetFinder::alphabet() const {
  std::string result;
  for (std::size_t byte = 0; byte < seen_.size(); ++byte) {
    if (seen_[byte]) result += static_cast<char>(static_cast<unsigned char>(byte));
  }
  std::vector<Counted> kept = counted();
  if (kept.size() > most_characters) {
    std::sort(kept.begin(), kept.end(), is_before);
    kept.resize(most_characters);
    std::sort(kept.begin(), kept.end(), has_smaller_code);
  }
  for (const Counted& character : kept) append_utf8(result, character.code);
  return result;
}

OCTAVO_INLINE std::size_t AlphabetFinder::memory_bytes() const noexcept {
  std::size_t bytes = sizeof(*this) + pages_.capacity() * sizeof(pages_[0]);
  for (const auto& page : pages_) bytes += page == nullptr ? 0 : sizeof(Page);
  return bytes;
}

OCTAVO_INLINE bool AlphabetFinder::is_before(const Counted& a, const Counted& b) noexcept {
  return a.times != b.times ? a.times > b.times : a.code < b.code;
}

OCTAVO_INLINE void AlphabetFinder::count(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const std::string_view rest = text.substr(at);
    const std::size_t length = utf8_length(rest);
    if (length > 0) {
      count_code(utf8_code(rest.substr(0, length)));
    } else if (utf8_is_front(rest)) {
      open_ = rest;
      return;
    }
    at += length == 0 ? 1 : length;
  }
}

OCTAVO_INLINE void AlphabetFinder::count_code(std::uint32_t code) {
  if (pages_.empty()) pages_.resize(0x110000 / page_codes);
  std::unique_ptr<Page>& page = pages_[code / page_codes];
  if (page == nullptr) page = std::make_unique<Page>();
  if ((*page)[code % page_codes]++ == 0) ++distinct_;
}

OCTAVO_INLINE std::vector<AlphabetFinder::Counted> AlphabetFinder::counted() const {
  std::vector<Counted> result;
  result.reserve(distinct_);
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    for (std::size_t j = 0; pages_[i] != nullptr && j < page_codes; ++j) {
      const std::uint64_t times = (*pages_[i])[j];
      if (times > 0) result.push_back({static_cast<std::uint32_t>(i * page_codes + j), times});
    }
  }
  return result;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
