// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/layers/convolution_cache.hpp>
#include <octavo/layers/layer_configs.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE {

/// Neighbouring rows of a pass that continue one sequence, of which `past` positions were read.
struct CachedRows {
  Index sequence = 0;
  Index past = 0;
  Index rows = 1;
  Index dropped = 0;  ///< positions of the sequence before those

  /// Of the first row, in its sequence.
  constexpr Index position() const noexcept { return dropped + past; }
};

/// The rows of one layer's cache. Attention that sees all positions needs a row for each, in order.
/// Attention with a window needs the `kept` = window - 1 positions before a block of positions, and
/// the block: position p lies in row kept + p mod `block`, and before a block's first position is
/// stored, the newest `kept` rows move to the front. Thus the rows that a query sees are
/// neighbours, in the order of positions, and where a position lies depends on nothing but the
/// position.
struct CacheLayout {
  Index rows = 0;
  Index kept = 0;
  Index block = 0;  ///< 0: a row for each position

  /// For sequences of up to `length` positions; window: as in AttentionConfig. Blocks are whole
  /// tiles of attention, and long enough that a position costs at most eight moved rows on average.
  static constexpr CacheLayout of(Index length, Index window) noexcept {
    const Index kept = window - 1;
    const Index block = (window + 255) / 256 * 32;
    if (window == 0 || kept + block >= length) return {length, 0, 0};
    return {kept + block, kept, block};
  }

  /// The row of the first position of a part.
  constexpr Index row_of(const CachedRows& part) const noexcept {
    return block == 0 ? part.past : kept + part.position() % block;
  }
  /// The positions before a part that are still in the cache: at least those of its window.
  constexpr Index past_of(const CachedRows& part) const noexcept {
    return std::min(part.past, row_of(part));
  }
  /// Rows that must move to the front before a part is stored, whose first position begins a block.
  constexpr Index moved_rows(const CachedRows& part) const noexcept {
    return block == 0 || part.position() % block > 0 ? 0 : past_of(part);
  }

  /// The number of blocks in which a part has positions.
  constexpr Index pieces(const CachedRows& part) const noexcept {
    if (block == 0) return 1;
    return (part.position() + part.rows - 1) / block - part.position() / block + 1;
  }
  /// The positions of a part in the i-th of its blocks; no rows if it has fewer.
  constexpr CachedRows piece(const CachedRows& part, Index i) const noexcept {
    if (block == 0) return part;
    const Index begin_of_block = (part.position() / block + i) * block - part.position();
    const Index begin = std::max<Index>(begin_of_block, 0);
    const Index end = std::min(begin_of_block + block, part.rows);
    return {part.sequence, part.past + begin, std::max<Index>(end - begin, 0), part.dropped};
  }
};

/// The keys and values of one attention layer for the positions of one sequence: two matrices
/// [rows, width], one after the other, in elements(rows, width) numbers of memory.
template <Scalar T>
class KeyValueCache {
 public:
  static constexpr Index elements(Index rows, Index width) noexcept { return 2 * rows * width; }

  constexpr KeyValueCache(T* memory, const CacheLayout& layout, Index width)
      : memory_(memory), layout_(layout), width_(width) {}

  constexpr const CacheLayout& layout() const { return layout_; }
  constexpr MatrixView<T> keys() const { return {memory_, layout_.rows, width_}; }
  constexpr MatrixView<T> values() const {
    return {memory_ + layout_.rows * width_, layout_.rows, width_};
  }

  /// Moves the rows before a part to the front if its block needs theirs, and says whether it did.
  /// Workers divide the columns; a barrier must follow.
  bool make_room(const Worker& worker, const CachedRows& part) const {
    const Index count = layout_.moved_rows(part);
    const Range columns = worker.split(width_);
    for (const MatrixView<T>& rows : {keys(), values()}) {
      for (Index i = layout_.kept - count; i < layout_.kept; ++i) {
        std::copy_n(rows.row(layout_.block + i) + columns.begin, columns.size(),
                    rows.row(i) + columns.begin);
      }
    }
    return count > 0;
  }

 private:
  T* memory_;
  CacheLayout layout_;
  Index width_;
};

/// The caches of all layers for several sequences, in elements(...) numbers of memory. Layers whose
/// attention has a window have fewer rows.
template <Scalar T>
class KeyValueCaches {
 public:
  /// ConfigError if the product overflows.
  static constexpr Index elements(Index sequences, Index layers, Index length, Index width,
                                  const AttentionConfig& attention = {}) {
    const Index rows = KeyValueCaches(nullptr, layers, length, width, attention).rows_of(layers);
    std::size_t product = 2;
    for (const Index factor : {sequences, rows, width}) {
      product = checked_multiply(product, static_cast<std::size_t>(factor));
    }
    return static_cast<Index>(product);  // a plan refuses a negative number
  }

  constexpr KeyValueCaches(T* memory, Index layers, Index length, Index width,
                           const AttentionConfig& attention = {})
      : memory_(memory), attention_(attention), layers_(layers), length_(length), width_(width) {}

  constexpr CacheLayout layout(Index layer) const {
    return CacheLayout::of(length_, attention_.is_local(layer) ? attention_.window : 0);
  }
  constexpr KeyValueCache<T> of(Index sequence, Index layer) const {
    return {memory_ + before(sequence, layer), layout(layer), width_};
  }

 private:
  /// Numbers before the cache of a layer for a sequence.
  constexpr Index before(Index sequence, Index layer) const {
    return KeyValueCache<T>::elements(sequence * rows_of(layers_) + rows_of(layer), width_);
  }
  /// Of the first `layers` layers together.
  constexpr Index rows_of(Index layers) const {
    const Index local = attention_.local_layers(layers);
    return (layers - local) * length_ + local * CacheLayout::of(length_, attention_.window).rows;
  }

  T* memory_;
  AttentionConfig attention_;
  Index layers_;
  Index length_;
  Index width_;
};

/// The sequences that a pass continues: its rows are those of `parts`, one part after the other.
template <Scalar T>
struct CachedSequences {
  KeyValueCaches<T> caches;
  std::span<const CachedRows> parts;
  ConvolutionCaches<T> convolutions{};  ///< of a model with convolutions
};

}  // namespace OCTAVO_NAMESPACE
