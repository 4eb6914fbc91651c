// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_NUMERIC_SIMD_HPP)
#define OCTAVO_NUMERIC_SIMD_HPP

#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include <octavo/base/config.hpp>
#include <octavo/numeric/exact_fma.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/x86_instructions.hpp>

#if defined(OCTAVO_HAS_NEON)
#include <arm_neon.h>
#endif

// The machine's widest vectors as the compilers' vector types: + - * / and comparisons come from
// the language; only the fused multiply-add and the square root need intrinsics. Every operation is
// IEEE exact per lane, so rounding is the same on every instruction set.
#define OCTAVO_FILE "octavo/numeric/simd.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::simd {

inline constexpr int vector_bytes = OCTAVO_VECTOR_BYTES;
#if OCTAVO_VECTOR_BYTES == 64 || defined(OCTAVO_HAS_NEON)
inline constexpr int register_count = 32;
#else
inline constexpr int register_count = 16;
#endif

template <Scalar T>
inline constexpr int width = vector_bytes / static_cast<int>(sizeof(T));

namespace detail {
template <typename T, int bytes>
struct VectorType {
  typedef T type __attribute__((vector_size(bytes)));
};
}  // namespace detail

/// `width<T>` lanes in one register.
template <Scalar T>
using Vector = typename detail::VectorType<T, vector_bytes>::type;

// If inlined next to a loop over whole packs that never runs for a short row, these functions make
// g++ 12 warn about reads after that row.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"
#endif
template <Scalar T>
OCTAVO_ALWAYS_INLINE Vector<T> load(const T* from) {
  Vector<T> result;
  std::memcpy(&result, from, sizeof(result));
  return result;
}

template <Scalar T>
OCTAVO_ALWAYS_INLINE void store(T* to, Vector<T> value) {
  std::memcpy(to, &value, sizeof(value));
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

template <Scalar T>
OCTAVO_ALWAYS_INLINE Vector<T> broadcast(T value) {
  return value - Vector<T>{};
}

/// Keeps the value in a register. Otherwise g++ 12 with AVX2 reads it from memory again for every
/// use, and a small tile of a product waits for its loads.
template <Scalar T>
OCTAVO_ALWAYS_INLINE void keep_in_register([[maybe_unused]] Vector<T>& value) {
#if OCTAVO_VECTOR_BYTES == 64
  asm("" : "+v"(value));
#elif OCTAVO_VECTOR_BYTES == 32
  asm("" : "+x"(value));
#endif
}

#if OCTAVO_VECTOR_BYTES == 64
/// A mask with one bit for each of the first `count` lanes (at most width).
template <Scalar T>
OCTAVO_ALWAYS_INLINE auto first_lanes(Index count) {
  return static_cast<std::conditional_t<sizeof(T) == 4, unsigned short, unsigned char> >(
      (1U << static_cast<unsigned>(count)) - 1U);
}
#elif OCTAVO_VECTOR_BYTES == 32
/// A mask with all bits set in the first `count` lanes (at most width).
template <Scalar T>
OCTAVO_ALWAYS_INLINE auto first_lanes(Index count) {
  if constexpr (sizeof(T) == 4) {
    using Integers = typename detail::VectorType<int, vector_bytes>::type;
    return Integers(static_cast<int>(count) - Integers{} > Integers{0, 1, 2, 3, 4, 5, 6, 7});
  } else {
    using Integers = typename detail::VectorType<long long, vector_bytes>::type;
    return Integers(static_cast<long long>(count) - Integers{} > Integers{0, 1, 2, 3});
  }
}
#endif

/// The first `count` lanes (at most width); the others are zero. Reads nothing after `from +
/// count`.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Vector<T> load_partial(const T* from, Index count) {
#if OCTAVO_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    return OCTAVO_X86_LOAD_64_FLOAT(from, first_lanes<T>(count));
  } else {
    return OCTAVO_X86_LOAD_64_DOUBLE(from, first_lanes<T>(count));
  }
#elif OCTAVO_VECTOR_BYTES == 32
  if constexpr (sizeof(T) == 4) {
    return OCTAVO_X86_LOAD_32_FLOAT(from, first_lanes<T>(count));
  } else {
    return OCTAVO_X86_LOAD_32_DOUBLE(from, first_lanes<T>(count));
  }
#else
  Vector<T> result{};
  for (Index i = 0; i < count; ++i) result[i] = from[i];
  return result;
#endif
}

/// Writes the first `count` lanes (at most width).
template <Scalar T>
OCTAVO_ALWAYS_INLINE void store_partial(T* to, Vector<T> value, Index count) {
#if OCTAVO_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    OCTAVO_X86_STORE_64_FLOAT(to, first_lanes<T>(count), value);
  } else {
    OCTAVO_X86_STORE_64_DOUBLE(to, first_lanes<T>(count), value);
  }
#elif OCTAVO_VECTOR_BYTES == 32
  if constexpr (sizeof(T) == 4) {
    OCTAVO_X86_STORE_32_FLOAT(to, first_lanes<T>(count), value);
  } else {
    OCTAVO_X86_STORE_32_DOUBLE(to, first_lanes<T>(count), value);
  }
