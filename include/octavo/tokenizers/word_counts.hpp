// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>

#include <octavo/files/page_block.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// Counts words (any bytes) in limited memory. If a new word does not fit, half of the words are
/// dropped: the least frequent so far; ties drop the later one. A word longer than an eighth of the
/// memory is counted as several words.
class WordCounts {
 public:
  struct Word {
    std::int64_t times;
    std::uint32_t begin, size;  ///< of its bytes
  };

  /// Uses at most `bytes` of memory, touched as needed.
  explicit WordCounts(std::size_t bytes);

  void add(std::string_view word);

  /// All known words by index, in the order of their first occurrence.
  std::span<const Word> words() const noexcept { return words_.first(count_); }
  std::string_view bytes(const Word& word) const noexcept;
  /// The number of words counted.
  std::int64_t total() const noexcept { return total_; }
  /// Bytes of memory touched so far.
  std::size_t memory_bytes() const noexcept { return most_touched_; }

  /// The indices of all words, the most frequent first; ties: the earlier first.
  void order(std::span<std::uint32_t> numbers) const;

 private:
  static constexpr std::size_t least_bytes = 65536;
  static constexpr std::size_t most_bytes = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t bytes_per_word = 80;  ///< memory / most words
  static constexpr std::size_t first_slots = 4096;

  std::size_t longest_word() const noexcept { return block_.size() / 8; }

  /// Whether word a precedes word b: it is more frequent, or equally frequent and earlier.
  struct MoreFrequent {
    std::span<const Word> words;
    bool operator()(std::uint32_t a, std::uint32_t b) const noexcept {
      return words[a].times != words[b].times ? words[a].times > words[b].times : a < b;
    }
  };

  void add_short(std::string_view word);

  /// The slot of the word's index, counted from 1, or the free slot for it.
  std::size_t find(std::string_view word) const noexcept;

  void fill_slots();

  void drop_half();

  PageBlock block_;
  std::span<std::uint32_t> slots_;  ///< by hash: a word's index + 1; 0: empty
  std::span<Word> words_;
  std::span<char> bytes_;
  std::size_t slots_used_;  ///< the others are untouched
  std::size_t count_ = 0;
  std::size_t filled_ = 0;
  std::int64_t total_ = 0;
  std::size_t most_touched_ = 0;
};

}  // namespace OCTAVO_NAMESPACE::detail

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE WordCounts::WordCounts(std::size_t bytes)
    : block_(std::clamp(bytes, least_bytes, most_bytes)),
      slots_(block_.take<std::uint32_t>(2 * (block_.size() / bytes_per_word))),
      words_(block_.take<Word>(block_.size() / bytes_per_word)),
      bytes_(block_.take<char>(block_.size() * 5 / 8)),
      slots_used_(std::min<std::size_t>(first_slots, slots_.size())) {}

OCTAVO_INLINE void WordCounts::add(std::string_view word) {
  for (; word.size() > longest_word(); word.remove_prefix(longest_word())) {
    add_short(word.substr(0, longest_word()));
  }
  add_short(word);
}

OCTAVO_INLINE std::string_view WordCounts::bytes(const Word& word) const noexcept {
  return {bytes_.data() + word.begin, word.size};
}

OCTAVO_INLINE void WordCounts::order(std::span<std::uint32_t> numbers) const {
  std::iota(numbers.begin(), numbers.end(), std::uint32_t{0});
  std::sort(numbers.begin(), numbers.end(), MoreFrequent{words()});
}

OCTAVO_INLINE void WordCounts::add_short(std::string_view word) {
  if (word.empty()) return;
  ++total_;
  std::size_t slot = find(word);
  if (slots_[slot] != 0) {
    ++words_[slots_[slot] - 1].times;
    return;
  }
  if (count_ == words_.size() || word.size() > bytes_.size() - filled_) {
    while (count_ == words_.size() || word.size() > bytes_.size() - filled_) drop_half();
    slot = find(word);
  }
  std::memcpy(bytes_.data() + filled_, word.data(), word.size());
  words_[count_] = {1, static_cast<std::uint32_t>(filled_),
                    static_cast<std::uint32_t>(word.size())};
  filled_ += word.size();
  slots_[slot] = static_cast<std::uint32_t>(++count_);
  if (2 * count_ > slots_used_ && slots_used_ < slots_.size()) {
    slots_used_ = std::min(2 * slots_used_, slots_.size());
    fill_slots();
  }
  most_touched_ = std::max(most_touched_, 4 * slots_used_ + sizeof(Word) * count_ + filled_);
}

OCTAVO_INLINE std::size_t WordCounts::find(std::string_view word) const noexcept {
  const std::uint64_t hash = std::hash<std::string_view>{}(word)*0x9e3779b97f4a7c15u;
  auto slot = static_cast<std::size_t>((hash >> 32) * slots_used_ >> 32);
  while (slots_[slot] != 0 && bytes(words_[slots_[slot] - 1]) != word) {
    slot = slot + 1 == slots_used_ ? 0 : slot + 1;
  }
  return slot;
}

OCTAVO_INLINE void WordCounts::fill_slots() {
  std::fill_n(slots_.begin(), slots_used_, 0u);
  for (std::size_t i = 0; i < count_; ++i) {
    slots_[find(bytes(words_[i]))] = static_cast<std::uint32_t>(i + 1);
  }
}

OCTAVO_INLINE void WordCounts::drop_half() {
  const std::span<std::uint32_t> numbers = slots_.first(count_);  // filled again below
  std::iota(numbers.begin(), numbers.end(), std::uint32_t{0});
  const std::span<std::uint32_t> kept = numbers.first(count_ / 2);
  std::nth_element(numbers.begin(), kept.end(), numbers.end(), MoreFrequent{words()});
  std::sort(kept.begin(), kept.end());
  count_ = filled_ = 0;
  for (const std::uint32_t number : kept) {
    Word word = words_[number];
    std::memmove(bytes_.data() + filled_, bytes_.data() + word.begin, word.size);
    word.begin = static_cast<std::uint32_t>(filled_);
    filled_ += word.size;
    words_[count_++] = word;
  }
  fill_slots();
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
