// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

/// A process's share of a part of a model (embedding; a block; final norm and head), as ranges of
/// all trained numbers.
struct RankShare {
  Range normed;  ///< the chunks of the gradients' norm that begin in it are of this process
  Range owned;   ///< the weights that it updates
  Range summed;  ///< the gradients that it needs for both

  friend constexpr bool operator==(const RankShare&, const RankShare&) = default;
};

/// The numbers of one tensor that a process updates.
struct ShardPiece {
  Index rank = 0;
  Index part = 0;
  Index index = 0;   ///< of the tensor
  Range numbers;     ///< of the tensor
  Parameter tensor;  ///< the piece as a tensor of its own, in weights and in the share's state
};

/// How the trained numbers are dealt to processes (TrainingOptions::zero): each has about equal
/// shares of each part. Parts are cut where the sums of the gradients' norm are cut, so that the
/// norm has the bits of one process, or at the next lower place at which the optimizer's state can
/// be cut. In the flat block of all gradients a chunk of the norm may reach into the next part,
/// whose first share is therefore of the process that has the last chunk of this one.
class RankShards {
 public:
  /// One share for all.
  RankShards() = default;

  /// chunks_of_tensors: the norm is that of each tensor (fused_update), not of all.
  RankShards(std::span<const Parameter> parameters, Index layers, const AnyOptimizer& optimizer,
             Index ranks, bool chunks_of_tensors)
      : ranks_(ranks), block_(optimizer.shard_block()), chunks_of_tensors_(chunks_of_tensors) {
    for (Index part = 0; part < layers + 2; ++part) {
      const auto is_in_part = [&](const Parameter& tensor) { return tensor.block == part - 1; };
      const auto first = std::find_if(parameters.begin(), parameters.end(), is_in_part);
      const auto end = std::find_if_not(first, parameters.end(), is_in_part);
      add_part(part, {first, end});
    }
    for (Index rank = 0; rank < ranks; ++rank) {
      const TrainedSizes own = number_pieces(rank);
      outside_maps_ = std::max(outside_maps_, own.count - own.in_maps);
      sizes_.count = std::max(sizes_.count, own.count);
      sizes_.tensors = std::max(sizes_.tensors, own.tensors);
    }
    sizes_.in_maps = sizes_.count - outside_maps_;
  }

  Index ranks() const noexcept { return ranks_; }
  bool divided() const noexcept { return ranks_ > 1; }
  /// part: 0: the embedding, then the blocks, then final norm and head.
  Index parts() const noexcept { return std::ssize(shares_) / ranks_; }
  const RankShare& share(Index part, Index rank) const {
    return shares_[static_cast<std::size_t>(part * ranks_ + rank)];
  }
  /// The sizes of the state of a share, enough for that of each process.
  const TrainedSizes& sizes() const noexcept { return sizes_; }
  /// The most numbers that a process sums of a part.
  Index largest_sum() const {
    Index most = 0;
    for (const RankShare& share : shares_) most = std::max(most, share.summed.size());
    return most;
  }
  /// Where the sums of a process's share of a part begin, without gaps between its parts.
  Index first_sum(Index part, Index rank) const {
    Index first = 0;
    for (Index before = 0; before < part; ++before) first += share(before, rank).summed.size();
    return first;
  }
  /// The most numbers that a process sums of all parts.
  Index most_sums() const {
    Index most = 0;
    for (Index rank = 0; rank < ranks_; ++rank) most = std::max(most, first_sum(parts(), rank));
    return most;
  }
  /// The pieces of all processes, in the order of parts and numbers.
  std::span<const ShardPiece> pieces() const noexcept { return pieces_; }
  /// Takes over the learning-rate factors of the tensors.
  void set_factors(std::span<const Parameter> parameters) {
    for (ShardPiece& piece : pieces_) {
      piece.tensor.learning_rate_factor =
          parameters[static_cast<std::size_t>(piece.index)].learning_rate_factor;
    }
  }

  /// Calls visit(first, count) for neighbouring weights that `rank` updates in a part.
  template <typename Visit>
  void for_each_run(Index part, Index rank, Visit visit) const {
    Range run;
    for (const ShardPiece& piece : pieces_) {
      if (piece.part != part || piece.rank != rank) continue;
      if (piece.tensor.offset != run.end) {
        if (!run.empty()) visit(run.begin, run.size());
        run = {piece.tensor.offset, piece.tensor.offset};
      }
      run.end += piece.tensor.count();
    }
    if (!run.empty()) visit(run.begin, run.size());
  }