#else
  for (Index i = 0; i < count; ++i) to[i] = value[i];
#endif
}

#if OCTAVO_VECTOR_BYTES > 16 || defined(OCTAVO_HAS_NEON)
#define OCTAVO_FMA OCTAVO_ALWAYS_INLINE
#else
#define OCTAVO_FMA OCTAVO_ALWAYS_INLINE
#endif

/// a * b + c with one rounding.
OCTAVO_FMA Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
#if OCTAVO_VECTOR_BYTES == 64
  return OCTAVO_X86_FMA_64_FLOAT(a, b, c);
#elif OCTAVO_VECTOR_BYTES == 32
  return OCTAVO_X86_FMA_32_FLOAT(a, b, c);
#elif defined(OCTAVO_HAS_NEON)
  return vfmaq_f32(c, a, b);
#else
  return octavo::detail::exact_fma(a, b, c);
#endif
}

OCTAVO_FMA Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
#if OCTAVO_VECTOR_BYTES == 64
  return OCTAVO_X86_FMA_64_DOUBLE(a, b, c);
#elif OCTAVO_VECTOR_BYTES == 32
  return OCTAVO_X86_FMA_32_DOUBLE(a, b, c);
#elif defined(OCTAVO_HAS_NEON)
  return vfmaq_f64(c, a, b);
#else
  for (int lane = 0; lane < width<double>; ++lane) c[lane] = std::fma(a[lane], b[lane], c[lane]);
  return c;
#endif
}

#undef OCTAVO_FMA

OCTAVO_ALWAYS_INLINE Vector<float> sqrt(Vector<float> a) {
#if OCTAVO_VECTOR_BYTES == 64
  return OCTAVO_X86_SQRT_64_FLOAT(a);
#elif OCTAVO_VECTOR_BYTES == 32
  return OCTAVO_X86_SQRT_32_FLOAT(a);
#elif defined(OCTAVO_HAS_NEON)
  return vsqrtq_f32(a);
#else
  for (int lane = 0; lane < width<float>; ++lane) a[lane] = std::sqrt(a[lane]);
  return a;
#endif
}

OCTAVO_ALWAYS_INLINE Vector<double> sqrt(Vector<double> a) {
#if OCTAVO_VECTOR_BYTES == 64
  return OCTAVO_X86_SQRT_64_DOUBLE(a);
#elif OCTAVO_VECTOR_BYTES == 32
  return OCTAVO_X86_SQRT_32_DOUBLE(a);
#elif defined(OCTAVO_HAS_NEON)
  return vsqrtq_f64(a);
#else
  for (int lane = 0; lane < width<double>; ++lane) a[lane] = std::sqrt(a[lane]);
  return a;
#endif
}

namespace detail {

// Interleaves a0 b0 a1 b1 ... from the lower (offset 0) or upper (offset half) halves of a and b.
template <int offset, typename V, std::size_t... lane>
OCTAVO_ALWAYS_INLINE V interleave(V a, V b, std::index_sequence<lane...>) {
  constexpr int lanes = sizeof...(lane);
  return __builtin_shufflevector(
      a, b, (static_cast<int>(lane) / 2 + offset + (lane % 2 == 1 ? lanes : 0))...);
}

// Lane i receives lane i + shift, cyclically.
template <int shift, typename V, std::size_t... lane>
OCTAVO_ALWAYS_INLINE V rotate(V a, std::index_sequence<lane...>) {
  constexpr int lanes = sizeof...(lane);
  return __builtin_shufflevector(a, a, ((static_cast<int>(lane) + shift) % lanes)...);
}

}  // namespace detail

/// Folds all lanes to one by `combine`: lane i with lane i + width/2, then + width/4, ...
template <Scalar T, int shift = width<T> / 2, typename Combine = void>
OCTAVO_ALWAYS_INLINE T fold(Vector<T> a, Combine combine) {
  if constexpr (shift == 0) {
    return a[0];
  } else {
    constexpr auto lanes = std::make_index_sequence<static_cast<std::size_t>(width<T>)>{};
    return fold<T, shift / 2>(combine(a, detail::rotate<shift>(a, lanes)), combine);
  }
}

/// Transposes a square of `width<T>` vectors in registers: log2(width) rounds of interleaving row i
/// with row i + width/2.
template <Scalar T>
OCTAVO_ALWAYS_INLINE void transpose(Vector<T> (&rows)[width<T>]) {
  constexpr int half = width<T> / 2;
  constexpr auto lanes = std::make_index_sequence<static_cast<std::size_t>(width<T>)>{};
  OCTAVO_UNROLL
  for (int round = 1; round < width<T>; round *= 2) {
    Vector<T> next[width<T>];
    OCTAVO_UNROLL
    for (int i = 0; i < half; ++i) {
      next[2 * i] = detail::interleave<0>(rows[i], rows[i + half], lanes);
      next[2 * i + 1] = detail::interleave<half>(rows[i], rows[i + half], lanes);
    }
    OCTAVO_UNROLL
    for (int i = 0; i < width<T>; ++i) rows[i] = next[i];
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::simd

#endif
