// SPDX-License-Identifier: MIT
#include <numeric>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/base/small_vector.hpp>

using namespace octavo;

namespace {

constexpr int sum_of(int count) {
  SmallVector<int, 4> numbers;
  for (int i = 1; i <= count; ++i) numbers.push_back(i);
  return std::accumulate(numbers.begin(), numbers.end(), 0);
}
static_assert(sum_of(4) == 10 && sum_of(5) == 15 && sum_of(20) == 210);

}  // namespace

TEST_CASE("a small vector keeps its elements when it outgrows its own room, and when it moves") {
  SmallVector<int, 4> numbers;
  for (int i = 0; i < 9; ++i) {
    numbers.push_back(i);
    for (int j = 0; j <= i; ++j) CHECK(numbers[static_cast<std::size_t>(j)] == j);
  }
  const SmallVector<int, 4> copy = numbers;
  numbers[8] = 80;
  CHECK(copy[8] == 8);
  CHECK(copy.data() != numbers.data());
  const SmallVector<int, 4> moved = std::move(numbers);
  CHECK(moved.size() == 9);
  CHECK(moved.span().back() == 80);
}

TEST_CASE("elements that are asked for by number are zero") {
  for (const std::size_t size : {0u, 3u, 4u, 7u}) {
    SmallVector<int, 4> numbers(size);
    CHECK(numbers.span().size() == size);
    for (const int number : numbers) CHECK(number == 0);
  }
}
