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

#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/numeric/float16.hpp>
#include <octavo/numeric/scalar.hpp>

namespace octavo {

/// How files that are meant for others have numbers.
enum class StoredType { f32, f16, bf16 };

/// The name in safetensors files: "F32", "F16", "BF16".
constexpr std::string_view name_of(StoredType type) noexcept {
  switch (type) {
    case StoredType::f32:
      return "F32";
    case StoredType::f16:
      return "F16";
    case StoredType::bf16:
      return "BF16";
  }
  return "unknown";
}

namespace detail {

/// Bytes of `count` numbers.
constexpr std::size_t stored_bytes(StoredType type, std::size_t count) noexcept {
  return count * (type == StoredType::f32 ? 4 : 2);
}

inline constexpr float widened(float number) noexcept { return number; }
inline constexpr double widened(double number) noexcept { return number; }
inline constexpr float widened(Float16 number) noexcept { return to_float(number); }
inline constexpr float widened(BFloat16 number) noexcept { return to_float(number); }

/// The number as `type` has it; infinite if it is too large.
template <StoredType type>
constexpr auto stored(float number) noexcept {
  if constexpr (type == StoredType::f16) return to_float16(number);
  if constexpr (type == StoredType::bf16) return to_bfloat16(number);
  if constexpr (type == StoredType::f32) return number;
}

/// The float nearest to a number; infinite if that is too large, for which the conversion is not
/// defined, or no number.
template <Scalar T>
constexpr float nearest_float(T number) noexcept {
  constexpr T most = std::numeric_limits<float>::max();
  const bool within = number <= most && number >= -most;
  return within ? static_cast<float>(number) : std::numeric_limits<float>::infinity();
}

/// A number that cannot be written.
template <Scalar T>
[[noreturn]] void refuse_number(StoredType type, const std::string& tensor, std::size_t index,
                                T number) {
  std::string what = "cannot write tensor ";
  ((what += printable(tensor)) += ": number ") += std::to_string(index);
  if (!std::isfinite(number)) {
    throw Error(ErrorCode::bad_data, what + " is not finite", "use a model that has not diverged");
  }
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  what.append(" is ").append(digits.data(), end).append(", too large for ").append(name_of(type));
  throw Error(ErrorCode::bad_data, what,
              type == StoredType::f16 ? "choose bf16 or f32" : "choose f32");
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

/// out [stored_bytes]: these numbers, of a tensor's the first of which is number `first`, as
/// `type` has them. Error of code bad_data, naming the tensor, for numbers that are not finite or
/// too large.
template <Scalar T>
void encode(StoredType type, std::span<const T> numbers, const std::string& tensor,
            std::size_t first, std::byte* out) {
  switch (type) {
    case StoredType::f32:
      return encode_as<StoredType::f32>(numbers, tensor, first, out);
    case StoredType::f16:
      return encode_as<StoredType::f16>(numbers, tensor, first, out);
    case StoredType::bf16:
      return encode_as<StoredType::bf16>(numbers, tensor, first, out);
  }
}

/// Calls body(bytes) for the bytes of a whole tensor in `type`, in small pieces.
template <Scalar T, typename Body>
void for_each_encoded_piece(StoredType type, std::span<const T> numbers, const std::string& tensor,
                            Body body) {
  constexpr std::size_t most = 1024;
  std::array<std::byte, most * sizeof(float)> piece;
  for (std::size_t first = 0; first < numbers.size(); first += most) {
    const auto part = numbers.subspan(first, std::min(most, numbers.size() - first));
    encode<T>(type, part, tensor, first, piece.data());
    body(std::span<const std::byte>(piece).first(stored_bytes(type, part.size())));
  }
}

}  // namespace detail
}  // namespace octavo
