// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/transformer/model_tables.hpp>

namespace OCTAVO_NAMESPACE {

/// The numbers of trained tensors on which memory and the backward pass depend. All other tensors
/// are frozen: they have neither gradients nor moments.
struct TrainedTensors {
  TrainedSizes sizes = {};
  Index embedding_count = 0;  ///< trained numbers in the embedding
  Index head_count = 0;       ///< ... in final norm and head
  Index token_table = 0;      ///< ... in the token table
  Index head_table = 0;       ///< ... in the head's table, if it is not tied
  Index first_block = 0;    ///< the lowest block that backward reaches; none: the number of blocks
  Index largest_block = 0;  ///< the most numbers that train in a block
  Index largest_unit = 0;   ///< ... in a unit of a block (ParameterUnit)
  Index most_outside_units = 0;  ///< ... in a block's tensors without a unit
  Index base_count = 0;          ///< numbers in frozen tensors that are not adapters
  bool equal_blocks = true;      ///< as many numbers train in each block from first_block on

  constexpr bool embedding() const noexcept { return embedding_count > 0; }
  /// The most numbers that train in embedding, block or head.
  constexpr Index largest_part() const noexcept {
    return std::max({embedding_count, largest_block, head_count});
  }
};

/// trains(name, block, layers): whether a tensor trains; its block is -1 in the embedding, `layers`
/// in final norm and head.
template <typename Trains>
constexpr TrainedTensors trained_tensors(const detail::ModelTables& tables, Index layers,
                                         Trains trains) {
  TrainedTensors trained{.first_block = layers};
  Index current = -1, in_block = 0, outside_units = 0, in_unit = 0;
  int unit = -1;
  const auto end_block = [&] {
    if (current < 0 || current >= layers) return;
    if (in_block > 0 && trained.first_block == layers) {
      trained.first_block = current;
      trained.largest_block = in_block;
    }
    if (trained.first_block <= current && in_block != trained.largest_block) {
      trained.equal_blocks = false;
    }
    trained.largest_block = std::max(trained.largest_block, in_block);
  };
  tables.for_each(layers, [&](const auto& name, const ParameterEntry& entry, Index block) {
    if (block != current) {
      end_block();
      current = block, in_block = outside_units = in_unit = 0;
      unit = -1;
    }
    if (!trains(name, block, layers)) {
      if (!is_adapter(entry.path.last())) trained.base_count += entry.count();
      return;
    }
    trained.sizes.add(entry);
    if (block >= 0 && block < layers) {
      in_unit = (entry.unit == unit ? in_unit : 0) + entry.count();
      unit = entry.unit;
      if (unit < 0) outside_units += entry.count();
      if (unit >= 0) trained.largest_unit = std::max(trained.largest_unit, in_unit);
      trained.most_outside_units = std::max(trained.most_outside_units, outside_units);
    }
    if (block < 0) trained.embedding_count += entry.count();
    if (block < 0 && entry.offset == 0) trained.token_table = entry.count();
    if (block == layers) trained.head_count += entry.count();
    if (block == layers && entry.rows > 0) trained.head_table = entry.count();
    in_block += entry.count();
  });
  end_block();
  if (trained.embedding()) {  // backward goes through all blocks
    if (trained.first_block > 0) trained.equal_blocks = false;
    trained.first_block = 0;
  }
  return trained;
}

}  // namespace OCTAVO_NAMESPACE
