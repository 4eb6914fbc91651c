// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/files/page_block.hpp>
#include <octavo/tokenizers/bpe_merges.hpp>
#include <octavo/tokenizers/bpe_pairs.hpp>
#include <octavo/tokenizers/word_counts.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// The words that byte pairs are learned from: the most frequent ones that fit into the memory;
/// ties go to the earlier word. The first word that does not fit is cut to the prefix that fits.
struct BpeSelection {
  std::size_t words = 0;
  std::size_t last_size = 0;  ///< bytes taken of the last word
  std::size_t bytes = 0;      ///< of all words
  std::size_t groups = 0;     ///< of equally frequent words
  std::int64_t total = 0;     ///< occurrences of the words

  /// The most pairs at a time: at most one per pair of neighbours; and a merge removes one place
  /// and makes at most two new pairs.
  std::size_t most_pairs() const noexcept;
  std::size_t memory_bytes() const noexcept;
};

/// `order`: the indices of all words, the most frequent first.
OCTAVO_INLINE BpeSelection select_words(const WordCounts& counts,
                                        std::span<const std::uint32_t> order, std::size_t memory);

/// A training text: its words as tokens, and the places and frequency of each pair of neighbours.
/// Joining a pair visits only the places of that pair.
class BpeText {
 public:
  using Place = std::uint32_t;

  BpeText(const WordCounts& counts, std::span<const std::uint32_t> order,
          const BpeSelection& chosen, const std::array<Token, 256>& token_of_byte);

  BpePairs& pairs() noexcept { return pairs_; }
  std::size_t size_of(Token token) const noexcept;

  /// Joins a pair everywhere, in each word from left to right. `result`: the token that replaces
  /// the pair, the next new one or an existing one. New pairs with the neighbours are offered
  /// unless they are in `taken`.
  void join(BpePairs::Number pair, Token result, const BpeMerges& taken);

 private:
  // The first and the last cell of a token hold the token and whether it is the first or last of
  // its word.
  static constexpr std::uint32_t first_of_word = 1u << 30, last_of_word = 1u << 31;

  Token token(Place at) const noexcept;
  bool is_first(Place at) const noexcept { return (cells_[at] & first_of_word) != 0; }
  bool is_last(Place at) const noexcept { return (cells_[at] & last_of_word) != 0; }
  Place size(Token token) const noexcept { return static_cast<Place>(size_of(token)); }

  /// The frequency of the word at a place.
  std::int64_t times(Place at) const noexcept;

  void insert(Place at, std::uint64_t key, std::int64_t times, bool offered);

  void remove(Place at, BpePairs::Number pair, std::int64_t times) noexcept;

  /// Removes one occurrence of a pair with a neighbour.
  void remove_pair(Place at, Token left, Token right, std::int64_t times, BpePairs::Number joined);

  void replace(BpePairs::Number pair, Place at, Token result, const BpeMerges& taken);

  PageBlock block_;
  std::span<std::uint32_t> cells_;  ///< of all words, a cell for each byte
  std::span<Place> next_,
      previous_;  ///< places of the same pair; the place of a pair is that of its left token
  std::span<Place> group_ends_;  ///< of equally frequent words
  std::span<std::int64_t> group_times_;
  BpePairs pairs_;
  std::vector<std::uint16_t> sizes_;  ///< bytes of each token
};

}  // namespace OCTAVO_NAMESPACE::detail

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE std::size_t BpeSelection::most_pairs() const noexcept {
  const std::size_t neighbours = bytes - words;
  return (2 * neighbours + std::min<std::size_t>(neighbours, 65536)) / 3 + 3;
}

OCTAVO_INLINE std::size_t BpeSelection::memory_bytes() const noexcept {
  return 3 * PageBlock::bytes_for<std::uint32_t>(bytes) +
         PageBlock::bytes_for<std::uint32_t>(groups) + PageBlock::bytes_for<std::int64_t>(groups) +
         BpePairs::memory_bytes(most_pairs());
}

OCTAVO_INLINE BpeSelection select_words(const WordCounts& counts,
                                        std::span<const std::uint32_t> order, std::size_t memory) {
  BpeSelection chosen;
  std::int64_t times = 0;
  for (const std::uint32_t number : order) {
    const WordCounts::Word& word = counts.words()[number];
    const auto with = [&](std::size_t size) {
      BpeSelection more = chosen;
      ++more.words;
      more.last_size = size;
      more.bytes += size;
      more.groups += word.times == times ? 0 : 1;
      more.total += word.times;
      return more;
    };
    const auto fits = [&](std::size_t size) {
      const BpeSelection more = with(size);
      return more.memory_bytes() <= memory && more.bytes < BpePairs::none;
    };
    if (fits(word.size)) {
      chosen = with(word.size);
      times = word.times;
      continue;
    }
    std::size_t size = 0;
    for (std::size_t step = std::bit_floor(std::size_t{word.size}); step > 0; step /= 2) {
      if (size + step < word.size && fits(size + step)) size += step;
    }
    return size > 1 ? with(size) : chosen;
  }
  return chosen;
}

