// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/kernels/word_vectors.hpp>

#include "kernels/decoded_vectors.hpp"
#include "kernels/stored_product.hpp"

using namespace kernel_test;

TEST_CASE("whole numbers are found in every byte and every four bits of words") {
  for_each_instruction_set([] {
    Index wrong = 0;
    for (std::uint32_t first = 0; first < 256; first += 16) {
      std::array<std::uint32_t, 16> words;
      for (std::uint32_t i = 0; i < 16; ++i) words[i] = (first + i) * 0x01010101u + 0x03020100u;
      const FoundInWords found = found_in(words);
      for (std::size_t lane = 0; lane < 16; ++lane) {
        for (std::size_t i = 0; i < 4; ++i) {
          wrong += found.bytes[i][lane] != static_cast<float>(words[lane] >> 8 * i & 255u);
        }
        for (std::size_t i = 0; i < 8; ++i) {
          const std::uint32_t four = words[lane] >> 4 * i & 15u;
          wrong += found.four_bits[i][lane] != static_cast<float>(four);
          wrong += found.levels[i][lane] != octavo::detail::iq4_levels[four];
        }
      }
    }
    INFO(std::string(name_of(isa_in_use())));
    CHECK(wrong == 0);
  });
}

TEST_CASE("a vector of binary16s is widened as a single one is") {
  for_each_instruction_set([] {
    Index wrong = 0;
    for (std::uint32_t first = 0; first < 65536; first += 97) {
      std::array<std::uint16_t, 16> halves;
      std::array<std::uint32_t, 16> words;
      for (std::uint32_t i = 0; i < 16; ++i) {
        // Infinities and NaN are refused when files are read.
        halves[i] = static_cast<std::uint16_t>((first + 31 * i) & 0xfbffu);
        words[i] = std::uint32_t{halves[i]} << 16 | 0x1234u;
      }
      const std::array<float, 16> loaded = loaded_halves(halves);
      const std::array<float, 16> widened = found_in(words).upper_halves;
      for (std::size_t i = 0; i < 16; ++i) {
        const float expected = to_float(Float16{halves[i]});
        wrong += (loaded[i] != expected) + (widened[i] != expected);
      }
    }
    INFO(std::string(name_of(isa_in_use())));
    CHECK(wrong == 0);
  });
}
