// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include <octavo/base/config.hpp>

// The x86-64 instructions of simd.hpp that the language has no operator for, on vectors of 32 or 64
// bytes. <immintrin.h> has names for them, but g++ needs as much time and memory to read that
// header as for half of Eigen, so for g++ the few instructions in use are declared here.
#if defined(__x86_64__)

#if defined(__clang__)
#include <immintrin.h>

#define OCTAVO_X86_FMA_32_FLOAT(a, b, c) _mm256_fmadd_ps(a, b, c)
#define OCTAVO_X86_FMA_32_DOUBLE(a, b, c) _mm256_fmadd_pd(a, b, c)
#define OCTAVO_X86_FMA_64_FLOAT(a, b, c) _mm512_fmadd_ps(a, b, c)
#define OCTAVO_X86_FMA_64_DOUBLE(a, b, c) _mm512_fmadd_pd(a, b, c)
#define OCTAVO_X86_SQRT_32_FLOAT(a) _mm256_sqrt_ps(a)
#define OCTAVO_X86_SQRT_32_DOUBLE(a) _mm256_sqrt_pd(a)
#define OCTAVO_X86_SQRT_64_FLOAT(a) _mm512_sqrt_ps(a)
#define OCTAVO_X86_SQRT_64_DOUBLE(a) _mm512_sqrt_pd(a)
#define OCTAVO_X86_HALVES_64_FLOAT(halves) _mm512_cvtph_ps(reinterpret_cast<__m256i>(halves))
/// The 16 bytes at each of four addresses, as a vector of type Vector.
#define OCTAVO_X86_LOAD_FOURS_64(Vector, a, b, c, d)                                      \
  reinterpret_cast<Vector>(_mm512_inserti64x4(                                            \
      _mm512_castsi256_si512(_mm256_loadu2_m128i(reinterpret_cast<const __m128i_u*>(b),   \
                                                 reinterpret_cast<const __m128i_u*>(a))), \
      _mm256_loadu2_m128i(reinterpret_cast<const __m128i_u*>(d),                          \
                          reinterpret_cast<const __m128i_u*>(c)),                         \
      1))
#define OCTAVO_X86_SHUFFLE_BYTES_64(words, places)         \
  reinterpret_cast<std::remove_cvref_t<decltype(words)> >( \
      _mm512_shuffle_epi8(reinterpret_cast<__m512i>(words), reinterpret_cast<__m512i>(places)))
#define OCTAVO_X86_LOOKUP_32_FLOAT(table, indices) \
  _mm256_permutevar8x32_ps(table, reinterpret_cast<__m256i>(indices))
#define OCTAVO_X86_LOOKUP_64_FLOAT(table, indices) \
  _mm512_permutexvar_ps(reinterpret_cast<__m512i>(indices), table)
#define OCTAVO_X86_LOAD_32_FLOAT(from, mask) \
  _mm256_maskload_ps(from, reinterpret_cast<__m256i>(mask))
#define OCTAVO_X86_LOAD_32_DOUBLE(from, mask) \
  _mm256_maskload_pd(from, reinterpret_cast<__m256i>(mask))
#define OCTAVO_X86_LOAD_64_FLOAT(from, mask) _mm512_maskz_loadu_ps(mask, from)
#define OCTAVO_X86_LOAD_64_DOUBLE(from, mask) _mm512_maskz_loadu_pd(mask, from)
#define OCTAVO_X86_STORE_32_FLOAT(to, mask, value) \
  _mm256_maskstore_ps(to, reinterpret_cast<__m256i>(mask), value)
#define OCTAVO_X86_STORE_32_DOUBLE(to, mask, value) \
  _mm256_maskstore_pd(to, reinterpret_cast<__m256i>(mask), value)
#define OCTAVO_X86_STORE_64_FLOAT(to, mask, value) _mm512_mask_storeu_ps(to, mask, value)
#define OCTAVO_X86_STORE_64_DOUBLE(to, mask, value) _mm512_mask_storeu_pd(to, mask, value)

#else

namespace OCTAVO_NAMESPACE::detail {

typedef float Floats32 __attribute__((vector_size(32)));
typedef double Doubles32 __attribute__((vector_size(32)));
typedef float Floats64 __attribute__((vector_size(64)));
typedef double Doubles64 __attribute__((vector_size(64)));
typedef int AnyIntegers16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef long long Longs16 __attribute__((vector_size(16)));
typedef long long Longs32 __attribute__((vector_size(32)));
typedef long long Longs64 __attribute__((vector_size(64)));
typedef int Integers32 __attribute__((vector_size(32)));
typedef int Integers64 __attribute__((vector_size(64)));
typedef char Bytes64 __attribute__((vector_size(64)));
typedef short Shorts32 __attribute__((vector_size(32)));

}  // namespace OCTAVO_NAMESPACE::detail

