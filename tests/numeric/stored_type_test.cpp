// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/numeric/stored_type.hpp>

using namespace octavo;

TEST_CASE("types have the names and the sizes of files") {
  CHECK(name_of(StoredType::q4_k) == "Q4_K");
  CHECK(block_of(StoredType::bf16) == 1);
  CHECK(block_of(StoredType::q8_0) == 32);
  CHECK(detail::stored_bytes(StoredType::f32, 3) == 12);
  CHECK(detail::stored_bytes(StoredType::q8_0, 64) == 68);
  CHECK(detail::stored_bytes(StoredType::q6_k, 512) == 420);
  CHECK(detail::is_written(StoredType::q5_1));
  CHECK_FALSE(detail::is_written(StoredType::q4_k));
}

TEST_CASE("numbers of 16 bits and of blocks are decoded one after the other") {
  const std::array<std::byte, 4> halves{std::byte{0x00}, std::byte{0x3c}, std::byte{0x00},
                                        std::byte{0xc0}};  // 1, -2
  std::array<float, 2> numbers{};
  detail::decode(StoredType::f16, halves.data(), numbers);
  CHECK(numbers[0] == 1);
  CHECK(numbers[1] == -2);
  std::vector<std::byte> blocks(2 * 34);  // scales 1 and 2, numbers 0 to 31
  for (std::size_t block = 0; block < 2; ++block) {
    blocks[block * 34 + 1] = static_cast<std::byte>(block == 0 ? 0x3c : 0x40);
    for (std::size_t i = 0; i < 32; ++i) blocks[block * 34 + 2 + i] = static_cast<std::byte>(i);
  }
  std::vector<float> decoded(64);
  detail::decode(StoredType::q8_0, blocks.data(), decoded);
  CHECK(decoded[31] == 31);
  CHECK(decoded[32 + 31] == 62);
}
