// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_NUMERIC_PACK_HPP)
#define OCTAVO_NUMERIC_PACK_HPP

#include <concepts>
#include <cstring>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>

/// Repeats a statement for each of `parts` parts, i being its number: what a loop would do, without
/// a loop that the compiler would first have to take apart.
#define OCTAVO_FOR_EACH_PART(...)                  \
  {                                                \
    {                                              \
      constexpr int i = 0;                         \
      __VA_ARGS__;                                 \
    }                                              \
    if constexpr (parts > 1) {                     \
      constexpr int i = 1;                         \
      __VA_ARGS__;                                 \
    }                                              \
    if constexpr (parts > 2) {                     \
      for (int i = 2; i < parts; ++i) __VA_ARGS__; \
    }                                              \
  }

#define OCTAVO_FILE "octavo/numeric/pack.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

/// Sixteen neighbouring numbers, whatever the width of the machine's vectors. All elementwise work
/// and all sums along a row are written on packs: numbers are then combined in the same order on
/// every instruction set, and every bit of the result is the same. Write fma(a, b, c), never a * b
/// + c, which compilers may or may not fuse.
template <Scalar T>
struct Pack {
  static constexpr Index lanes = 16;
  static constexpr int parts = static_cast<int>(lanes) / simd::width<T>;

  simd::Vector<T> part[array_size(parts)];

  OCTAVO_ALWAYS_INLINE static Pack load(const T* from) {
    Pack result;
    OCTAVO_FOR_EACH_PART(result.part[i] = simd::load(from + i * simd::width<T>));
    return result;
  }

  /// The first `count` lanes (0 < count <= 16); the others are zero.
  OCTAVO_ALWAYS_INLINE static Pack load(const T* from, Index count) {
    if (count >= lanes) return load(from);
    Pack result;
    OCTAVO_FOR_EACH_PART(
        result.part[i] = simd::load_partial(from + i * simd::width<T>, lanes_of_part(i, count)));
    return result;
  }

  OCTAVO_ALWAYS_INLINE static Pack broadcast(T value) {
    Pack result;
    OCTAVO_FOR_EACH_PART(result.part[i] = simd::broadcast(value));
    return result;
  }

  OCTAVO_ALWAYS_INLINE void store(T* to) const {
    OCTAVO_FOR_EACH_PART(simd::store(to + i * simd::width<T>, part[i]));
  }

  /// Writes only the first `count` lanes.
  OCTAVO_ALWAYS_INLINE void store(T* to, Index count) const {
    if (count >= lanes) return store(to);
    OCTAVO_FOR_EACH_PART(
        simd::store_partial(to + i * simd::width<T>, part[i], lanes_of_part(i, count)));
  }

  /// Keeps the first `count` lanes and sets the others to `filler`.
  OCTAVO_ALWAYS_INLINE Pack mask_tail(Index count, T filler) const {
    alignas(alignment_bytes) static constexpr T number[lanes] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                                 8, 9, 10, 11, 12, 13, 14, 15};
    const simd::Vector<T> end = simd::broadcast(static_cast<T>(count));
    const simd::Vector<T> other = simd::broadcast(filler);
    Pack result;
    OCTAVO_FOR_EACH_PART(result.part[i] =
                             simd::load(number + i * simd::width<T>) < end ? part[i] : other);
    return result;
  }

  OCTAVO_ALWAYS_INLINE friend Pack operator+(Pack a, Pack b) {
    OCTAVO_FOR_EACH_PART(a.part[i] = a.part[i] + b.part[i]);
    return a;
  }
  OCTAVO_ALWAYS_INLINE friend Pack operator-(Pack a, Pack b) {
    OCTAVO_FOR_EACH_PART(a.part[i] = a.part[i] - b.part[i]);
    return a;
  }
  OCTAVO_ALWAYS_INLINE friend Pack operator*(Pack a, Pack b) {
    OCTAVO_FOR_EACH_PART(a.part[i] = a.part[i] * b.part[i]);
    return a;
  }
  OCTAVO_ALWAYS_INLINE friend Pack operator/(Pack a, Pack b) {
    OCTAVO_FOR_EACH_PART(a.part[i] = a.part[i] / b.part[i]);
    return a;
  }
  OCTAVO_ALWAYS_INLINE friend Pack operator-(Pack a) {
    OCTAVO_FOR_EACH_PART(a.part[i] = -a.part[i]);
    return a;
  }

 private:
  /// The number of the first `count` lanes that lie in part i.
  static constexpr Index lanes_of_part(int i, Index count) {
    if constexpr (parts == 1) return count;
    const Index rest = count - i * simd::width<T>;
    return rest < 0 ? 0 : rest < simd::width<T> ? rest : simd::width<T>;
  }
};