  /// Calls visit(rank, first, first in the share, bytes) for each range of the whole state, of
  /// `whole` sizes, that a process has.
  template <typename Visit>
  void for_each_state_range(const AnyOptimizer& optimizer, std::span<const Parameter> parameters,
                            const TrainedSizes& whole, std::size_t scalar_bytes,
                            Visit visit) const {
    const auto ranges_of = optimizer.table().state_ranges;
    for (const ShardPiece& piece : pieces_) {
      const StateRanges there = ranges_of(
          whole, scalar_bytes, parameters[static_cast<std::size_t>(piece.index)], piece.numbers);
      const StateRanges here =
          ranges_of(sizes_, scalar_bytes, piece.tensor, {0, piece.numbers.size()});
      for (std::size_t i = 0; i < there.count; ++i) {
        visit(piece.rank, there.ranges[i].first, here.ranges[i].first, there.ranges[i].bytes);
      }
    }
  }

 private:
  using Tensors = std::span<const Parameter>;

  void add_part(Index part, Tensors tensors) {
    Range all;
    for (const Parameter& tensor : tensors) {
      if (!tensor.trains()) continue;
      if (all.empty()) all = {tensor.gradient_offset, tensor.gradient_offset};
      all.end += tensor.count();
    }
    shares_.resize(shares_.size() + static_cast<std::size_t>(ranks_));
    RankShare* const shares = &shares_[static_cast<std::size_t>(part * ranks_)];
    const Range chunks{global_norm_partials(all.begin), global_norm_partials(all.end)};
    Index last = first_;
    for (Index place = 0; place < ranks_; ++place) {
      const Index rank = (first_ + place) % ranks_;
      const Range mine = Worker(place, ranks_, nullptr).split(chunks.size());
      const auto cut = [&](Index chunk) {
        return lower_cut(tensors, std::min(all.end, (chunks.begin + chunk) * detail::norm_chunk),
                         chunks_of_tensors_ ? detail::norm_chunk : shard_block::number);
      };
      const Range normed{place == 0 ? all.begin : cut(mine.begin),
                         place == ranks_ - 1 ? all.end : cut(mine.end)};
      if (!mine.empty()) last = rank;
      if (normed.empty()) continue;
      const Range owned{lower_cut(tensors, normed.begin, block_),
                        lower_cut(tensors, normed.end, block_)};
      shares[rank] = {normed, owned, {std::min(owned.begin, normed.begin), normed.end}};
      add_pieces(part, rank, tensors, owned);
    }
    first_ = last;
  }

  /// The last number up to `number` that begins a block of its tensor; the end stays the end.
  static Index lower_cut(Tensors tensors, Index number, Index block) {
    for (const Parameter& tensor : tensors) {
      const Index within = number - tensor.gradient_offset;
      if (!tensor.trains() || within < 0 || within >= tensor.count()) continue;
      return block == shard_block::whole_tensor ? tensor.gradient_offset : number - within % block;
    }
    return number;
  }

  void add_pieces(Index part, Index rank, Tensors tensors, Range owned) {
    for (const Parameter& tensor : tensors) {
      if (!tensor.trains()) continue;
      const Range numbers{std::max(Index{0}, owned.begin - tensor.gradient_offset),
                          std::min(tensor.count(), owned.end - tensor.gradient_offset)};
      if (numbers.empty()) continue;
      ShardPiece piece{rank, part, tensor.index, numbers, tensor};
      piece.tensor.name.clear();
      piece.tensor.offset += numbers.begin;
      if (numbers.size() < tensor.count()) {
        piece.tensor.rows = 0, piece.tensor.columns = numbers.size();
      }
      pieces_.push_back(std::move(piece));
    }
  }

  /// Lays out the state of a process's share.
  TrainedSizes number_pieces(Index rank) {
    TrainedSizes sizes;
    for (ShardPiece& piece : pieces_) {
      if (piece.rank != rank) continue;
      piece.tensor.gradient_offset = sizes.count;
      piece.tensor.gradient_index = sizes.tensors;
      piece.tensor.outside_maps = sizes.count - sizes.in_maps;
      sizes.add(piece.tensor);
    }
    return sizes;
  }

  Index ranks_ = 1;
  Index block_ = shard_block::number;
  bool chunks_of_tensors_ = false;
  Index first_ = 0;  ///< the process with the last chunk so far
  Index outside_maps_ = 0;
  TrainedSizes sizes_;
  std::vector<RankShare> shares_;  ///< [parts, ranks]
  std::vector<ShardPiece> pieces_;
};

}  // namespace OCTAVO_NAMESPACE
