// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/base/write_number.hpp>
#include <octavo/numeric/stored_type.hpp>

// The numbers of GGUF, version 3 (github.com/ggml-org/ggml, docs/gguf.md): "GGUF", u32 version, u64
// number of tensors, u64 number of entries; the entries, each a key, a type and a value; for each
// tensor its name, u32 number of sizes, u64 sizes (the innermost axis first), u32 type, u64 offset;
// then, from the next multiple of the alignment on, the tensors, each of them padded to the
// alignment. A string is a u64 length and its bytes; all numbers are little-endian.
namespace OCTAVO_NAMESPACE {

/// The type of an entry's value.
enum class GgufType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,  ///< a type, a u64 count, the elements
  u64,
  i64,
  f64,
};

/// One tensor of a GGUF file.
struct GgufTensor {
  StoredType type = StoredType::f32;
  std::vector<Index> shape;  ///< as in the file: the innermost axis first
  std::size_t offset = 0;    ///< byte offset in the file
  std::size_t bytes = 0;
};

namespace detail {

inline constexpr std::string_view gguf_magic = "GGUF";
inline constexpr std::uint32_t gguf_version = 3;
inline constexpr std::size_t gguf_alignment = 32;

/// The next multiple of the alignment; `bytes` must be far below 2^64.
constexpr std::size_t gguf_padded(std::size_t bytes, std::size_t alignment) noexcept {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Bytes of one number; 0 for a string, an array or an unknown type.
constexpr std::size_t gguf_bytes(GgufType type) noexcept {
  switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean:
      return 1;
    case GgufType::u16:
    case GgufType::i16:
      return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32:
      return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64:
      return 8;
    case GgufType::string:
    case GgufType::array:
      break;
  }
  return 0;
}

/// The codes of a number type, for a tensor and for a whole file.
struct GgufNumbers {
  StoredType type;
  std::uint32_t of_tensor;
  std::uint32_t of_file;
};
inline constexpr GgufNumbers gguf_numbers[] = {
    {StoredType::f32, 0, 0},    {StoredType::f16, 1, 1},      {StoredType::bf16, 30, 32},
    {StoredType::q8_0, 8, 7},   {StoredType::q4_0, 2, 2},     {StoredType::q4_1, 3, 3},
    {StoredType::q5_0, 6, 8},   {StoredType::q5_1, 7, 9},     {StoredType::q2_k, 10, 10},
    {StoredType::q3_k, 11, 12}, {StoredType::q4_k, 12, 15},   {StoredType::q5_k, 13, 17},
    {StoredType::q6_k, 14, 18}, {StoredType::iq4_nl, 20, 25}, {StoredType::iq4_xs, 23, 30}};

constexpr GgufNumbers gguf_numbers_of(StoredType type) noexcept {
  GgufNumbers found = gguf_numbers[0];
  for (const GgufNumbers& numbers : gguf_numbers) found = numbers.type == type ? numbers : found;
  return found;
}

constexpr std::optional<StoredType> stored_type_of(std::uint32_t of_tensor) noexcept {
  for (const GgufNumbers& numbers : gguf_numbers) {
    if (numbers.of_tensor == of_tensor) return numbers.type;
  }
  return std::nullopt;
}

/// The double with the fewest digits that rounds to `number`: 1e-05, not 9.99999974737875e-06.
inline double shortest_double(float number) {
  std::array<char, 32> digits;
  const auto end = write_number(digits.data(), digits.data() + digits.size(), number).ptr;
  auto result = static_cast<double>(number);
  parse_whole(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())),
              result);
  return result;
}

/// The names of all types, for messages.
inline std::string known_types() {
  std::string names;
  for (const StoredTypeTraits& traits : stored_types) {
    names += (names.empty() ? "" : ", ") + std::string(traits.name);
  }
  return names;
}

/// The message of a file with too many entries or tensors.
inline std::string gguf_too_many(std::uint64_t count, const char* what, std::uint64_t most) {
  return concat({"it has ", count, " ", what, ", expected at most ", most});
}

}  // namespace detail
}  // namespace OCTAVO_NAMESPACE
