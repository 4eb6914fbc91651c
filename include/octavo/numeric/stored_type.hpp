// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/numeric/float16.hpp>
#include <octavo/numeric/quantized_blocks.hpp>

namespace OCTAVO_NAMESPACE {

/// The number types in files for other programs. Those from q8_0 on are GGUF's blocks
/// (quantized_blocks.hpp); Octavo writes the first five of them.
enum class StoredType {
  f32,
  f16,
  bf16,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
};

namespace detail {

/// What distinguishes the types. `reach`: a number is too large for a block if a `reach`-th of its
/// magnitude is too large for a binary16; 0: Octavo does not write the type.
struct StoredTypeTraits {
  std::string_view name;  ///< in files
  std::size_t block = 1;  ///< numbers of a block
  std::size_t block_bytes = 0;
  float reach = 0;
  void (*decode_block)(const Byte* block, float* numbers) noexcept = nullptr;
  void (*encode_block)(const float* numbers, Byte* block) noexcept = nullptr;
};
inline constexpr std::array<StoredTypeTraits, 15> stored_types{{
    {"F32", 1, 4},
    {"F16", 1, 2},
    {"BF16", 1, 2},
    {"Q8_0", 32, 34, 127, decode_q8_0, encode_q8_0},
    {"Q4_0", 32, 18, 8, decode_q4_0, encode_symmetric<4>},
    {"Q4_1", 32, 20, 1, decode_q4_1, encode_with_minimum<4>},
    {"Q5_0", 32, 22, 16, decode_q5_0, encode_symmetric<5>},
    {"Q5_1", 32, 24, 1, decode_q5_1, encode_with_minimum<5>},
    {"Q2_K", 256, 84, 0, decode_q2_k},
    {"Q3_K", 256, 110, 0, decode_q3_k},
    {"Q4_K", 256, 144, 0, decode_q4_k},
    {"Q5_K", 256, 176, 0, decode_q5_k},
    {"Q6_K", 256, 210, 0, decode_q6_k},
    {"IQ4_NL", 32, 18, 0, decode_iq4_nl},
    {"IQ4_XS", 256, 136, 0, decode_iq4_xs},
}};

constexpr const StoredTypeTraits& traits_of(StoredType type) noexcept {
  return stored_types[static_cast<std::size_t>(type)];
}

}  // namespace detail

/// The name in files: "F32", "Q8_0", "Q4_K".
constexpr std::string_view name_of(StoredType type) noexcept {
  return detail::traits_of(type).name;
}

/// Numbers that share a scale; rows of a tensor have whole blocks. 1 for F32, F16 and BF16.
constexpr std::size_t block_of(StoredType type) noexcept { return detail::traits_of(type).block; }

namespace detail {

/// Whether Octavo writes the type.
constexpr bool is_written(StoredType type) noexcept {
  return block_of(type) == 1 || traits_of(type).encode_block != nullptr;
}

/// Bytes of `count` numbers, whole blocks.
constexpr std::size_t stored_bytes(StoredType type, std::size_t count) noexcept {
  return count / block_of(type) * traits_of(type).block_bytes;
}

inline constexpr float widened(float number) noexcept { return number; }
inline constexpr double widened(double number) noexcept { return number; }
inline constexpr float widened(Float16 number) noexcept { return to_float(number); }
inline constexpr float widened(BFloat16 number) noexcept { return to_float(number); }

/// std::isfinite of any width, without a branch.
template <typename N>
constexpr bool is_finite(N number) noexcept {
  if constexpr (std::is_same_v<N, double>) {
    constexpr std::uint64_t exponent = 0x7ff0'0000'0000'0000;
    return (octavo::bit_cast<std::uint64_t>(number) & exponent) != exponent;
  } else if constexpr (std::is_same_v<N, float>) {
    constexpr std::uint32_t exponent = 0x7f80'0000;
    return (octavo::bit_cast<std::uint32_t>(number) & exponent) != exponent;
  } else {
    constexpr std::uint16_t exponent = std::is_same_v<N, Float16> ? 0x7c00 : 0x7f80;
    return (number.bits & exponent) != exponent;
  }
}

/// The index of the first number that is not finite; their count if all are. Without a branch for
/// each number, so that compilers vectorize it.
template <typename N>
std::size_t first_not_finite(std::span<const N> numbers) noexcept {
  bool finite = true;
  for (const N number : numbers) finite &= is_finite(number);
  if (finite) return numbers.size();
  std::size_t i = 0;
  while (is_finite(numbers[i])) ++i;
  return i;
}

/// Decodes `bytes` of `type` into numbers [whole blocks].
inline void decode(StoredType type, const std::byte* bytes, std::span<float> numbers) noexcept {
  const FloatEnvironment environment;
  const auto decode_as = [&]<typename Number>(Number number) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      std::memcpy(&number, bytes + i * sizeof(number), sizeof(number));
      numbers[i] = widened(number);
    }
  };
  if (type == StoredType::f32) return decode_as(0.f);
  if (type == StoredType::f16) return decode_as(Float16{});
  if (type == StoredType::bf16) return decode_as(BFloat16{});
  const StoredTypeTraits& traits = traits_of(type);
  for (std::size_t i = 0; i < numbers.size(); i += traits.block) {
    traits.decode_block(reinterpret_cast<const Byte*>(bytes), numbers.data() + i);
    bytes += traits.block_bytes;
  }
}

}  // namespace detail
}  // namespace OCTAVO_NAMESPACE
