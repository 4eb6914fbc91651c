// SPDX-License-Identifier: MIT
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tensor/tensor_view.hpp>

using namespace octavo;

static_assert(sizeof(Extent<5>) == 1);
static_assert(std::is_convertible_v<TensorView<float, 2, 3>, TensorView<const float, 2, dynamic>>);
static_assert(!std::is_convertible_v<TensorView<const float, 2>, TensorView<float, 2>>);
static_assert(!std::is_constructible_v<TensorView<float, 2, 3>, TensorView<float, 6>>);

TEST_CASE("elements lie row by row, the last axis fastest") {
  std::vector<int> numbers(2 * 3 * 4 * 5);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  const TensorView<int, dynamic, 3, dynamic, 5> view(std::span<int>(numbers), 2, 3, 4, 5);
  CHECK(view(1, 2, 3, 4) == 119);
  CHECK(view(0, 1, 0, 2) == 22);
  CHECK(view.count() == 120);
}

TEST_CASE("the Eigen map sees the same numbers, with sizes fixed where the view's are") {
  std::vector<float> numbers{1, 2, 3, 4, 5, 6};
  const TensorView<float, dynamic, 3> view(numbers.data(), 2, 3);
  auto map = view.map();
  static_assert(decltype(map)::ColsAtCompileTime == 3);
  CHECK(map(1, 0) == 4);
  map(1, 2) = 9;
  CHECK(numbers[5] == 9);
  CHECK(TensorView<const float, 6>(numbers.data(), 6).map().sum() == 24);
}

TEST_CASE("sizes that contradict the type or the memory are refused") {
  std::vector<float> numbers(6);
  using Fixed = TensorView<float, 2, 3>;
  CHECK_THROWS_WITH_AS(Fixed(numbers.data(), 3, 2), "axis 0: got 3, expected 2", ConfigError);
  CHECK_THROWS_AS((TensorView<float, dynamic>(std::span(numbers), 5)), ConfigError);
  const TensorView<float, dynamic, dynamic> other(numbers.data(), 3, 2);
  CHECK_THROWS_AS((Fixed(other)), ConfigError);
  CHECK_THROWS_AS(Extent<4>(5), ConfigError);
}

TEST_CASE("a tensor of rank 3 or 4 maps to rows of its last axis, also when it is empty") {
  std::vector<int> numbers(24);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  const TensorView<int, 2, dynamic, 4> view(numbers.data(), 2, 3, 4);
  CHECK(view.map().rows() == 6);
  CHECK(view.map()(4, 1) == view(1, 1, 1));
  const TensorView<int, dynamic, dynamic, dynamic> empty(numbers.data(), 2, 3, 0);
  CHECK(empty.map().size() == 0);
  CHECK(empty.span().empty());
}
