// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tokenizers/bpe_vocabulary.hpp>

namespace OCTAVO_NAMESPACE {

/// The merges of a byte-pair encoding. Merging replaces, again and again, one pair of neighbours by
/// its token: the pair with the earliest merge, and among several the leftmost, until no neighbours
/// have a merge.
class BpeMerges {
 public:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  /// A merge of two tokens.
  struct Found {
    std::uint32_t rank = none;  ///< the number of earlier merges; `none`: there is no such merge
    Token result = 0;
  };

  /// Reserves memory for `count` merges.
  explicit BpeMerges(std::size_t most = 0);

  /// Appends a merge. If the pair has a merge already, adds nothing and returns false.
  bool add(BpeMerge merge, Token result) { return add(merge, result, count_); }
  /// As above, with a rank of its own: that of several merges may be the same, and the leftmost of
  /// their pairs is then merged first.
  bool add(BpeMerge merge, Token result, std::uint32_t rank);

  Found find(Token left, Token right) const noexcept;

  /// Merges `tokens` in place and returns the new number of tokens. Allocates only for more than
  /// `longest_short` tokens.
  std::size_t merge(std::span<Token> tokens) const;

  static constexpr std::size_t longest_short = 64;
  /// The bytes that merge() allocates for `count` tokens while it runs.
  static constexpr std::size_t merging_bytes(std::size_t tokens) noexcept {
    return tokens <= longest_short
               ? 0
               : (3 * sizeof(std::uint32_t) + 2 * sizeof(std::uint64_t)) * tokens;
  }
  /// Bytes on the heap.
  std::size_t memory_bytes() const noexcept { return sizeof(Slot) * slots_.size(); }

 private:
  struct Slot {
    std::uint64_t key = 0;
    Found found;
  };

  static std::uint64_t key_of(Token left, Token right) noexcept;

  /// The slot of the pair, or the free slot for it.
  std::size_t place(std::uint64_t key) const noexcept;

  /// Searches all pairs for the next one: fast for a word, but quadratic in the length.
  std::size_t merge_short(std::span<Token> tokens) const;

  /// As merge_short, with a heap of pairs: n log n steps.
  std::size_t merge_long(std::span<Token> tokens) const;

  std::vector<Slot> slots_;
  int shift_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE BpeMerges::BpeMerges(std::size_t most)
    : slots_(std::bit_ceil(2 * std::max<std::size_t>(most, 8))) {
  shift_ = 64 - std::countr_zero(slots_.size());
}

OCTAVO_INLINE bool BpeMerges::add(BpeMerge merge, Token result, std::uint32_t rank) {
  Slot& slot = slots_[place(key_of(merge.left, merge.right))];
  if (slot.found.rank != none) return false;
  slot = {key_of(merge.left, merge.right), {rank, result}};
  ++count_;
  return true;
}

OCTAVO_INLINE BpeMerges::Found BpeMerges::find(Token left, Token right) const noexcept {
  return slots_[place(key_of(left, right))].found;
}

OCTAVO_INLINE std::size_t BpeMerges::merge(std::span<Token> tokens) const {
  if (tokens.size() < 2) return tokens.size();
  return tokens.size() <= longest_short ? merge_short(tokens) : merge_long(tokens);
}

OCTAVO_INLINE std::uint64_t BpeMerges::key_of(Token left, Token right) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

OCTAVO_INLINE std::size_t BpeMerges::place(std::uint64_t key) const noexcept {
  auto at = static_cast<std::size_t>((key * 0x9e3779b97f4a7c15u) >> shift_);
  while (slots_[at].found.rank != none && slots_[at].key != key) at = (at + 1) % slots_.size();
  return at;
}

OCTAVO_INLINE std::size_t BpeMerges::merge_short(std::span<Token> tokens) const {
  std::array<Found, longest_short> pairs;  // the pair that starts at each token
  std::size_t count = tokens.size();
  for (std::size_t i = 0; i + 1 < count; ++i) pairs[i] = find(tokens[i], tokens[i + 1]);
  for (;;) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == none) return count;
    tokens[best] = pairs[best].result;
    --count;
    for (std::size_t i = best + 1; i < count; ++i) {
      tokens[i] = tokens[i + 1];
      pairs[i] = pairs[i + 1];
    }
    if (count == 1) return count;
    if (best > 0) pairs[best - 1] = find(tokens[best - 1], tokens[best]);
    if (best + 1 < count) pairs[best] = find(tokens[best], tokens[best + 1]);
  }
}

OCTAVO_INLINE std::size_t BpeMerges::merge_long(std::span<Token> tokens) const {
  constexpr std::uint32_t end = none;
  require(tokens.size() < end, "encode: a piece of the text has 2^32 bytes or more");
  const auto size = static_cast<std::uint32_t>(tokens.size());
  std::vector<std::uint32_t> before(size), after(size), rank(size, none);
  std::vector<std::uint64_t> heap;  // rank and place; outdated entries stay in the heap
  heap.reserve(2 * tokens.size());  // a merge removes one pair and adds at most two
  const auto look = [&](std::uint32_t at) {
    rank[at] = after[at] == end ? none : find(tokens[at], tokens[after[at]]).rank;
    if (rank[at] == none) return;
    heap.push_back(std::uint64_t{rank[at]} << 32 | at);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  for (std::uint32_t i = 0; i < size; ++i) {
    before[i] = i == 0 ? end : i - 1;
    after[i] = i + 1 == size ? end : i + 1;
    look(i);
  }
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const auto at = static_cast<std::uint32_t>(heap.back());
    const bool stale = rank[at] != heap.back() >> 32;
    heap.pop_back();
    if (stale) continue;
    const std::uint32_t gone = after[at];
    tokens[at] = find(tokens[at], tokens[gone]).result;
    rank[gone] = none;
    after[at] = after[gone];
    if (after[at] != end) before[after[at]] = at;
    look(at);
    if (before[at] != end) look(before[at]);
  }
  std::size_t count = 0;
  for (std::uint32_t i = 0; i != end; i = after[i]) tokens[count++] = tokens[i];
  return count;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