OCTAVO_INLINE BpeText::BpeText(const WordCounts& counts, std::span<const std::uint32_t> order,
                               const BpeSelection& chosen,
                               const std::array<Token, 256>& token_of_byte)
    : block_(chosen.memory_bytes()),
      cells_(block_.take<std::uint32_t>(chosen.bytes)),
      next_(block_.take<Place>(chosen.bytes)),
      previous_(block_.take<Place>(chosen.bytes)),
      group_ends_(block_.take<Place>(chosen.groups)),
      group_times_(block_.take<std::int64_t>(chosen.groups)),
      pairs_(block_, chosen.most_pairs()),
      sizes_(256, 1) {
  Place end = 0;
  std::size_t group = 0;
  for (std::size_t i = 0; i < chosen.words; ++i) {
    const WordCounts::Word& word = counts.words()[order[i]];
    const std::string_view bytes =
        counts.bytes(word).substr(0, i + 1 == chosen.words ? chosen.last_size : word.size);
    cells_[end] |= first_of_word;
    for (const char byte : bytes) {
      cells_[end++] |= static_cast<std::uint32_t>(token_of_byte[static_cast<unsigned char>(byte)]);
    }
    cells_[end - 1] |= last_of_word;
    if (i > 0 && group_times_[group] != word.times) ++group;
    group_times_[group] = word.times;
    group_ends_[group] = end;
  }
  for (Place at = 0; at < end; ++at) {
    if (!is_last(at)) insert(at, BpePairs::key_of(token(at), token(at + 1)), times(at), true);
  }
}

OCTAVO_INLINE std::size_t BpeText::size_of(Token token) const noexcept {
  return sizes_[static_cast<std::size_t>(token)];
}

OCTAVO_INLINE void BpeText::join(BpePairs::Number pair, Token result, const BpeMerges& taken) {
  const BpeMerge merge = pairs_.merge_of(pair);
  if (static_cast<std::size_t>(result) == sizes_.size()) {
    sizes_.push_back(static_cast<std::uint16_t>(size_of(merge.left) + size_of(merge.right)));
  }
  pairs_.withdraw(pair);
  while (pairs_.first_place(pair) != BpePairs::none) {
    Place at = pairs_.first_place(pair);
    if (merge.left == merge.right) {  // from the start of the run on
      while (!is_first(at) && token(at - 1) == merge.left) at -= size(merge.left);
    }
    for (;;) {
      replace(pair, at, result, taken);
      if (is_last(at)) break;
      at += size(result);
      if (token(at) != merge.left || is_last(at) || token(at + size(merge.left)) != merge.right) {
        break;
      }
    }
  }
  pairs_.erase(pair);
}

OCTAVO_INLINE Token BpeText::token(Place at) const noexcept {
  return static_cast<Token>(cells_[at] & (first_of_word - 1));
}

OCTAVO_INLINE std::int64_t BpeText::times(Place at) const noexcept {
  const auto group = std::upper_bound(group_ends_.begin(), group_ends_.end(), at);
  return group_times_[static_cast<std::size_t>(group - group_ends_.begin())];
}

OCTAVO_INLINE void BpeText::insert(Place at, std::uint64_t key, std::int64_t times, bool offered) {
  Place& first = pairs_.first_place(pairs_.add(key, times, offered));
  previous_[at] = BpePairs::none;
  next_[at] = first;
  if (first != BpePairs::none) previous_[first] = at;
  first = at;
}

OCTAVO_INLINE void BpeText::remove(Place at, BpePairs::Number pair, std::int64_t times) noexcept {
  if (previous_[at] == BpePairs::none) {
    pairs_.first_place(pair) = next_[at];
  } else {
    next_[previous_[at]] = next_[at];
  }
  if (next_[at] != BpePairs::none) previous_[next_[at]] = previous_[at];
  pairs_.remove(pair, times);
}

OCTAVO_INLINE void BpeText::remove_pair(Place at, Token left, Token right, std::int64_t times,
                                        BpePairs::Number joined) {
  const BpePairs::Number pair = pairs_.find(BpePairs::key_of(left, right));
  remove(at, pair, times);
  if (pairs_.times(pair) == 0 && pair != joined) pairs_.erase(pair);
}

OCTAVO_INLINE void BpeText::replace(BpePairs::Number pair, Place at, Token result,
                                    const BpeMerges& taken) {
  const Token left = token(at);
  const Place after = at + size(left);
  const Token right = token(after);
  const Place end = after + size(right);
  const bool first = is_first(at), last = is_last(after);
  const std::int64_t times = this->times(at);
  const Token before = first ? 0 : token(at - 1);
  remove(at, pair, times);
  if (!first) remove_pair(at - size(before), before, left, times, pair);
  if (!last) remove_pair(after, right, token(end), times, pair);
  cells_[at] = cells_[end - 1] =
      static_cast<std::uint32_t>(result) | (first ? first_of_word : 0) | (last ? last_of_word : 0);
  const auto link = [&](Place place, Token one, Token other) {
    insert(place, BpePairs::key_of(one, other), times,
           taken.find(one, other).rank == BpeMerges::none);
  };
  if (!first) link(at - size(before), before, result);
  if (!last) link(at, result, token(end));
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
