// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>

namespace octavo {

/// Sixteen neighbouring numbers, whatever the width of the machine's vectors: all elementwise work
/// and all sums along a row are written on packs, so that which number meets which, and therefore
/// every bit of the result, is the same on every instruction set. Write fma(a, b, c), never
/// a * b + c: compilers may or may not fuse the latter.
template <Scalar T>
struct Pack {
  static constexpr Index lanes = 16;
  static constexpr int parts = static_cast<int>(lanes) / simd::width<T>;

  simd::Vector<T> part[parts];

  OCTAVO_ALWAYS_INLINE static Pack load(const T* from) {
    Pack result;
    for (int i = 0; i < parts; ++i) result.part[i] = simd::load(from + i * simd::width<T>);
    return result;
  }

  /// The first `count` lanes (0 < count <= 16); the others are zero.
  OCTAVO_ALWAYS_INLINE static Pack load(const T* from, Index count) {
    if (count >= lanes) return load(from);
    alignas(alignment_bytes) T lane[lanes] = {};
    std::copy_n(from, count, lane);
    return load(lane);
  }

  OCTAVO_ALWAYS_INLINE static Pack broadcast(T value) {
    Pack result;
    for (int i = 0; i < parts; ++i) result.part[i] = simd::broadcast(value);
    return result;
  }

  OCTAVO_ALWAYS_INLINE void store(T* to) const {
    for (int i = 0; i < parts; ++i) simd::store(to + i * simd::width<T>, part[i]);
  }

  /// Writes the first `count` lanes only.
  OCTAVO_ALWAYS_INLINE void store(T* to, Index count) const {
    if (count >= lanes) return store(to);
    alignas(alignment_bytes) T lane[lanes];
    store(lane);
    std::copy_n(lane, count, to);
  }

  /// Keeps the first `count` lanes and sets the others to `filler`.
  OCTAVO_ALWAYS_INLINE Pack keep(Index count, T filler) const {
    if (count >= lanes) return *this;
    alignas(alignment_bytes) T lane[lanes];
    store(lane);
    for (Index i = std::max<Index>(count, 0); i < lanes; ++i) lane[i] = filler;
    return load(lane);
  }

  OCTAVO_ALWAYS_INLINE friend Pack operator+(Pack a, Pack b) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] + b.part[i];
    return a;
  }
  OCTAVO_ALWAYS_INLINE friend Pack operator-(Pack a, Pack b) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] - b.part[i];
    return a;
  }
  OCTAVO_ALWAYS_INLINE friend Pack operator*(Pack a, Pack b) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] * b.part[i];
    return a;
  }
  OCTAVO_ALWAYS_INLINE friend Pack operator/(Pack a, Pack b) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] / b.part[i];
    return a;
  }
  OCTAVO_ALWAYS_INLINE friend Pack operator-(Pack a) {
    for (int i = 0; i < parts; ++i) a.part[i] = -a.part[i];
    return a;
  }
};

/// a * b + c with one rounding.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> fma(Pack<T> a, Pack<T> b, Pack<T> c) {
  for (int i = 0; i < Pack<T>::parts; ++i) c.part[i] = simd::fma(a.part[i], b.part[i], c.part[i]);
  return c;
}

template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> sqrt(Pack<T> a) {
  for (int i = 0; i < Pack<T>::parts; ++i) a.part[i] = simd::sqrt(a.part[i]);
  return a;
}

/// Per lane: a > b ? yes : no. A NaN compares false, so it selects `no`.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> select_greater(Pack<T> a, Pack<T> b, Pack<T> yes, Pack<T> no) {
  for (int i = 0; i < Pack<T>::parts; ++i) {
    no.part[i] = a.part[i] > b.part[i] ? yes.part[i] : no.part[i];
  }
  return no;
}

/// The larger of each lane; a NaN in `b` is kept.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> max(Pack<T> a, Pack<T> b) {
  return select_greater(a, b, a, b);
}

/// All sixteen lanes added in a fixed tree: lane i + lane i+8, then +4, +2, +1.
template <Scalar T>
OCTAVO_ALWAYS_INLINE T sum(Pack<T> a) {
  alignas(alignment_bytes) T lane[Pack<T>::lanes];
  a.store(lane);
  for (int half = Pack<T>::lanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}

/// The largest of the sixteen lanes.
template <Scalar T>
OCTAVO_ALWAYS_INLINE T largest(Pack<T> a) {
  alignas(alignment_bytes) T lane[Pack<T>::lanes];
  a.store(lane);
  T result = lane[0];
  for (int i = 1; i < Pack<T>::lanes; ++i) result = lane[i] > result ? lane[i] : result;
  return result;
}

/// Calls body(offset, lanes) for every pack of `count` neighbouring numbers; the last may be
/// partial.
template <typename Body>
OCTAVO_ALWAYS_INLINE void for_each_pack(Index count, Body&& body) {
  Index offset = 0;
  for (; offset + 16 <= count; offset += 16) body(offset, Index{16});
  if (offset < count) body(offset, count - offset);
}

}  // namespace octavo
