// SPDX-License-Identifier: MIT
#include <cmath>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/transformer/initial_weights.hpp>

using namespace octavo;

namespace {

/// A tensor of each kind.
ParameterList every_kind() {
  ParameterTable table;
  const ParameterPath root;
  table.add(root / "zeros", 0, 7, InitialValue::zeros);
  table.add(root / "normal", 100, 100, InitialValue::normal);
  table.add(root / "residual", 100, 100, InitialValue::normal_residual);
  table.add(root / "ones", 0, 5, InitialValue::ones);
  ParameterList list;
  list.append("", table);
  return list;
}

template <Scalar T>
std::vector<T> weights(Index layers, std::uint64_t seed) {
  const ParameterList list = every_kind();
  std::vector<T> all(static_cast<std::size_t>(list.count()), T{99});
  set_initial_weights<T>(list, layers, seed, all);
  return all;
}

/// Root of the mean square of the numbers [first, first + count).
double deviation(const std::vector<double>& all, std::size_t first, std::size_t count) {
  double squares = 0;
  for (const double x : std::span(all).subspan(first, count)) squares += x * x;
  return std::sqrt(squares / static_cast<double>(count));
}

}  // namespace

TEST_CASE("gains start at 1, biases at 0, matrices normally with GPT-2's deviations") {
  const auto all = weights<double>(8, 1);
  for (std::size_t i = 0; i < 7; ++i) CHECK(all[i] == 0);
  for (std::size_t i = all.size() - 5; i < all.size(); ++i) CHECK(all[i] == 1);
  CHECK(deviation(all, 7, 10'000) == doctest::Approx(0.02).epsilon(0.03));
  CHECK(deviation(all, 10'007, 10'000) == doctest::Approx(0.02 / 4).epsilon(0.03));  // sqrt(2 * 8)
  double mean = 0;
  for (std::size_t i = 7; i < 10'007; ++i) mean += all[i] / 10'000;
  CHECK(std::abs(mean) < 5 * 0.02 / 100);
}

TEST_CASE("only matrices at the end of a residual branch depend on the number of layers") {
  const auto one = weights<double>(1, 1), eight = weights<double>(8, 1);
  for (std::size_t i = 0; i < one.size(); ++i) {
    const bool residual = i >= 10'007 && i < 20'007;
    if (residual) {
      CHECK(eight[i] * std::sqrt(8.0) == doctest::Approx(one[i]).epsilon(1e-12));
    } else {
      CHECK(eight[i] == one[i]);
    }
  }
}

TEST_CASE("numbers depend on seed and place alone, and are the same in either scalar") {
  const auto all = weights<double>(2, 1);
  CHECK(weights<double>(2, 1) == all);
  CHECK(weights<double>(2, 2) != all);
  const auto floats = weights<float>(2, 1);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(floats[i] == static_cast<float>(all[i]));
  CHECK(all[7] != all[10'007] * 2);  // no tensor repeats another
}

TEST_CASE("zero_init: what ends a residual branch begins as 0, all else as before") {
  const ParameterList list = every_kind();
  std::vector<float> usual(static_cast<std::size_t>(list.count())), zero = usual;
  set_initial_weights<float>(list, 2, 1, usual);
  set_initial_weights<float>(list, 2, 1, zero, true);
  int residual = 0;
  for (const Parameter& tensor : list) {
    const bool ends = tensor.initial == InitialValue::normal_residual;
    residual += ends;
    for (Index i = tensor.offset; i < tensor.offset + tensor.count(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      CHECK(zero[at] == (ends ? 0.0f : usual[at]));
    }
  }
  CHECK(residual == 1);
}

TEST_CASE("a block of another size than the list's is refused") {
  const ParameterList list = every_kind();
  std::vector<float> few(5);
  CHECK_THROWS_WITH_AS(set_initial_weights<float>(list, 1, 1, few),
                       "initial weights: numbers in the block: got 5, expected 20012", ConfigError);
}