// All lanes; the 4 means the current rounding mode, as for every instruction.
#define OCTAVO_X86_FMA_32_FLOAT(a, b, c) __builtin_ia32_vfmaddps256(a, b, c)
#define OCTAVO_X86_FMA_32_DOUBLE(a, b, c) __builtin_ia32_vfmaddpd256(a, b, c)
#define OCTAVO_X86_FMA_64_FLOAT(a, b, c) __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4)
#define OCTAVO_X86_FMA_64_DOUBLE(a, b, c) __builtin_ia32_vfmaddpd512_mask(a, b, c, 0xff, 4)
#define OCTAVO_X86_SQRT_32_FLOAT(a) __builtin_ia32_sqrtps256(a)
#define OCTAVO_X86_SQRT_32_DOUBLE(a) __builtin_ia32_sqrtpd256(a)
#define OCTAVO_X86_SQRT_64_FLOAT(a) \
  __builtin_ia32_sqrtps512_mask(a, octavo::detail::Floats64{}, -1, 4)
#define OCTAVO_X86_SQRT_64_DOUBLE(a) \
  __builtin_ia32_sqrtpd512_mask(a, octavo::detail::Doubles64{}, -1, 4)
#define OCTAVO_X86_HALVES_64_FLOAT(halves)                                             \
  __builtin_ia32_vcvtph2ps512_mask(reinterpret_cast<octavo::detail::Shorts32>(halves), \
                                   octavo::detail::Floats64{}, -1, 4)
#define OCTAVO_X86_LOOKUP_32_FLOAT(table, indices) \
  __builtin_ia32_permvarsf256(table, reinterpret_cast<octavo::detail::Integers32>(indices))
#define OCTAVO_X86_AT_16(from) *reinterpret_cast<const octavo::detail::AnyIntegers16*>(from)
#define OCTAVO_X86_LOAD_TWO_32(a, b)                                                           \
  __builtin_ia32_insert128i256(                                                                \
      reinterpret_cast<octavo::detail::Longs32>(__builtin_ia32_si256_si(OCTAVO_X86_AT_16(a))), \
      reinterpret_cast<octavo::detail::Longs16>(OCTAVO_X86_AT_16(b)), 1)
#define OCTAVO_X86_LOAD_FOURS_64(Vector, a, b, c, d)                                    \
  reinterpret_cast<Vector>(__builtin_ia32_inserti64x4_mask(                             \
      reinterpret_cast<octavo::detail::Longs64>(__builtin_ia32_si512_256si(             \
          reinterpret_cast<octavo::detail::Integers32>(OCTAVO_X86_LOAD_TWO_32(a, b)))), \
      OCTAVO_X86_LOAD_TWO_32(c, d), 1, octavo::detail::Longs64{}, 0xff))
#define OCTAVO_X86_SHUFFLE_BYTES_64(words, places)                                       \
  reinterpret_cast<std::remove_cvref_t<decltype(words)> >(__builtin_ia32_pshufb512_mask( \
      reinterpret_cast<octavo::detail::Bytes64>(words),                                  \
      reinterpret_cast<octavo::detail::Bytes64>(places), octavo::detail::Bytes64{}, ~0ull))
#define OCTAVO_X86_LOOKUP_64_FLOAT(table, indices)                                               \
  __builtin_ia32_permvarsf512_mask(table, reinterpret_cast<octavo::detail::Integers64>(indices), \
                                   octavo::detail::Floats64{}, 0xffff)
#define OCTAVO_X86_LOAD_32_FLOAT(from, mask) \
  __builtin_ia32_maskloadps256(reinterpret_cast<const octavo::detail::Floats32*>(from), mask)
#define OCTAVO_X86_LOAD_32_DOUBLE(from, mask) \
  __builtin_ia32_maskloadpd256(reinterpret_cast<const octavo::detail::Doubles32*>(from), mask)
#define OCTAVO_X86_LOAD_64_FLOAT(from, mask) \
  __builtin_ia32_loadups512_mask(from, octavo::detail::Floats64{}, mask)
#define OCTAVO_X86_LOAD_64_DOUBLE(from, mask) \
  __builtin_ia32_loadupd512_mask(from, octavo::detail::Doubles64{}, mask)
#define OCTAVO_X86_STORE_32_FLOAT(to, mask, value) \
  __builtin_ia32_maskstoreps256(reinterpret_cast<octavo::detail::Floats32*>(to), mask, value)
#define OCTAVO_X86_STORE_32_DOUBLE(to, mask, value) \
  __builtin_ia32_maskstorepd256(reinterpret_cast<octavo::detail::Doubles32*>(to), mask, value)
#define OCTAVO_X86_STORE_64_FLOAT(to, mask, value) __builtin_ia32_storeups512_mask(to, value, mask)
#define OCTAVO_X86_STORE_64_DOUBLE(to, mask, value) __builtin_ia32_storeupd512_mask(to, value, mask)

#endif

#endif