/// a * b + c with one rounding.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> fma(Pack<T> a, Pack<T> b, Pack<T> c) {
  constexpr int parts = Pack<T>::parts;
  OCTAVO_FOR_EACH_PART(c.part[i] = simd::fma(a.part[i], b.part[i], c.part[i]));
  return c;
}

template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> sqrt(Pack<T> a) {
  constexpr int parts = Pack<T>::parts;
  OCTAVO_FOR_EACH_PART(a.part[i] = simd::sqrt(a.part[i]));
  return a;
}

/// Per lane: a > b ? yes : no. NaN compares false and selects `no`.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> select_greater(Pack<T> a, Pack<T> b, Pack<T> yes, Pack<T> no) {
  constexpr int parts = Pack<T>::parts;
  OCTAVO_FOR_EACH_PART(no.part[i] = a.part[i] > b.part[i] ? yes.part[i] : no.part[i]);
  return no;
}

/// The larger number per lane; a NaN in `b` is kept.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> max(Pack<T> a, Pack<T> b) {
  return select_greater(a, b, a, b);
}

namespace detail {

/// Folds the sixteen lanes to one number in a fixed tree: lane i with lane i+8, then +4, +2, +1.
template <Scalar T, typename Combine>
OCTAVO_ALWAYS_INLINE T fold(Pack<T> a, Combine combine) {
  for (int half = Pack<T>::parts / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) a.part[i] = combine(a.part[i], a.part[i + half]);
  }
  return simd::fold<T>(a.part[0], combine);
}

}  // namespace detail

/// The sum of the sixteen lanes, added in a fixed tree.
template <Scalar T>
OCTAVO_ALWAYS_INLINE T sum(Pack<T> a) {
  using V = simd::Vector<T>;
  return detail::fold(a, [&](V x, V y) -> V { return x + y; });
}

/// The largest of the sixteen lanes.
template <Scalar T>
OCTAVO_ALWAYS_INLINE T largest(Pack<T> a) {
  using V = simd::Vector<T>;
  return detail::fold(a, [&](V x, V y) -> V { return x > y ? x : y; });
}

/// The first `count` of sixteen numbers (0 < count <= 16) as doubles; the other lanes are zero.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<double> load_as_double(const T* from, Index count) {
  if constexpr (std::same_as<T, double>) {
    return Pack<double>::load(from, count);
  } else {
    using Narrow = typename simd::detail::VectorType<T, simd::vector_bytes / 2>::type;
    alignas(alignment_bytes) T lane[Pack<T>::lanes];
    if (count < Pack<T>::lanes) {
      Pack<T>::load(from, count).store(lane);
      from = lane;
    }
    Pack<double> result;
    for (int i = 0; i < Pack<double>::parts; ++i) {
      Narrow narrow;
      std::memcpy(&narrow, from + i * simd::width<double>, sizeof(narrow));
      result.part[i] = __builtin_convertvector(narrow, simd::Vector<double>);
    }
    return result;
  }
}

/// Calls body(offset, lanes) for every pack of `count` neighbouring numbers; the last may be
/// partial.
template <typename Body>
OCTAVO_ALWAYS_INLINE void for_each_pack(Index count, Body&& body) {
  Index offset = 0;
  for (; offset + 16 <= count; offset += 16) body(offset, Index{16});
  if (offset < count) body(offset, count - offset);
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
