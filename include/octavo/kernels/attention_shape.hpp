// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>

namespace OCTAVO_NAMESPACE {

/// The layout of queries, keys and values in one call. Sequences follow each other; each has
/// `queries` rows in q and o and `keys` rows in k and v. The last query sees the last key: if there
/// are fewer queries than keys (generation with a cache), the queries are the newest positions.
/// Head h occupies columns h*d .. (h+1)*d of q and o, and sees the keys and values of head
/// h / (heads / kv_heads), whose columns in k and v are found in the same way.
template <Scalar T>
struct AttentionShape {
  Index sequences = 1;
  Index queries = 0;
  Index keys = 0;
  Index heads = 1;
  Index head_width = 0;  ///< d
  Index kv_heads = 0;    ///< heads of keys and values, a divisor of `heads`; 0: as many
  Index window = 0;      ///< keys that a query sees, its own included; 0: all before it
  double scale = 0;      ///< factor of q . k; 0: 1 / sqrt(d)
  double cap = 0;        ///< bound of the scores; 0: none
  /// [sequences * keys]: where each key stands in its document, beyond whose first key its query
  /// sees nothing; with as many queries as keys. Null: a sequence is one document.
  const std::int32_t* positions = nullptr;

  /// Query rows per tile, whose scores exist at one time.
  static constexpr Index tile_rows = 32;

  constexpr Index key_heads() const { return kv_heads == 0 ? heads : kv_heads; }
  /// Query heads that share keys and values.
  constexpr Index group() const { return heads / key_heads(); }
  /// The first key that a tile needs, whose first query stands at `position`. A multiple of a
  /// pack's lanes, so that sums along a row have one order for every tiling. (Keys before a window
  /// may be missing: the tree that folds sixteen lanes is the same for lanes that are rotated.)
  constexpr Index first_key(Index position) const {
    const Index begin = positions == nullptr ? 0 : position - positions[position];
    return (window == 0 ? begin : std::max(position - window + 1, begin)) / 16 * 16;
  }
  /// The shape of one of the sequences, for its own tiles.
  constexpr AttentionShape of_sequence(Index number) const {
    AttentionShape own = *this;
    if (positions != nullptr) own.positions += number * keys;
    return own;
  }
  /// Numbers in a row of scores, in whole packs.
  constexpr Index score_row() const {
    const Index most = window == 0 ? keys : std::min(keys, window + tile_rows + 14);
    return (most + 15) / 16 * 16;
  }
  /// Scratch numbers per worker for forward ...
  constexpr Index forward_scratch() const { return tile_rows * score_row(); }
  /// ... and backward: two tiles, and the gradients of one head of keys and values.
  constexpr Index backward_scratch() const {
    return 2 * tile_rows * score_row() + (2 * keys * head_width + 15) / 16 * 16;
  }
};

}  // namespace OCTAVO_NAMESPACE
