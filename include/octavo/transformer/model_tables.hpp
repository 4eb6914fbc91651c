// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/parameter_table.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// The tensors of a model, part by part: embedding; each of `layers` equal blocks; final norm and
/// head.
struct ModelTables {
  ParameterTable embedding, block, end;

  constexpr ParameterRange embedding_range() const noexcept {
    return {0, embedding.size(), 0, embedding.count()};
  }
  constexpr ParameterRange block_range(Index layer) const noexcept {
    return {embedding.size() + layer * block.size(), block.size(),
            embedding.count() + layer * block.count(), block.count()};
  }
  constexpr ParameterRange end_range(Index layers) const noexcept {
    const ParameterRange after = block_range(layers);
    return {after.first_tensor, end.size(), after.offset, end.count()};
  }

  /// Numbers and tensors in all parts together.
  constexpr Index count(Index layers) const noexcept {
    return block_range(layers).offset + end.count();
  }
  constexpr Index size(Index layers) const noexcept {
    return block_range(layers).first_tensor + end.size();
  }

  ParameterList list(Index layers) const {
    ParameterList list;
    list.append("", embedding);
    for (Index layer = 0; layer < layers; ++layer) {
      list.append(concat({"transformer.h.", layer, "."}), block);
    }
    list.append("", end);
    return list;
  }
};

}  // namespace OCTAVO_NAMESPACE::detail
