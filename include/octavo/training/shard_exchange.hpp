// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/parallel/ranks.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/training/rank_shards.hpp>

namespace OCTAVO_NAMESPACE {

/// Copies the part of a tensor's gradient that `rank` needs to `kept`, the sums of its shares.
template <Scalar T>
OCTAVO_SETUP void keep_share(const Worker& worker, const RankShards& shards, Index rank,
                             const Parameter& tensor, std::span<const T> gradient,
                             std::span<T> kept) {
  const Index part = tensor.block + 1;
  const Range summed = shards.share(part, rank).summed;
  const Index first = std::max(summed.begin, tensor.gradient_offset);
  const Index count = std::min(summed.end, tensor.gradient_offset + tensor.count()) - first;
  if (count <= 0) return;
  const Range mine = worker.split(count);
  std::copy_n(gradient.data() + (first - tensor.gradient_offset) + mine.begin, mine.size(),
              kept.data() + shards.first_sum(part, rank) + (first - summed.begin) + mine.begin);
}

/// What processes send each other in an update of which each has a share. All workers make the same
/// calls, with barriers inside; worker 0 sends and receives.
template <Scalar T>
class ShardExchange {
 public:
  ShardExchange(const Worker& worker, Ranks& ranks, const RankShards& shards)
      : worker_(worker), ranks_(ranks), shards_(shards) {}

  /// global_norm of `tensors`, which lie in `parts`, with its bits: each process computes the
  /// partial sums of its chunks. numbers: those of `tensors` among all that train; gradients
  /// [numbers], of which those of this process's shares are there; or, if it has no others, [the
  /// sums of its shares, without gaps].
  OCTAVO_SETUP double norm(std::span<const Parameter> tensors, std::span<const T> gradients,
                           Range numbers, Range parts, std::span<double> partials,
                           bool has_others = true) const {
    partials = partials.first(static_cast<std::size_t>(global_norm_partials(numbers.size())));
    for (Index part = parts.begin; part < parts.end; ++part) {
      const Index rank = ranks_.rank();
      const Index first = has_others ? 0 : shards_.share(part, rank).summed.begin;
      const Index at = has_others ? 0 : shards_.first_sum(part, rank);
      sum_norm_chunks<T>(worker_, tensors, gradients.subspan(static_cast<std::size_t>(at)), first,
                         numbers.size(), chunks(part, rank, numbers), partials);
    }
    worker_.barrier();
    if (worker_.index() == 0) {
      exchange(parts, [&](Index part, Index rank, auto transfer) {
        const Range mine = chunks(part, rank, numbers);
        transfer(partials, mine.begin, mine.size());
      });
    }
    worker_.barrier();
    double total = 0;
    for (const double partial : partials) total += partial;
    worker_.barrier();
    return std::sqrt(total);
  }

  /// Gives all processes the weights that each has updated in these parts.
  OCTAVO_SETUP void gather_weights(Range parts, std::span<T> weights) const {
    worker_.barrier();
    if (worker_.index() == 0) {
      exchange(parts, [&](Index part, Index rank, auto transfer) {
        shards_.for_each_run(part, rank,
                             [&](Index first, Index count) { transfer(weights, first, count); });
      });
    }
    worker_.barrier();
  }

 private:
  /// The chunks of the norm of `numbers` that a process sums of a part.
  Range chunks(Index part, Index rank, Range numbers) const {
    const auto chunk = [&](Index number) {
      return global_norm_partials(std::clamp(number, numbers.begin, numbers.end) - numbers.begin);
    };
    const Range normed = shards_.share(part, rank).normed;
    return {chunk(normed.begin), chunk(normed.end)};
  }

  /// for_each_range(part, rank, transfer) calls transfer(block, first, count) with what a process
  /// gives to all others.
  template <typename ForEachRange>
  void exchange(Range parts, ForEachRange for_each_range) const {
    for (Index part = parts.begin; part < parts.end; ++part) {
      for (Index rank = 0; rank < ranks_.count(); ++rank) {
        for_each_range(part, rank, [&](auto block, Index first, Index count) {
          if (count == 0) return;
          const auto range =
              block.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
          if (rank != ranks_.rank()) return ranks_.receive(rank, std::as_writable_bytes(range));
          for (Index other = 0; other < ranks_.count(); ++other) {
            if (other != rank) ranks_.send(other, std::as_bytes(range));
          }
        });
      }
    }
    ranks_.wait();
  }

  const Worker& worker_;
  Ranks& ranks_;
  const RankShards& shards_;
};

}  // namespace OCTAVO_NAMESPACE
