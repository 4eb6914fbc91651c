// SPDX-License-Identifier: MIT
// The shares of the trained numbers that processes have.
#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/training/training_memory.hpp>

#include "transformer/small_families.hpp"

using namespace octavo;

namespace {

constexpr Index chunk = detail::norm_chunk;

/// Has parts of less than a chunk and of many, none of them whole numbers of chunks.
ModelConfig config_of(Index width) {
  return {.vocabulary = 301,
          .context = 16,
          .layers = 3,
          .width = width,
          .attention = {.heads = 2},
          .feed_forward = {.d_ff = 3 * width}};
}

bool lies_in(Range inner, Range outer) {
  return inner.empty() || (outer.begin <= inner.begin && inner.end <= outer.end);
}

void check_shards(const ModelConfig& config, const TrainingOptions& options) {
  const ParameterList parameters = trained_parameters(Transformer<float>(config), options);
  const RankShards shards = rank_shards(parameters.span(), config.layers, options);
  REQUIRE(shards.divided());
  REQUIRE(shards.parts() == config.layers + 2);
  const Index count = parameters.trained_count();
  std::vector<int> owners(static_cast<std::size_t>(count), 0);
  std::vector<Index> of_chunk(static_cast<std::size_t>(global_norm_partials(count)), -1);
  for (Index part = 0; part < shards.parts(); ++part) {
    for (Index rank = 0; rank < options.ranks; ++rank) {
      const RankShare share = shards.share(part, rank);
      CHECK(lies_in(share.normed, share.summed));
      CHECK(lies_in(share.owned, share.summed));
      CHECK(share.summed.size() <= shards.largest_sum());
      for (Index i = share.owned.begin; i < share.owned.end; ++i)
        ++owners[static_cast<std::size_t>(i)];
      for (Index i = global_norm_partials(share.normed.begin);
           i < global_norm_partials(share.normed.end); ++i) {
        CHECK(of_chunk[static_cast<std::size_t>(i)] == -1);
        of_chunk[static_cast<std::size_t>(i)] = rank;
      }
    }
  }
  CHECK(std::ranges::count(owners, 1) == count);
  if (options.fused_update) return;
  // The process that sums a chunk has all of its gradients, also those in the next part.
  for (Index i = 0; i < std::ssize(of_chunk); ++i) {
    const Index rank = of_chunk[static_cast<std::size_t>(i)];
    REQUIRE(rank >= 0);
    Index there = 0;
    const Range all{i * chunk, std::min(count, (i + 1) * chunk)};
    for (Index part = 0; part < shards.parts(); ++part) {
      const Range summed = shards.share(part, rank).summed;
      there +=
          std::max(Index{0}, std::min(all.end, summed.end) - std::max(all.begin, summed.begin));
    }
    CHECK(there == all.size());
  }
}

void check_state(const ModelConfig& config, const TrainingOptions& options) {
  const ParameterList parameters = trained_parameters(Transformer<float>(config), options);
  const RankShards shards = rank_shards(parameters.span(), config.layers, options);
  const auto bytes_of = [&](const TrainedSizes& sizes) {
    return optimizer_state_bytes<float>(options.optimizer, sizes);
  };
  std::vector<int> whole(bytes_of(parameters.trained()), 0);
  std::vector<std::vector<int>> own(static_cast<std::size_t>(options.ranks),
                                    std::vector<int>(bytes_of(shards.sizes()), 0));
  shards.for_each_state_range(
      options.optimizer, parameters.span(), parameters.trained(), sizeof(float),
      [&](Index rank, std::size_t there, std::size_t here, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i) {
          ++whole.at(there + i);
          ++own[static_cast<std::size_t>(rank)].at(here + i);
        }
      });
  for (const auto& share : own)
    CHECK(std::ranges::count_if(share, [](int n) { return n > 1; }) == 0);
  CHECK(std::ranges::count_if(whole, [](int n) { return n > 1; }) == 0);
  if (options.optimizer.same_rule(AdamW8bit{})) return;  // has bytes without a meaning
  CHECK(std::ranges::count(whole, 1) == std::ssize(whole));
}

}  // namespace

TEST_CASE("each number is of one process, and each chunk of the norm is with its numbers") {
  for (const Index width : {8, 30, 66}) {
    for (const Index ranks : {2, 3, 5, 8}) {
      for (const AnyOptimizer& optimizer :
           {AnyOptimizer(AdamW{}), AnyOptimizer(AdamW8bit{}), AnyOptimizer(Muon{})}) {
        for (const bool fused : {false, true}) {
          INFO("width " << width << ", ranks " << ranks << ", " << name_of(optimizer));
          TrainingOptions options{.leaves = ranks, .optimizer = optimizer, .fused_update = fused};
          options.ranks = ranks, options.zero = 1;
          check_shards(config_of(width), options);
          check_state(config_of(width), options);
          options.train_last = 2;
          options.freeze = NamePatterns("qkv");
          check_shards(config_of(width), options);
          check_state(config_of(width), options);
        }
      }
    }
  }
}

TEST_CASE("shares are about equal") {
  TrainingOptions options;
  const ModelConfig config = config_of(128);
  for (const Index ranks : {2, 4}) {
    options.ranks = ranks, options.zero = 1;
    const ParameterList parameters = trained_parameters(Transformer<float>(config), options);
    const RankShards shards = rank_shards(parameters.span(), config.layers, options);
    CHECK(shards.sizes().count < parameters.trained_count() / ranks * 11 / 10);
  }
}

TEST_CASE("one process has all, and pieces begin at blocks or tensors") {
  TrainingOptions options{.optimizer = AdamW8bit{}};
  const ModelConfig config = config_of(66);
  const ParameterList parameters = trained_parameters(Transformer<float>(config), options);
  options.zero = 1;
  CHECK(!rank_shards(parameters.span(), config.layers, options).divided());
  options.ranks = 3;
  for (const AnyOptimizer& optimizer : {AnyOptimizer(AdamW8bit{}), AnyOptimizer(Muon{})}) {
    options.optimizer = optimizer;
    const RankShards shards = rank_shards(parameters.span(), config.layers, options);
    for (const ShardPiece& piece : shards.pieces()) {
      const Index all = parameters[static_cast<std::size_t>(piece.index)].count();
      if (optimizer.shard_block() == shard_block::whole_tensor) {
        CHECK(piece.numbers == Range{0, all});
      } else {
        CHECK(piece.numbers.begin % 256 == 0);
      }
    }
  }
}
