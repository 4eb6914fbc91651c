// SPDX-License-Identifier: MIT
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <doctest/doctest.h>

#include <octavo/numeric/float16.hpp>

using namespace octavo;

static_assert(to_float(Float16{0x3c00}) == 1 && to_float(BFloat16{0x3f80}) == 1);
static_assert(to_float16(-2).bits == 0xc000 && to_bfloat16(-2).bits == 0xc000);

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

Float16 rounded(float number, Float16) { return to_float16(number); }
BFloat16 rounded(float number, BFloat16) { return to_bfloat16(number); }

/// What a number of `fraction_bits` stands for, by the definition of IEEE 754.
double by_definition(unsigned bits, int fraction_bits, int bias) {
  const int exponent = static_cast<int>((bits & 0x7fff) >> fraction_bits);
  const double fraction = std::ldexp(bits & ((1u << fraction_bits) - 1), -fraction_bits);
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

/// All 65536 numbers become floats and come back; between two neighbours the nearer one is taken,
/// half-way the even one.
template <typename Number>
void check_all(std::uint16_t infinite, int fraction_bits, int bias) {
  unsigned wrong = 0;
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const Number number{static_cast<std::uint16_t>(bits)};
    const unsigned magnitude = bits & 0x7fff;
    const float value = to_float(number);
    if (magnitude > infinite) {
      wrong += !std::isnan(value) || !std::isnan(to_float(rounded(value, number)));
      continue;
    }
    wrong += rounded(value, number).bits != bits;
    if (magnitude == infinite) {
      wrong += !std::isinf(value);
      continue;
    }
    wrong += static_cast<double>(value) != by_definition(bits, fraction_bits, bias);
    if (magnitude + 1 == infinite) continue;
    const float next = to_float(Number{static_cast<std::uint16_t>(bits + 1)});
    const float middle = value / 2 + next / 2;
    wrong += rounded(middle, number).bits != (bits & 1 ? bits + 1 : bits);
    wrong += rounded(std::nextafter(middle, value), number).bits != bits;
    wrong += rounded(std::nextafter(middle, next), number).bits != bits + 1;
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("every binary16 is exact as a float, and every float goes to the nearest binary16") {
  check_all<Float16>(0x7c00, 10, 15);
  CHECK(to_float(Float16{0x7bff}) == 65504);
  CHECK(to_float16(65504).bits == 0x7bff);
  CHECK(to_float16(std::nextafter(65520.f, 0.f)).bits == 0x7bff);
  CHECK(to_float16(65520).bits == 0x7c00);
  CHECK(to_float16(-70000).bits == 0xfc00);
  CHECK(to_float16(std::numeric_limits<float>::max()).bits == 0x7c00);
  CHECK(to_float16(0x1p-25f).bits == 0);
  CHECK(to_float16(std::nextafter(0x1p-25f, 1.f)).bits == 1);
  CHECK(to_float16(std::numeric_limits<float>::denorm_min()).bits == 0);
  CHECK(to_float16(-0.f).bits == 0x8000);
  CHECK(to_float16(infinity).bits == 0x7c00);
  CHECK(std::isnan(to_float(to_float16(-not_a_number))));
}

TEST_CASE("every bfloat16 is exact as a float, and every float goes to the nearest bfloat16") {
  check_all<BFloat16>(0x7f80, 7, 127);
  CHECK(to_bfloat16(std::numeric_limits<float>::max()).bits == 0x7f80);
  CHECK(to_bfloat16(std::bit_cast<float>(0x7f7f7fffu)).bits == 0x7f7f);
  CHECK(to_bfloat16(-0.f).bits == 0x8000);
  CHECK(to_bfloat16(infinity).bits == 0x7f80);
  CHECK(std::isnan(to_float(to_bfloat16(not_a_number))));
  CHECK(std::isnan(to_float(to_bfloat16(std::bit_cast<float>(0x7f800001u)))));
}
