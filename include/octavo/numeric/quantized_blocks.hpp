// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <octavo/base/config.hpp>
#include <octavo/numeric/float16.hpp>

// The quantized blocks of GGUF files (ggml, src/ggml-common.h and ggml-quants.c): some numbers of a
// row with a scale, a binary16, and whole numbers of 2 to 8 bits. A block of 256 numbers has
// sub-blocks of 16 or 32 with whole scales of 4 to 8 bits. Every formula rounds at most once, so
// fused multiply-adds do not change a bit.
namespace OCTAVO_NAMESPACE::detail {

using Byte = std::uint8_t;

/// The binary16 at `bytes`.
inline float half_at(const Byte* bytes) noexcept {
  Float16 number;
  std::memcpy(&number, bytes, sizeof(number));
  return to_float(number);
}

inline void put_half(float number, Byte* bytes) noexcept {
  const Float16 half = to_float16(number);
  std::memcpy(bytes, &half, sizeof(half));
}

inline std::uint32_t word_at(const Byte* bytes) noexcept {
  std::uint32_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

/// Number i of 32 numbers of four bits: the low halves of 16 bytes, then the high ones.
constexpr int nibble(const Byte* bytes, int i) noexcept {
  return i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4;
}

/// The sixteen levels of IQ4_NL and IQ4_XS.
inline constexpr std::array<float, 16> iq4_levels{-127, -104, -83, -65, -49, -35, -22, -10,
                                                  1,    13,   25,  38,  53,  69,  89,  113};

inline void decode_q8_0(const Byte* block, float* out) noexcept {
  const float scale = half_at(block);
  for (int i = 0; i < 32; ++i) {
    out[i] = scale * static_cast<float>(static_cast<std::int8_t>(block[2 + i]));
  }
}

inline void decode_q4_0(const Byte* block, float* out) noexcept {
  const float scale = half_at(block);
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(nibble(block + 2, i) - 8);
}

inline void decode_q4_1(const Byte* block, float* out) noexcept {
  const float scale = half_at(block), least = half_at(block + 2);
  for (int i = 0; i < 32; ++i) {
    out[i] = std::fma(scale, static_cast<float>(nibble(block + 4, i)), least);
  }
}

/// Number i of 32 numbers of five bits: the highest ones are the bits of the word `high`.
constexpr int five_bits(const Byte* low, std::uint32_t high, int i) noexcept {
  return nibble(low, i) + 16 * static_cast<int>(high >> i & 1u);
}

inline void decode_q5_0(const Byte* block, float* out) noexcept {
  const float scale = half_at(block);
  const std::uint32_t high = word_at(block + 2);
  for (int i = 0; i < 32; ++i) {
    out[i] = scale * static_cast<float>(five_bits(block + 6, high, i) - 16);
  }
}

inline void decode_q5_1(const Byte* block, float* out) noexcept {
  const float scale = half_at(block), least = half_at(block + 2);
  const std::uint32_t high = word_at(block + 4);
  for (int i = 0; i < 32; ++i) {
    out[i] = std::fma(scale, static_cast<float>(five_bits(block + 8, high, i)), least);
  }
}

inline void decode_iq4_nl(const Byte* block, float* out) noexcept {
  const float scale = half_at(block);
  for (int i = 0; i < 32; ++i) {
    out[i] = scale * iq4_levels[static_cast<std::size_t>(nibble(block + 2, i))];
  }
}

/// Two bits of number `16 s + l` of the 32 at plane j of half h, as Q2_K and Q3_K store them.
constexpr int two_bits(const Byte* bytes, int h, int j, int i) noexcept {
  return bytes[32 * h + i] >> (2 * j) & 3;
}

inline void decode_q2_k(const Byte* block, float* out) noexcept {
  const float scale = half_at(block + 80), least = half_at(block + 82);
  for (int part = 0; part < 8; ++part) {  // 32 numbers
    for (int i = 0; i < 32; ++i) {
      const int scales = block[2 * part + i / 16];
      const float factor = scale * static_cast<float>(scales & 15);
      const float offset = least * static_cast<float>(scales >> 4);
      const int number = two_bits(block + 16, part / 4, part % 4, i);
      *out++ = std::fma(factor, static_cast<float>(number), -offset);
    }
  }
}

/// Scale i of Q3_K's sixteen, six bits each, in 12 bytes.
constexpr int q3_k_scale(const Byte* bytes, int i) noexcept {
  const int low = i < 8 ? bytes[i] & 15 : bytes[i - 8] >> 4;
  return low + 16 * (bytes[8 + i % 4] >> (2 * (i / 4)) & 3) - 32;
}

inline void decode_q3_k(const Byte* block, float* out) noexcept {
  const float scale = half_at(block + 108);
  for (int part = 0; part < 8; ++part) {
    for (int i = 0; i < 32; ++i) {
      const float factor = scale * static_cast<float>(q3_k_scale(block + 96, 2 * part + i / 16));
      const int high = block[i] >> part & 1;
      const int number = two_bits(block + 32, part / 4, part % 4, i) - (high != 0 ? 0 : 4);
      *out++ = factor * static_cast<float>(number);
    }
  }
}

/// Scale and minimum j of Q4_K's and Q5_K's eight, six bits each, in 12 bytes.
struct ScaleAndLeast {
  int scale;
  int least;
};
constexpr ScaleAndLeast k_scale(const Byte* bytes, int j) noexcept {
  if (j < 4) return {bytes[j] & 63, bytes[j + 4] & 63};
  return {(bytes[j + 4] & 15) + 16 * (bytes[j - 4] >> 6),
          (bytes[j + 4] >> 4) + 16 * (bytes[j] >> 6)};
}

inline void decode_q4_k(const Byte* block, float* out) noexcept {
  const float scale = half_at(block), least = half_at(block + 2);
  for (int part = 0; part < 8; ++part) {
    const ScaleAndLeast of = k_scale(block + 4, part);
    const float factor = scale * static_cast<float>(of.scale);
    const float offset = least * static_cast<float>(of.least);
    const Byte* const numbers = block + 16 + 32 * (part / 2);
    for (int i = 0; i < 32; ++i) {
      const int number = numbers[i] >> (4 * (part % 2)) & 15;
      *out++ = std::fma(factor, static_cast<float>(number), -offset);
    }
  }
}

inline void decode_q5_k(const Byte* block, float* out) noexcept {
  const float scale = half_at(block), least = half_at(block + 2);
  for (int part = 0; part < 8; ++part) {
    const ScaleAndLeast of = k_scale(block + 4, part);
    const float factor = scale * static_cast<float>(of.scale);
    const float offset = least * static_cast<float>(of.least);
    const Byte* const numbers = block + 48 + 32 * (part / 2);
    for (int i = 0; i < 32; ++i) {
      const int high = block[16 + i] >> part & 1;
      const int number = (numbers[i] >> (4 * (part % 2)) & 15) + 16 * high;
      *out++ = std::fma(factor, static_cast<float>(number), -offset);
    }
  }
}

inline void decode_q6_k(const Byte* block, float* out) noexcept {
  const float scale = half_at(block + 208);
  for (int part = 0; part < 8; ++part) {
    const int h = part / 4, k = part % 4;
    for (int i = 0; i < 32; ++i) {
      const auto whole = static_cast<std::int8_t>(block[192 + 2 * part + i / 16]);
      const int low = block[64 * h + 32 * (k % 2) + i] >> (4 * (k / 2)) & 15;
      const int high = block[128 + 32 * h + i] >> (2 * k) & 3;
      const float factor = scale * static_cast<float>(whole);
      *out++ = factor * static_cast<float>(low + 16 * high - 32);
    }
  }
}

inline void decode_iq4_xs(const Byte* block, float* out) noexcept {
  const float scale = half_at(block);
  const int high = block[2] | block[3] << 8;
  for (int part = 0; part < 8; ++part) {
    const int low = block[4 + part / 2] >> (4 * (part % 2)) & 15;
    const float factor = scale * static_cast<float>(low + 16 * (high >> (2 * part) & 3) - 32);
    for (int i = 0; i < 32; ++i) {
      *out++ = factor * iq4_levels[static_cast<std::size_t>(nibble(block + 8 + 16 * part, i))];
    }
  }
}

/// The bits of a number's magnitude, which are in the order of the magnitudes.
inline std::uint32_t magnitude_bits(float number) noexcept {
  return octavo::bit_cast<std::uint32_t>(number) & 0x7fff'ffffu;
}

/// The bits of the largest magnitude of 32 numbers; those of an infinity or a NaN are larger than
/// those of any number. (A compiler vectorizes the largest of whole numbers, but not of floats.)
inline std::uint32_t largest_bits(const float* numbers) noexcept {
  std::uint32_t largest = 0;
  for (int i = 0; i < 32; ++i) largest = std::max(largest, magnitude_bits(numbers[i]));
  return largest;
}

/// The whole part of number * factor + offset, the product and the sum rounded to float as ggml's
/// code does; the double keeps a compiler from fusing the two.
inline int quantized(float number, float factor, double offset) noexcept {
  const float product = number * factor;
  return static_cast<int>(static_cast<float>(static_cast<double>(product) + offset));
}

/// 1 / scale; 0 for a scale that a binary16 rounds to 0, whose reciprocal could be infinite.
inline float reciprocal(float scale) noexcept { return std::abs(scale) < 0x1p-30f ? 0 : 1 / scale; }

/// Stores 32 numbers of four bits and returns those of the fifth.
inline std::uint32_t put_numbers(const std::array<int, 32>& numbers, Byte* low) noexcept {
  std::uint32_t high = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    low[i] = static_cast<Byte>((numbers[i] & 15) | (numbers[i + 16] & 15) << 4);
  }
  for (std::size_t i = 0; i < 32; ++i) {
    high |= static_cast<std::uint32_t>(numbers[i] >> 4 & 1) << i;
  }
  return high;
}

/// As ggml's quantize_row_q8_0_ref. numbers [32], finite.
inline void encode_q8_0(const float* numbers, Byte* block) noexcept {
  const float scale = octavo::bit_cast<float>(largest_bits(numbers)) / 127;
  const float factor = reciprocal(scale);
  put_half(scale, block);
  std::array<Byte, 32> bytes;
  for (std::size_t i = 0; i < 32; ++i) {
    // Rounded to nearest, halves away from zero; exact, as the sum is a double.
    const float product = numbers[i] * factor;
    const int whole = static_cast<int>(static_cast<double>(product) + std::copysign(0.5, product));
    bytes[i] = static_cast<Byte>(std::clamp(whole, -127, 127));
  }
  std::memcpy(block + 2, bytes.data(), bytes.size());
}

/// As ggml's quantize_row_q4_0_ref (bits 4) and quantize_row_q5_0_ref (bits 5). numbers [32]
template <int bits>
void encode_symmetric(const float* numbers, Byte* block) noexcept {
  constexpr int half = 1 << (bits - 1);
  const std::uint32_t largest = largest_bits(numbers);
  const float* first = numbers;
  while (magnitude_bits(*first) != largest) ++first;
  const float extreme = largest == 0 ? 0 : *first;
  const float scale = extreme / -half;
  const float factor = reciprocal(scale);
  std::array<int, 32> wholes;
  for (std::size_t i = 0; i < 32; ++i) {
    wholes[i] = std::clamp(quantized(numbers[i], factor, half + 0.5), 0, 2 * half - 1);
  }
  put_half(scale, block);
  const std::uint32_t high = put_numbers(wholes, block + (bits == 5 ? 6 : 2));
  if constexpr (bits == 5) std::memcpy(block + 2, &high, sizeof(high));
}

/// As ggml's quantize_row_q4_1_ref (bits 4) and quantize_row_q5_1_ref (bits 5). numbers [32]
template <int bits>
void encode_with_minimum(const float* numbers, Byte* block) noexcept {
  constexpr int most = (1 << bits) - 1;
  const float least = *std::min_element(numbers, numbers + 32);
  const float scale = (*std::max_element(numbers, numbers + 32) - least) / most;
  const float factor = reciprocal(scale);
  std::array<int, 32> wholes;
  for (std::size_t i = 0; i < 32; ++i) {
    wholes[i] = std::clamp(quantized(numbers[i] - least, factor, 0.5), 0, most);
  }
  put_half(scale, block);
  put_half(least, block + 2);
  const std::uint32_t high = put_numbers(wholes, block + (bits == 5 ? 8 : 4));
  if constexpr (bits == 5) std::memcpy(block + 4, &high, sizeof(high));
}

}  // namespace OCTAVO_NAMESPACE::detail
