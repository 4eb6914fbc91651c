// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/ranks.hpp>
#include <octavo/parallel/sum_tree.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/training/gradient_consumers.hpp>
#include <octavo/training/rank_shards.hpp>

namespace OCTAVO_NAMESPACE {

/// The share of `count` numbers that a rank adds up.
template <Scalar T>
constexpr Range rank_shard(Index count, Index rank, Index ranks) noexcept {
  return Worker(rank, ranks, nullptr).split(count, static_cast<Index>(alignment_bytes / sizeof(T)));
}

/// Numbers that RankSum needs for parts of at most `most` numbers.
template <Scalar T>
OCTAVO_SETUP constexpr Index rank_sum_numbers(const SumTree& tree, Index most) noexcept {
  if (tree.ranks == 1) return 0;
  Index shard = 0;
  for (Index rank = 0; rank < tree.ranks; ++rank) {
    shard = std::max(shard, rank_shard<T>(most, rank, tree.ranks).size());
  }
  return tree.nodes() * shard;
}

/// Adds up gradients of all processes, part by part, in the order of a SumTree. Every process gets
/// the nodes of its shard from all others, adds them up, and sends the sum to all others, unless
/// the trained numbers are dealt to the processes (RankShards): then each has only the sums of its
/// shares. Each worker has its own object; all make the same calls, with barriers inside; worker 0
/// sends and receives. Does nothing if `ranks` is null or one process.
template <Scalar T>
class RankSum {
 public:
  /// received [rank_sum_numbers]: for the shards of other processes.
  RankSum(const Worker& worker, Ranks* ranks, const SumTree& tree, std::span<T> received,
          const RankShards& shards)
      : worker_(worker),
        ranks_(tree.ranks == 1 ? nullptr : ranks),
        tree_(tree),
        received_(received),
        shards_(shards) {}

  /// Begins to add up a part, whose nodes are in its first slots; the sum comes to slot 0. The part
  /// must stay as it is until finish(), or until begin() was called for two other parts. `first`:
  /// the part's first number of all that train; `index`: the part's in RankShards.
  OCTAVO_SETUP void begin(const SlotNumbers<T>& part, Index first = 0, Index index = 0) {
    if (ranks_ == nullptr || part.count == 0) return;
    advance();
    part_ = part, first_ = first, index_ = index;
    if (worker_.index() == 0) exchange_nodes(part);
  }

  /// Returns when all sums are there.
  void finish() {
    if (ranks_ != nullptr) wait_for_all();
  }

  /// Lets messages advance.
  void progress() const {
    if (ranks_ != nullptr && worker_.index() == 0) ranks_->progress();
  }

 private:
  Range shard(Index rank) const {
    if (!shards_.divided()) return rank_shard<T>(part_.count, rank, tree_.ranks);
    const Range summed = shards_.share(index_, rank).summed;
    if (summed.empty()) return {};
    return {summed.begin - first_, summed.end - first_};
  }
  std::span<T> of(std::span<T> numbers, Range range) const {
    return numbers.subspan(static_cast<std::size_t>(range.begin),
                           static_cast<std::size_t>(range.size()));
  }
  /// This process's shard of a node of all ranks.
  std::span<T> node(Index index) const {
    const Index size = shard(ranks_->rank()).size();
    return of(received_, {index * size, (index + 1) * size});
  }

  OCTAVO_SETUP void wait_for_all() {
    advance();
    if (worker_.index() == 0) ranks_->wait();
    worker_.barrier();
  }

  /// Waits for the nodes of the part that was begun last, adds them up, and sends their sum.
  OCTAVO_SETUP void advance() {
    worker_.barrier();
    if (worker_.index() == 0) ranks_->wait();
    worker_.barrier();
    if (part_.count == 0) return;
    sum_shard();
    worker_.barrier();
    if (worker_.index() == 0 && !shards_.divided()) exchange_sums();
    part_ = {};
  }

  void exchange_nodes(const SlotNumbers<T>& part) {
    Index first = 0;
    for (Index other = 0; other < tree_.ranks; ++other) {
      const Index theirs = tree_.nodes(other);
      if (other != ranks_->rank()) {
        for (Index i = 0; i < tree_.nodes(ranks_->rank()); ++i)
          send(other, of(part[i], shard(other)));
        for (Index i = 0; i < theirs; ++i) receive(other, node(first + i));
      }
      first += theirs;
    }
  }

  void sum_shard() const {
    const Range mine = shard(ranks_->rank());
    Index first = 0;
    for (Index other = 0; other < ranks_->rank(); ++other) first += tree_.nodes(other);
    const auto copy = [&](std::span<const T> from, std::span<T> to) {
      const Range share = worker_.split(mine.size());
      std::copy_n(from.data() + share.begin, share.size(), to.data() + share.begin);
    };
    for (Index i = 0; i < tree_.nodes(ranks_->rank()); ++i) {
      copy(of(part_[i], mine), node(first + i));
    }
    worker_.barrier();
    tree_.sum_nodes(
        [&](Index into, Index from) { add_numbers<T>(worker_, node(from), node(into)); });
    worker_.barrier();
    copy(node(0), of(part_[0], mine));
  }

  void exchange_sums() {
    for (Index other = 0; other < tree_.ranks; ++other) {
      if (other == ranks_->rank()) continue;
      send(other, of(part_[0], shard(ranks_->rank())));
      receive(other, of(part_[0], shard(other)));
    }
  }

  void send(Index to, std::span<const T> numbers) {
    if (!numbers.empty()) ranks_->send(to, std::as_bytes(numbers));
  }
  void receive(Index from, std::span<T> numbers) {
    if (!numbers.empty()) ranks_->receive(from, std::as_writable_bytes(numbers));
  }

  const Worker& worker_;
  Ranks* ranks_;
  SumTree tree_;
  std::span<T> received_;
  const RankShards& shards_;
  SlotNumbers<T> part_{};  ///< whose nodes are under way
  Index first_ = 0;        ///< see begin()
  Index index_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
