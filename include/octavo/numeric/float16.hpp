// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <octavo/base/config.hpp>

// 16-bit floating-point numbers in files. Octavo does not compute with these types: reading
// converts them to float exactly; writing rounds floats to the nearest value (ties to even).
namespace OCTAVO_NAMESPACE {

/// IEEE 754 binary16, "F16" in files: 5 bits of exponent, 10 of fraction; at most 65504.
struct Float16 {
  std::uint16_t bits = 0;
};

/// bfloat16, "BF16" in files: the upper half of a float.
struct BFloat16 {
  std::uint16_t bits = 0;
};

constexpr float to_float(Float16 number) noexcept {
  const std::uint32_t sign = (number.bits & 0x8000u) << 16;
  const std::uint32_t exponent = number.bits >> 10 & 31u;
  const std::uint32_t fraction = number.bits & 0x3ffu;
  if (exponent == 0) {  // zero, or a multiple of 2^-24 below the normal numbers
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return octavo::bit_cast<float>(octavo::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t widened = exponent == 31 ? 255 : exponent + (127 - 15);
  return octavo::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

constexpr float to_float(BFloat16 number) noexcept {
  return octavo::bit_cast<float>(std::uint32_t{number.bits} << 16);
}

namespace detail {

/// The upper bits of a magnitude, without the lowest `dropped` bits, rounded to nearest, ties to
/// even. A carry out of the fraction correctly increments the exponent.
constexpr std::uint32_t rounded_off(std::uint32_t magnitude, int dropped) noexcept {
  const std::uint32_t below_half = (std::uint32_t{1} << (dropped - 1)) - 1;
  return (magnitude + below_half + (magnitude >> dropped & 1u)) >> dropped;
}

}  // namespace detail

/// The nearest binary16; infinity from 65520 on. NaN gives NaN.
constexpr Float16 to_float16(float number) noexcept {
  const auto bits = octavo::bit_cast<std::uint32_t>(number);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t result = 0;
  if (magnitude > 0x7f800000u) {
    result = 0x7e00;
  } else if (magnitude >= 0x47800000u) {  // 65536
    result = 0x7c00;
  } else if (magnitude < 0x38800000u) {  // 2^-14: added to 1/2, its last bit is worth 2^-24
    result =
        octavo::bit_cast<std::uint32_t>(octavo::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  } else {
    result = detail::rounded_off(magnitude - (std::uint32_t{127 - 15} << 23), 13);
  }
  return {static_cast<std::uint16_t>(sign | result)};
}

/// The nearest bfloat16; numbers that round beyond the largest give infinity. NaN gives NaN.
constexpr BFloat16 to_bfloat16(float number) noexcept {
  const auto bits = octavo::bit_cast<std::uint32_t>(number);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t result =
      magnitude > 0x7f800000u ? 0x7fc0u : detail::rounded_off(magnitude, 16);
  return {static_cast<std::uint16_t>((bits >> 16 & 0x8000u) | result)};
}

}  // namespace OCTAVO_NAMESPACE
