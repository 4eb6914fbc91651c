// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/files/page_block.hpp>
#include <octavo/tokenizers/bpe_vocabulary.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// The pairs of neighbouring tokens in a training text: how often each occurs, where its list of
/// places begins (the caller keeps the lists), and which is the most frequent; ties go to the
/// smaller left token, then to the smaller right token. A chained hash table and a binary heap in
/// one block of memory, for a number of pairs known in advance.
class BpePairs {
 public:
  using Number = std::uint32_t;
  static constexpr Number none = 0xffffffff;

  static constexpr std::size_t memory_bytes(std::size_t most) noexcept {
    return 2 * PageBlock::bytes_for<std::uint64_t>(most) + 5 * PageBlock::bytes_for<Number>(most);
  }

  BpePairs(PageBlock& block, std::size_t most);

  static std::uint64_t key_of(Token left, Token right) noexcept;
  BpeMerge merge_of(Number pair) const noexcept;

  std::int64_t times(Number pair) const noexcept { return times_[pair]; }
  /// The start of the pair's list of places; `none`: not set.
  Number& first_place(Number pair) noexcept { return first_places_[pair]; }

  /// The most frequent offered pair; `none` if no pair is offered.
  Number top() const noexcept { return heap_size_ == 0 ? none : heap_[0]; }

  Number find(std::uint64_t key) const noexcept;

  /// Adds `count` to the frequency of a pair. `offered`: whether top() may return a new pair.
  Number add(std::uint64_t key, std::int64_t times, bool offered);

  /// Subtracts `count` from the frequency of a pair.
  void remove(Number pair, std::int64_t times) noexcept;

  /// top() no longer returns the pair.
  void withdraw(Number pair) noexcept;

  void erase(Number pair) noexcept;

 private:
  std::size_t bucket(std::uint64_t key) const noexcept;

  Number make(std::uint64_t key);

  bool before(Number a, Number b) const noexcept;
  void put(Number pair, Number place) noexcept;

  void rise(Number place) noexcept;

  void sink(Number place) noexcept;

  std::span<std::uint64_t> keys_;
  std::span<std::int64_t> times_;
  std::span<Number> first_places_;
  std::span<Number> heap_places_;  ///< none: not offered
  std::span<Number> next_;         ///< next in the bucket or in the free list; counted from 1
  std::span<Number> buckets_;      ///< from 1 on; 0: empty
  std::span<Number> heap_;
  Number made_ = 0;
  Number free_ = 0;  ///< from 1 on
  Number heap_size_ = 0;
};

}  // namespace OCTAVO_NAMESPACE::detail

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE BpePairs::BpePairs(PageBlock& block, std::size_t most)
    : keys_(block.take<std::uint64_t>(most)),
      times_(block.take<std::int64_t>(most)),
      first_places_(block.take<Number>(most)),
      heap_places_(block.take<Number>(most)),
      next_(block.take<Number>(most)),
      buckets_(block.take<Number>(most)),
      heap_(block.take<Number>(most)) {}

OCTAVO_INLINE std::uint64_t BpePairs::key_of(Token left, Token right) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

OCTAVO_INLINE BpeMerge BpePairs::merge_of(Number pair) const noexcept {
  return {static_cast<Token>(keys_[pair] >> 32), static_cast<Token>(keys_[pair] & 0xffffffff)};
}

OCTAVO_INLINE BpePairs::Number BpePairs::find(std::uint64_t key) const noexcept {
  Number pair = buckets_[bucket(key)];  // from 1 on
  while (pair != 0 && keys_[pair - 1] != key) pair = next_[pair - 1];
  return pair - 1;
}

OCTAVO_INLINE BpePairs::Number BpePairs::add(std::uint64_t key, std::int64_t times, bool offered) {
  Number pair = find(key);
  if (pair == none) {
    pair = make(key);
    if (offered) {
      heap_places_[pair] = heap_size_;
      heap_[heap_size_++] = pair;
    }
  }
  times_[pair] += times;
  if (heap_places_[pair] != none) rise(heap_places_[pair]);
  return pair;
}

OCTAVO_INLINE void BpePairs::remove(Number pair, std::int64_t times) noexcept {
  times_[pair] -= times;
  if (heap_places_[pair] != none) sink(heap_places_[pair]);
}

OCTAVO_INLINE void BpePairs::withdraw(Number pair) noexcept {
  const Number place = std::exchange(heap_places_[pair], none);
  if (place == none) return;
  const Number last = heap_[--heap_size_];
  if (place == heap_size_) return;
  put(last, place);
  rise(place);
  sink(heap_places_[last]);
}

OCTAVO_INLINE void BpePairs::erase(Number pair) noexcept {
  withdraw(pair);
  Number* link = &buckets_[bucket(keys_[pair])];
  while (*link != pair + 1) link = &next_[*link - 1];
  *link = next_[pair];
  next_[pair] = std::exchange(free_, pair + 1);
}

OCTAVO_INLINE std::size_t BpePairs::bucket(std::uint64_t key) const noexcept {
  const std::uint64_t mixed = (key ^ key >> 29) * 0x9e3779b97f4a7c15u;
  return static_cast<std::size_t>((mixed >> 32) * buckets_.size() >> 32);
}

OCTAVO_INLINE BpePairs::Number BpePairs::make(std::uint64_t key) {
  Number pair = free_ - 1;
  if (free_ != 0) {
    free_ = next_[pair];
  } else {
    require(made_ < keys_.size(), "byte pairs: there are more pairs than places");
    pair = made_++;
  }
  keys_[pair] = key;
  times_[pair] = 0;
  first_places_[pair] = heap_places_[pair] = none;
  next_[pair] = std::exchange(buckets_[bucket(key)], pair + 1);
  return pair;
}

OCTAVO_INLINE bool BpePairs::before(Number a, Number b) const noexcept {
  return times_[a] != times_[b] ? times_[a] > times_[b] : keys_[a] < keys_[b];
}

OCTAVO_INLINE void BpePairs::put(Number pair, Number place) noexcept {
  heap_[place] = pair;
  heap_places_[pair] = place;
}

OCTAVO_INLINE void BpePairs::rise(Number place) noexcept {
  const Number pair = heap_[place];
  for (; place > 0 && before(pair, heap_[(place - 1) / 2]); place = (place - 1) / 2) {
    put(heap_[(place - 1) / 2], place);
  }
  put(pair, place);
}

OCTAVO_INLINE void BpePairs::sink(Number place) noexcept {
  const Number pair = heap_[place];
  for (;;) {
    Number child = 2 * place + 1;
    if (child >= heap_size_) break;
    if (child + 1 < heap_size_ && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], pair)) break;
    put(heap_[child], place);
    place = child;
  }
  put(pair, place);
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
