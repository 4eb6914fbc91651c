// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/files/page_block.hpp>

using namespace octavo;

static_assert(!std::is_copy_constructible_v<PageBlock>);
static_assert(PageBlock::bytes_for<float>(0) == 0);
static_assert(PageBlock::bytes_for<float>(16) == 64);
static_assert(PageBlock::bytes_for<double>(9) == 128);

TEST_CASE("numbers are handed out in order, all zero, each on a line of its own") {
  PageBlock block(64 + 128);
  CHECK(block.size() == 192);
  const auto first = block.take<std::uint8_t>(3);
  const auto second = block.take<double>(9);
  CHECK(first.size() == 3);
  CHECK(reinterpret_cast<std::byte*>(second.data()) - reinterpret_cast<std::byte*>(first.data()) ==
        64);
  for (const double number : second) CHECK(number == 0);
  CHECK_THROWS_WITH_AS(block.take<char>(1), "page block: too little memory is left", ConfigError);
  CHECK(block.take<char>(0).empty());
}

TEST_CASE("a block that is moved hands out the rest, and what it had handed out stays") {
  PageBlock block(192);
  const auto first = block.take<int>(1);
  first[0] = 7;
  PageBlock moved(std::move(block));
  CHECK(moved.size() == 192);
  CHECK(first[0] == 7);
  CHECK(moved.take<int>(1).data() == first.data() + 16);
  CHECK_THROWS_AS(block.take<int>(1), ConfigError);
  PageBlock other(0);
  CHECK_THROWS_AS(other.take<int>(1), ConfigError);
  other = std::move(moved);
  CHECK(other.take<int>(1).data() == first.data() + 32);
}

TEST_CASE("a page block hands out zeros in order, and no more than it has") {
  PageBlock block(4096);
  const auto bytes = block.take<char>(65);
  const auto numbers = block.take<double>(2);
  CHECK(reinterpret_cast<char*>(numbers.data()) == bytes.data() + 128);
  CHECK(numbers[1] == 0);
  CHECK_THROWS_WITH_AS(block.take<char>(4000), "page block: too little memory is left",
                       ConfigError);
  PageBlock other = std::move(block);
  CHECK(other.take<char>(3904).size() == 3904);
  PageBlock third(64);
  third = std::move(other);
  CHECK_THROWS_AS(third.take<char>(1), ConfigError);
  CHECK(PageBlock(0).take<int>(0).empty());
  CHECK_THROWS_AS(PageBlock(std::size_t{1} << 62), Error);
}

TEST_CASE("what the machine has not is refused with the number") {
  try {
    const PageBlock block(std::numeric_limits<std::size_t>::max() / 4);
    FAIL("expected an exception");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::out_of_memory);
  }
}
