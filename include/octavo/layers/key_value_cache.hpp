// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE {

/// The keys and values of one attention layer for the positions of one sequence: two matrices
/// [length, width], one after the other, in elements(length, width) numbers of memory.
template <Scalar T>
class KeyValueCache {
 public:
  static constexpr Index elements(Index length, Index width) noexcept { return 2 * length * width; }

  constexpr KeyValueCache(T* memory, Index length, Index width)
      : memory_(memory), length_(length), width_(width) {}

  constexpr MatrixView<T> keys() const { return {memory_, length_, width_}; }
  constexpr MatrixView<T> values() const { return {memory_ + length_ * width_, length_, width_}; }

 private:
  T* memory_;
  Index length_;
  Index width_;
};

/// The caches of all layers for several sequences, in elements(...) numbers of memory.
template <Scalar T>
class KeyValueCaches {
 public:
  static constexpr Index elements(Index sequences, Index layers, Index length,
                                  Index width) noexcept {
    return sequences * layers * KeyValueCache<T>::elements(length, width);
  }

  constexpr KeyValueCaches(T* memory, Index layers, Index length, Index width)
      : memory_(memory), layers_(layers), length_(length), width_(width) {}

  constexpr KeyValueCache<T> of(Index sequence, Index layer) const {
    const Index before = (sequence * layers_ + layer) * KeyValueCache<T>::elements(length_, width_);
    return {memory_ + before, length_, width_};
  }

 private:
  T* memory_;
  Index layers_;
  Index length_;
  Index width_;
};

/// Neighbouring rows of a pass that continue one sequence, of which `past` positions are cached.
struct CachedRows {
  Index sequence = 0;
  Index past = 0;
  Index rows = 1;
  Index dropped = 0;  ///< positions of the sequence before those that are cached

  /// Of the first row, in its sequence.
  constexpr Index position() const noexcept { return dropped + past; }
};

/// The sequences that a pass continues: its rows are those of `parts`, one part after the other.
template <Scalar T>
struct CachedSequences {
  KeyValueCaches<T> caches;
  std::span<const CachedRows> parts;
};

}  // namespace OCTAVO_NAMESPACE
