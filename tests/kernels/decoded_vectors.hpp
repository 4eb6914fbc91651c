// SPDX-License-Identifier: MIT
// Vectors of the kernels of stored matrices, as numbers in memory, with every instruction set.
#if !defined(OCTAVO_TEST_DECODED_VECTORS_HPP)
#define OCTAVO_TEST_DECODED_VECTORS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <octavo/kernels/lines_of_group.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/tensor/stored_matrix.hpp>

namespace kernel_test {

/// What is found in sixteen words.
struct FoundInWords {
  std::array<std::array<float, 16>, 4> bytes;
  std::array<std::array<float, 16>, 8> four_bits;
  std::array<std::array<float, 16>, 8> levels;
  std::array<float, 16> upper_halves;
};

}  // namespace kernel_test

#define OCTAVO_FILE "kernels/decoded_vectors.hpp"
#include <octavo/numeric/each_isa.inc>

namespace kernel_test {

using namespace octavo;

inline FoundInWords found_in(const std::array<std::uint32_t, 16>& words) {
  OCTAVO_DISPATCH(found_in(words))
}

inline std::array<float, 16> loaded_halves(const std::array<std::uint16_t, 16>& halves) {
  OCTAVO_DISPATCH(loaded_halves(halves))
}

/// The numbers of a block of a group, line by line: [16, numbers of a block].
inline std::vector<float> numbers_of_block(StoredType type, const std::byte* block) {
  OCTAVO_DISPATCH(numbers_of_block(type, block))
}

/// The scales and minima of line `lane` of a block of Q4_K in a group.
inline std::array<std::array<float, 2>, 8> q4_k_scales(const std::byte* block, std::size_t lane) {
  OCTAVO_DISPATCH(q4_k_scales(block, lane))
}

}  // namespace kernel_test

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace octavo::OCTAVO_ISA {

inline kernel_test::FoundInWords found_in(const std::array<std::uint32_t, 16>& words) {
  kernel_test::FoundInWords found{};
  for (std::size_t lane = 0; lane < 16; lane += array_size(detail::float_lanes)) {
    const detail::Words some =
        detail::load_words(reinterpret_cast<const std::byte*>(words.data() + lane));
    for (int i = 0; i < 8; ++i) {
      const auto place = static_cast<std::size_t>(i);
      if (i < 4) simd::store(found.bytes[place].data() + lane, detail::byte_of(some, i));
      simd::store(found.four_bits[place].data() + lane, detail::four_bits_of(some, 4 * i));
      simd::store(found.levels[place].data() + lane, detail::level_of(some >> (4 * i)));
    }
    simd::store(found.upper_halves.data() + lane, detail::floats_of_halves(some));
  }
  return found;
}

inline std::array<float, 16> loaded_halves(const std::array<std::uint16_t, 16>& halves) {
  std::array<float, 16> numbers{};
  for (std::size_t lane = 0; lane < 16; lane += array_size(detail::float_lanes)) {
    simd::store(numbers.data() + lane,
                detail::load_halves(reinterpret_cast<const std::byte*>(halves.data() + lane)));
  }
  return numbers;
}

inline std::vector<float> numbers_of_block(StoredType stored_type, const std::byte* block) {
  std::vector<float> numbers;
  detail::with_grouped_type(stored_type, [&](auto type) {
    using Lines = detail::LinesOfGroup<type.value>;
    numbers.resize(array_size(16 * Lines::numbers));
    for (std::size_t lane = 0; lane < 16; lane += array_size(detail::float_lanes)) {
      const Lines lines(block, lane);
      detail::for_each_number(lines, [&](int i, detail::Floats number) OCTAVO_INLINE_LAMBDA {
        float values[array_size(detail::float_lanes)];
        simd::store(values, number);
        for (std::size_t j = 0; j < array_size(detail::float_lanes); ++j) {
          numbers[(lane + j) * array_size(Lines::numbers) + static_cast<std::size_t>(i)] =
              values[j];
        }
      });
    }
  });
  return numbers;
}

inline std::array<std::array<float, 2>, 8> q4_k_scales(const std::byte* block, std::size_t lane) {
  constexpr auto lanes = array_size(detail::float_lanes);
  const std::size_t first = lane / lanes * lanes;
  const detail::GroupScales<StoredType::q4_k> scales(nullptr,
                                                     block + first * sizeof(std::uint32_t));
  std::array<std::array<float, 2>, 8> result;
  for (int i = 0; i < 8; ++i) {
    float factor[lanes], start[lanes];
    simd::store(factor, scales.factor(i));
    simd::store(start, scales.start(i));
    result[static_cast<std::size_t>(i)] = {factor[lane - first], start[lane - first]};
  }
  return result;
}

}  // namespace octavo::OCTAVO_ISA

#endif
