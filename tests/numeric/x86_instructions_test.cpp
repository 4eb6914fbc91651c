// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include <octavo/numeric/float16.hpp>
#include <octavo/numeric/x86_instructions.hpp>

// Whichever of the two ways a compiler takes: the instruction is the one that its name says.
#if defined(__AVX2__) && defined(__FMA__)
namespace {

typedef float Floats __attribute__((vector_size(32)));
typedef double Doubles __attribute__((vector_size(32)));
typedef int FloatMask __attribute__((vector_size(32)));
typedef long long DoubleMask __attribute__((vector_size(32)));

}  // namespace

TEST_CASE("vectors of 32 bytes: one rounding, roots, and lanes that a mask leaves out") {
  const float close = 1 + std::numeric_limits<float>::epsilon();
  const Floats a = close - Floats{};
  const Floats fused = OCTAVO_X86_FMA_32_FLOAT(a, a, -a);
  const Floats roots = OCTAVO_X86_SQRT_32_FLOAT(a + 1.0f);
  const double close_double = 1 + std::numeric_limits<double>::epsilon();
  const Doubles b = close_double - Doubles{};
  const Doubles fused_double = OCTAVO_X86_FMA_32_DOUBLE(b, b, -b);
  const Doubles roots_double = OCTAVO_X86_SQRT_32_DOUBLE(b + 1.0);
  for (int i = 0; i < 8; ++i) {
    CHECK(fused[i] == std::fma(close, close, -close));
    CHECK(roots[i] == std::sqrt(close + 1.0f));
  }
  for (int i = 0; i < 4; ++i) {
    CHECK(fused_double[i] == std::fma(close_double, close_double, -close_double));
    CHECK(roots_double[i] == std::sqrt(close_double + 1.0));
  }
  const float floats[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  const FloatMask mask{-1, 0, -1, 0, 0, 0, 0, -1};
  float stored[8] = {};
  const Floats loaded = OCTAVO_X86_LOAD_32_FLOAT(floats, mask);
  OCTAVO_X86_STORE_32_FLOAT(stored, mask, a);
  for (int i = 0; i < 8; ++i) {
    CHECK(loaded[i] == (mask[i] != 0 ? floats[i] : 0.0f));
    CHECK(stored[i] == (mask[i] != 0 ? close : 0.0f));
  }
  const double doubles[4] = {1, 2, 3, 4};
  const DoubleMask double_mask{0, -1, 0, -1};
  double stored_doubles[4] = {};
  const Doubles loaded_doubles = OCTAVO_X86_LOAD_32_DOUBLE(doubles, double_mask);
  OCTAVO_X86_STORE_32_DOUBLE(stored_doubles, double_mask, b);
  for (int i = 0; i < 4; ++i) {
    CHECK(loaded_doubles[i] == (double_mask[i] != 0 ? doubles[i] : 0.0));
    CHECK(stored_doubles[i] == (double_mask[i] != 0 ? close_double : 0.0));
  }
}
#endif

#if defined(__AVX512F__)
namespace {

typedef float WideFloats __attribute__((vector_size(64)));
typedef double WideDoubles __attribute__((vector_size(64)));

}  // namespace

TEST_CASE("vectors of 64 bytes: one rounding, roots, and lanes that a mask leaves out") {
  const float close = 1 + std::numeric_limits<float>::epsilon();
  const WideFloats a = close - WideFloats{};
  const WideFloats fused = OCTAVO_X86_FMA_64_FLOAT(a, a, -a);
  const WideFloats roots = OCTAVO_X86_SQRT_64_FLOAT(a + 1.0f);
  const double close_double = 1 + std::numeric_limits<double>::epsilon();
  const WideDoubles b = close_double - WideDoubles{};
  const WideDoubles fused_double = OCTAVO_X86_FMA_64_DOUBLE(b, b, -b);
  const WideDoubles roots_double = OCTAVO_X86_SQRT_64_DOUBLE(b + 1.0);
  constexpr unsigned short mask = 0x8005;
  constexpr unsigned char double_mask = 0x8a;
  float floats[16], stored[16] = {};
  double doubles[8], stored_doubles[8] = {};
  for (int i = 0; i < 16; ++i) floats[i] = static_cast<float>(i + 1);
  for (int i = 0; i < 8; ++i) doubles[i] = i + 1;
  const WideFloats loaded = OCTAVO_X86_LOAD_64_FLOAT(floats, mask);
  OCTAVO_X86_STORE_64_FLOAT(stored, mask, a);
  const WideDoubles loaded_doubles = OCTAVO_X86_LOAD_64_DOUBLE(doubles, double_mask);
  OCTAVO_X86_STORE_64_DOUBLE(stored_doubles, double_mask, b);
  for (int i = 0; i < 16; ++i) {
    const bool there = (mask >> i & 1) != 0;
    CHECK(fused[i] == std::fma(close, close, -close));
    CHECK(roots[i] == std::sqrt(close + 1.0f));
    CHECK(loaded[i] == (there ? floats[i] : 0.0f));
    CHECK(stored[i] == (there ? close : 0.0f));
  }
  for (int i = 0; i < 8; ++i) {
    const bool there = (double_mask >> i & 1) != 0;
    CHECK(fused_double[i] == std::fma(close_double, close_double, -close_double));
    CHECK(roots_double[i] == std::sqrt(close_double + 1.0));
    CHECK(loaded_doubles[i] == (there ? doubles[i] : 0.0));
    CHECK(stored_doubles[i] == (there ? close_double : 0.0));
  }
}

TEST_CASE("sixteen numbers of binary16 are the floats that they are") {
  typedef unsigned short Halves __attribute__((vector_size(32)));
  for (unsigned bits = 0; bits < 65536; bits += 16) {
    Halves halves{};
    for (int i = 0; i < 16; ++i) halves[i] = static_cast<unsigned short>(bits + unsigned(i));
    if ((bits & 0x7c00u) == 0x7c00u) continue;  // not finite
    const WideFloats floats = OCTAVO_X86_HALVES_64_FLOAT(halves);
    for (int i = 0; i < 16; ++i) CHECK(floats[i] == octavo::to_float(octavo::Float16{halves[i]}));
  }
}
#endif
