// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <string>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/base/write_number.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/stored_type.hpp>

namespace OCTAVO_NAMESPACE::detail {

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
    throw Error(ErrorCode::bad_data, concat({what, " is not finite"}),
                "use a model that has not diverged");
  }
  std::array<char, 32> digits;
  const auto end = write_number(digits.data(), digits.data() + digits.size(), number).ptr;
  what.append(" is ").append(digits.data(), end).append(", too large for ").append(name_of(type));
  const char* hint = type == StoredType::f32    ? ""
                     : type == StoredType::bf16 ? "choose f32"
                                                : "choose bf16 or f32";
  throw Error(ErrorCode::bad_data, what, hint);
}

template <StoredType type, Scalar T>
void encode_as(std::span<const T> numbers, const std::string& tensor, std::size_t first,
               std::byte* out) {
  const auto converted = [&](std::size_t i) { return stored<type>(nearest_float(numbers[i])); };
  bool finite = true;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = converted(i);
    finite &= is_finite(number);
    std::memcpy(out + i * sizeof(number), &number, sizeof(number));
  }
  if (finite) return;
  std::size_t i = 0;
  while (is_finite(converted(i))) ++i;
  refuse_number(type, tensor, first + i, numbers[i]);
}

/// As encode_as, for whole blocks.
template <Scalar T>
void encode_blocks(StoredType type, std::span<const T> numbers, const std::string& tensor,
                   std::size_t first, std::byte* out) {
  const StoredTypeTraits& traits = traits_of(type);
  OCTAVO_ASSERT(is_written(type) && traits.block == 32 && numbers.size() % 32 == 0);
  const auto too_large = [&](float number) {
    return std::isinf(to_float(to_float16(number / traits.reach)));
  };
  std::array<float, 32> block;  // the size of all blocks that are written
  for (std::size_t i = 0; i < numbers.size(); i += block.size()) {
    for (std::size_t j = 0; j < block.size(); ++j) block[j] = nearest_float(numbers[i + j]);
    if (too_large(octavo::bit_cast<float>(largest_bits(block.data())))) {
      std::size_t j = 0;
      while (!too_large(block[j])) ++j;
      refuse_number(type, tensor, first + i + j, numbers[i + j]);
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

/// Calls body(bytes) with the bytes of numbers of a tensor, starting at its number `first`, in
/// `type`, whole blocks, in small pieces.
template <Scalar T, typename Body>
void for_each_encoded_piece(StoredType type, std::span<const T> numbers, const std::string& tensor,
                            std::size_t first, Body body) {
  constexpr std::size_t most = 4096;
  std::array<std::byte, most * sizeof(float)> piece;
  for (std::size_t i = 0; i < numbers.size(); i += most) {
    const auto part = numbers.subspan(i, std::min(most, numbers.size() - i));
    encode<T>(type, part, tensor, first + i, piece.data());
    body(std::span<const std::byte>(piece).first(stored_bytes(type, part.size())));
  }
}

}  // namespace OCTAVO_NAMESPACE::detail
