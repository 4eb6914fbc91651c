// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstring>

#include <octavo/base/config.hpp>

// The fused multiply-add of four floats for machines that have no instruction for it.
namespace OCTAVO_NAMESPACE::detail {

typedef float FourFloats __attribute__((vector_size(16)));

#if defined(__FP_FAST_FMAF) || defined(__FMA__) || \
    (defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0)

OCTAVO_ALWAYS_INLINE FourFloats exact_fma(FourFloats a, FourFloats b, FourFloats c) {
  for (int lane = 0; lane < 4; ++lane) c[lane] = std::fma(a[lane], b[lane], c[lane]);
  return c;
}

#else

/// a * b + c, rounded once. The product of floats is exact in double. The sum is rounded to odd (if
/// it is not exact, to the neighbour whose last bit is 1), after which rounding to float gives what
/// rounding the exact sum gives (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded
/// sums: proved algorithms using rounding to odd").
OCTAVO_ALWAYS_INLINE FourFloats exact_fma(FourFloats a, FourFloats b, FourFloats c) {
  typedef double Doubles __attribute__((vector_size(32)));
  typedef long long Whole __attribute__((vector_size(32)));
  const Doubles product = __builtin_convertvector(a, Doubles) * __builtin_convertvector(b, Doubles);
  const Doubles other = __builtin_convertvector(c, Doubles);
  const Doubles sum = product + other;
  // What the sum lacks, exactly (Knuth's TwoSum). NaN, and so neither branch, for infinities.
  const Doubles back = sum - product;
  const Doubles rest = (product - (sum - back)) + (other - back);
  const Whole missing = (rest < 0) | (rest > 0);
  Whole bits;
  std::memcpy(&bits, &sum, sizeof(bits));
  const Whole even = (bits & 1) - 1;             // all bits, if the last bit of the sum is 0
  const Whole outward = (rest > 0) ^ (sum < 0);  // all bits, if the exact sum is farther from 0
  bits += (-1 - 2 * outward) & missing & even;   // one bit outward or inward
  Doubles odd;
  std::memcpy(&odd, &bits, sizeof(odd));
  return __builtin_convertvector(odd, FourFloats);
}

#endif

}  // namespace OCTAVO_NAMESPACE::detail
