// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/formats/quantized_blocks.hpp>
#include <octavo/numeric/float16.hpp>
#include <octavo/numeric/scalar.hpp>

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

/// The number converted to `type`; infinite if it is too large.
template <StoredType type>
constexpr auto stored(float number) noexcept {
  if constexpr (type == StoredType::f16) return to_float16(number);
  if constexpr (type == StoredType::bf16) return to_bfloat16(number);
  if constexpr (type == StoredType::f32) return number;
}

/// The nearest float; infinite if the number is too large (the conversion would be undefined) or
/// NaN.
template <Scalar T>
constexpr float nearest_float(T number) noexcept {
  constexpr T most{static_cast<T>(std::numeric_limits<float>::max())};
  const bool within = number <= most && number >= -most;
  return within ? static_cast<float>(number) : std::numeric_limits<float>::infinity();
}

/// Throws the Error for a number that cannot be written.
template <Scalar T>
[[noreturn]] void refuse_number(StoredType type, const std::string& tensor, std::size_t index,
                                T number) {
  std::string what = "cannot write tensor ";
  ((what += printable(tensor)) += ": number ") += std::to_string(index);
  if (!std::isfinite(number)) {
    throw Error(ErrorCode::bad_data, detail::concat({what, " is not finite"}),
                "use a model that has not diverged");
  }
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  what.append(" is ").append(digits.data(), end).append(", too large for ").append(name_of(type));
  const char* hint = type == StoredType::f32    ? ""
                     : type == StoredType::bf16 ? "choose f32"
                                                : "choose bf16 or f32";
  throw Error(ErrorCode::bad_data, what, hint);
}

template <StoredType type, Scalar T>
void encode_as(std::span<const T> numbers, const std::string& tensor, std::size_t first,
               std::byte* out) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = stored<type>(nearest_float(numbers[i]));
    if (!std::isfinite(widened(number))) refuse_number(type, tensor, first + i, numbers[i]);
    std::memcpy(out + i * sizeof(number), &number, sizeof(number));
  }
}

/// As encode_as, for whole blocks.
template <Scalar T>
void encode_blocks(StoredType type, std::span<const T> numbers, const std::string& tensor,
                   std::size_t first, std::byte* out) {
  const StoredTypeTraits& traits = traits_of(type);
  OCTAVO_ASSERT(is_written(type) && numbers.size() % traits.block == 0);
  std::array<float, 256> block;
  for (std::size_t i = 0; i < numbers.size(); i += traits.block) {
    for (std::size_t j = 0; j < traits.block; ++j) {
      block[j] = nearest_float(numbers[i + j]);
      if (std::isinf(to_float(to_float16(block[j] / traits.reach)))) {
        refuse_number(type, tensor, first + i + j, numbers[i + j]);
      }
    }
    traits.encode_block(block.data(), reinterpret_cast<Byte*>(out));
    out += traits.block_bytes;
  }
}

/// Encodes numbers of a tensor, starting at its number `first`, as `type` into out [stored_bytes];
/// whole blocks of a type that Octavo writes. Error of code bad_data, naming the tensor, for
/// numbers that are not finite or too large.
template <Scalar T>
void encode(StoredType type, std::span<const T> numbers, const std::string& tensor,
            std::size_t first, std::byte* out) {
  const FloatEnvironment environment;
  switch (type) {
    case StoredType::f32:
      return encode_as<StoredType::f32>(numbers, tensor, first, out);
    case StoredType::f16:
      return encode_as<StoredType::f16>(numbers, tensor, first, out);
    case StoredType::bf16:
      return encode_as<StoredType::bf16>(numbers, tensor, first, out);
    default:
      return encode_blocks(type, numbers, tensor, first, out);
  }
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

/// Calls body(bytes) with the bytes of numbers of a tensor, starting at its number `first`, in
/// `type` (not of blocks), in small pieces.
template <Scalar T, typename Body>
void for_each_encoded_piece(StoredType type, std::span<const T> numbers, const std::string& tensor,
                            std::size_t first, Body body) {
  constexpr std::size_t most = 1024;
  std::array<std::byte, most * sizeof(float)> piece;
  for (std::size_t i = 0; i < numbers.size(); i += most) {
    const auto part = numbers.subspan(i, std::min(most, numbers.size() - i));
    encode<T>(type, part, tensor, first + i, piece.data());
    body(std::span<const std::byte>(piece).first(stored_bytes(type, part.size())));
  }
}

}  // namespace detail
}  // namespace OCTAVO_NAMESPACE
