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

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/numeric/float16.hpp>
#include <octavo/numeric/scalar.hpp>

namespace OCTAVO_NAMESPACE {

/// The number types in files for other programs.
enum class StoredType {
  f32,
  f16,
  bf16,
  /// GGUF's blocks of 32 numbers: a binary16 scale, the largest magnitude / 127, and 32 signed
  /// bytes, number / scale rounded.
  q8_0,
};

/// The name in files: "F32", "F16", "BF16", "Q8_0".
constexpr std::string_view name_of(StoredType type) noexcept {
  switch (type) {
    case StoredType::f32:
      return "F32";
    case StoredType::f16:
      return "F16";
    case StoredType::bf16:
      return "BF16";
    case StoredType::q8_0:
      return "Q8_0";
  }
  return "unknown";
}

namespace detail {

/// Numbers in a block of Q8_0.
inline constexpr std::size_t q8_0_block = 32;

/// Bytes of `count` numbers; for Q8_0 a multiple of 32.
constexpr std::size_t stored_bytes(StoredType type, std::size_t count) noexcept {
  if (type == StoredType::q8_0) return count / q8_0_block * (sizeof(Float16) + q8_0_block);
  return count * (type == StoredType::f32 ? sizeof(float) : sizeof(Float16));
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

/// As encode_as, for whole blocks of Q8_0.
template <Scalar T>
void encode_as_q8_0(std::span<const T> numbers, const std::string& tensor, std::size_t first,
                    std::byte* out) {
  for (std::size_t i = 0; i < numbers.size(); i += q8_0_block) {
    float largest = 0;
    for (std::size_t j = i; j < i + q8_0_block; ++j) {
      const float magnitude = std::abs(nearest_float(numbers[j]));
      if (std::isinf(to_float(to_float16(magnitude / 127)))) {
        refuse_number(StoredType::q8_0, tensor, first + j, numbers[j]);
      }
      largest = std::max(largest, magnitude);
    }
    const float exact_scale = largest / 127;
    const float factor = exact_scale == 0 ? 0 : 1 / exact_scale;
    const Float16 scale = to_float16(exact_scale);
    std::memcpy(out, &scale, sizeof(scale));
    out += sizeof(scale);
    for (std::size_t j = i; j < i + q8_0_block; ++j) {
      const float rounded = std::round(nearest_float(numbers[j]) * factor);
      *out++ = static_cast<std::byte>(static_cast<std::int8_t>(std::clamp(rounded, -127.f, 127.f)));
    }
  }
}

/// Encodes numbers of a tensor, starting at its number `first`, as `type` into out [stored_bytes];
/// for Q8_0 whole blocks. Error of code bad_data, naming the tensor, for numbers that are not
/// finite or too large.
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
    case StoredType::q8_0:
      return encode_as_q8_0(numbers, tensor, first, out);
  }
}

/// Decodes `bytes` of `type` into numbers.
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
  for (std::size_t i = 0; i < numbers.size(); i += q8_0_block) {
    Float16 scale;
    std::memcpy(&scale, bytes, sizeof(scale));
    bytes += sizeof(scale);
    for (std::size_t j = i; j < i + q8_0_block; ++j) {
      numbers[j] = to_float(scale) * static_cast<float>(static_cast<std::int8_t>(*bytes++));
    }
  }
}

/// Calls body(bytes) with the bytes of numbers of a tensor, starting at its number `first`, in
/// `type` (not Q8_0), in small pieces.
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
