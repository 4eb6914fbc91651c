// SPDX-License-Identifier: MIT
// Stored matrices of every type with random numbers, for tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include <octavo/numeric/stored_type.hpp>
#include <octavo/tensor/line_groups.hpp>
#include <octavo/tensor/stored_matrix.hpp>

#include "numeric/block_scales.hpp"

namespace octavo_test {

using namespace octavo;

inline constexpr std::array every_stored_type{
    StoredType::f32,  StoredType::f16,  StoredType::bf16, StoredType::q8_0,   StoredType::q4_0,
    StoredType::q4_1, StoredType::q5_0, StoredType::q5_1, StoredType::q2_k,   StoredType::q3_k,
    StoredType::q4_k, StoredType::q5_k, StoredType::q6_k, StoredType::iq4_nl, StoredType::iq4_xs};

/// A line of random numbers, none of them infinite; some are zero or below the normal numbers.
inline std::vector<std::byte> random_line(StoredType type, Index length, std::mt19937& random) {
  std::vector<std::byte> bytes(detail::stored_bytes(type, static_cast<std::size_t>(length)));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 255u);
  std::normal_distribution<float> normal;
  if (block_of(type) == 1) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(length); ++i) {
      const float number = i % 13 == 7 ? 0.f : i % 11 == 3 ? 0x1.8p-20f : normal(random);
      const auto put = [&](const auto& stored) {
        std::memcpy(bytes.data() + i * sizeof(stored), &stored, sizeof(stored));
      };
      if (type == StoredType::f32) put(number);
      if (type == StoredType::f16) put(to_float16(number));
      if (type == StoredType::bf16) put(to_bfloat16(number));
    }
    return bytes;
  }
  const std::size_t block = detail::traits_of(type).block_bytes;
  for (std::size_t at = 0; at < bytes.size(); at += block) {
    for (const std::size_t scale : scales_of(type)) {
      const Float16 half = to_float16(at % 5 == 4 ? 0x1p-20f : normal(random) / 64);
      std::memcpy(bytes.data() + at + scale, &half, sizeof(half));
    }
  }
  return bytes;
}

/// A matrix and its bytes, and its numbers as `decode` has them, [lines, length].
struct RandomMatrix {
  RandomMatrix(StoredType type, StoredLayout layout, Index lines, Index length, Index pairs = 0)
      : numbers(static_cast<std::size_t>(lines * length)) {
    std::mt19937 random(static_cast<unsigned>(static_cast<int>(type) + 1));
    bytes.resize(stored_matrix_bytes(type, layout, lines, length));
    matrix = {type, layout, bytes.data(), lines, length, pairs};
    for (Index i = 0; i < lines; ++i) {
      const std::vector<std::byte> line = random_line(type, length, random);
      if (layout == StoredLayout::grouped) {
        place_in_group(type, length, i, line, bytes);
      } else {
        const auto at = static_cast<std::ptrdiff_t>(line.size()) * matrix.file_line(i);
        std::copy(line.begin(), line.end(), bytes.begin() + at);
      }
      detail::decode(type, line.data(),
                     std::span(numbers).subspan(static_cast<std::size_t>(i * length),
                                                static_cast<std::size_t>(length)));
    }
  }
  RandomMatrix(const RandomMatrix&) = delete;
  RandomMatrix& operator=(const RandomMatrix&) = delete;

  std::vector<std::byte> bytes;
  std::vector<float> numbers;
  StoredMatrix matrix;
};

/// Calls body(type, layout) for every type in both layouts.
template <typename Body>
void for_each_stored_type(Body body) {
  for (const StoredType type : every_stored_type) {
    body(type, StoredLayout::lines);
    body(type, StoredLayout::grouped);
  }
}

}  // namespace octavo_test
