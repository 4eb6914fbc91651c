// SPDX-License-Identifier: MIT
#include <cstring>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/word_vectors.hpp>

using namespace octavo;
using namespace octavo::OCTAVO_BASE_ISA::detail;

namespace {

/// Words with every byte from 0 to 255.
Words some_words(std::uint32_t first) {
  Words words{};
  for (int lane = 0; lane < float_lanes; ++lane) {
    words[lane] = (first + 4 * static_cast<std::uint32_t>(lane)) * 0x01010101u + 0x03020100u;
  }
  return words;
}

}  // namespace

TEST_CASE("whole numbers are found in every byte and every four bits of words") {
  for (std::uint32_t first = 0; first < 256; first += 64) {
    const Words words = some_words(first);
    for (int lane = 0; lane < float_lanes; ++lane) {
      const std::uint32_t word = words[lane];
      for (int i = 0; i < 4; ++i) {
        CHECK(byte_of(words, i)[lane] == static_cast<float>(word >> 8 * i & 255u));
      }
      for (int from = 0; from < 32; from += 4) {
        const std::uint32_t four = word >> from & 15u;
        CHECK(four_bits_of(words, from)[lane] == static_cast<float>(four));
        CHECK(level_of(words >> from)[lane] == octavo::detail::iq4_levels[four]);
      }
    }
  }
}

TEST_CASE("a vector of binary16s is widened as a single one is") {
  for (std::uint32_t first = 0; first < 65536; first += 997) {
    std::vector<std::uint16_t> halves(array_size(float_lanes));
    Words upper{};
    for (std::size_t i = 0; i < halves.size(); ++i) {
      // Infinities and NaN are refused when files are read.
      const auto bits = static_cast<std::uint16_t>((first + 31 * i) & 0xfbffu);
      halves[i] = bits;
      upper[static_cast<int>(i)] = std::uint32_t{bits} << 16 | 0x1234u;
    }
    const Floats loaded = load_halves(reinterpret_cast<const std::byte*>(halves.data()));
    const Floats widened = floats_of_halves(upper);
    for (std::size_t i = 0; i < halves.size(); ++i) {
      const float expected = to_float(Float16{halves[i]});
      CHECK(loaded[static_cast<int>(i)] == expected);
      CHECK(widened[static_cast<int>(i)] == expected);
    }
  }
}
