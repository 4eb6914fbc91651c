// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/rotate.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

namespace {

constexpr RotaryPairing pairings[] = {RotaryPairing::halves, RotaryPairing::neighbours};

/// theta^(-i / pairs), as in the paper.
std::vector<double> frequencies(Index pairs, double theta = 1e4) {
  std::vector<double> all;
  for (Index i = 0; i < pairs; ++i) {
    all.push_back(std::pow(theta, -static_cast<double>(i) / static_cast<double>(pairs)));
  }
  return all;
}

/// Heads of a size at positions.
struct Shape {
  Index heads = 1, width = 2, first = 0, sequence = 1, rows = 1;
};

template <Scalar T>
void rotate_all(const Shape& shape, const Rotation& rotation, std::vector<T>& x, bool backward,
                const Worker& worker = Worker{}) {
  rotate<T>(worker, rotation, MatrixView<T>(x.data(), shape.rows, shape.heads * shape.width),
            shape.heads, shape.width, shape.first, shape.sequence, backward);
}

/// The formula, number by number.
template <Scalar T>
std::vector<long double> naive(const Shape& shape, const Rotation& rotation,
                               const std::vector<T>& x, bool backward) {
  std::vector<long double> y(x.begin(), x.end());
  const std::size_t pairs = rotation.frequencies.size();
  for (Index r = 0; r < shape.rows; ++r) {
    const auto position = static_cast<double>(shape.first + r % shape.sequence);
    for (Index head = 0; head < shape.heads; ++head) {
      const auto start = static_cast<std::size_t>((r * shape.heads + head) * shape.width);
      for (std::size_t i = 0; i < pairs; ++i) {
        const bool halves = rotation.pairing == RotaryPairing::halves;
        const std::size_t a = start + (halves ? i : 2 * i);
        const std::size_t b = start + (halves ? i + pairs : 2 * i + 1);
        const auto angle = static_cast<long double>(position * rotation.frequencies[i]);
        const auto factor = static_cast<long double>(rotation.factor);
        const long double c = factor * std::cos(angle);
        const long double s = factor * std::sin(backward ? -angle : angle);
        const auto x_a = static_cast<long double>(x[a]), x_b = static_cast<long double>(x[b]);
        y[a] = x_a * c - x_b * s;
        y[b] = x_b * c + x_a * s;
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("a pair is turned by position times frequency, to the left") {
  const double quarter = std::acos(-1.0) / 2;
  const std::vector<double> one{quarter}, two{quarter, 2 * quarter};
  for (const RotaryPairing pairing : pairings) {
    std::vector<double> x{1, 0, 1, 0, 1, 0, 1, 0, 1, 0};
    rotate_all<double>({.heads = 1, .width = 2, .first = 0, .sequence = 5, .rows = 5},
                       {one, 1, pairing}, x, false);
    const double turned[] = {1, 0, 0, 1, -1, 0, 0, -1, 1, 0};
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(std::abs(x[i] - turned[i]) < 1e-15);
  }
  std::vector<double> halves{1, 2, 3, 4}, neighbours = halves;
  const Shape shape{.heads = 1, .width = 4, .first = 1};
  rotate_all<double>(shape, {two, 1, RotaryPairing::halves}, halves, false);
  rotate_all<double>(shape, {two, 1, RotaryPairing::neighbours}, neighbours, false);
  const double of_halves[] = {-3, -2, 1, -4}, of_neighbours[] = {-2, 1, -3, -4};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(std::abs(halves[i] - of_halves[i]) < 1e-14);
    CHECK(std::abs(neighbours[i] - of_neighbours[i]) < 1e-14);
  }
}

TEST_CASE_TEMPLATE("rotation is the formula, for every number of pairs", T, float, double) {
  for (const Index pairs : {1, 2, 7, 8, 9, 15, 16, 17, 32, 37, 64}) {
    for (const Index rest : {0, 1, 6}) {
      const auto all = frequencies(pairs);
      const Shape shape{
          .heads = 3, .width = 2 * pairs + rest, .first = 1000, .sequence = 3, .rows = 7};
      for (const RotaryPairing pairing : pairings) {
        for (const bool backward : {false, true}) {
          const Rotation rotation{all, 1.25, pairing};
          auto x = random_block<T>(shape.rows * shape.heads * shape.width, 1);
          const auto expected = naive(shape, rotation, x, backward);
          rotate_all(shape, rotation, x, backward);
          INFO(name_of(pairing), ", pairs ", pairs, ", rest ", rest, ", backward ", backward);
          CHECK(distance(x, expected) < 2 * tolerance<T>);
        }
      }
    }
  }
}

TEST_CASE("angles of positions far away are right: they are computed in double") {
  const auto all = frequencies(8);
  for (const Index first : {100'000, 1'000'000}) {
    const Shape shape{.heads = 1, .width = 16, .first = first, .sequence = 4, .rows = 4};
    auto x = random_block<float>(64, 1);
    const Rotation rotation{all, 1, RotaryPairing::halves};
    const auto expected = naive(shape, rotation, x, false);
    rotate_all(shape, rotation, x, false);
    CHECK(distance(x, expected) < tolerance<float>);
  }
}

TEST_CASE("as many pairs as there may be") {
  const auto all = frequencies(most_rotated_pairs);
  const Shape shape{
      .heads = 2, .width = 2 * most_rotated_pairs, .first = 3, .sequence = 2, .rows = 2};
  for (const RotaryPairing pairing : pairings) {
    auto x = random_block<double>(shape.rows * shape.heads * shape.width, 1);
    const Rotation rotation{all, 1, pairing};
    const auto expected = naive(shape, rotation, x, false);
    rotate_all(shape, rotation, x, false);
    CHECK(distance(x, expected) < 2 * tolerance<double>);
  }
}

TEST_CASE("the gradient of a rotation is the quotient of small differences") {
  const auto all = frequencies(3, 10);
  const Shape shape{.heads = 2, .width = 7, .first = 5, .sequence = 2, .rows = 4};
  for (const RotaryPairing pairing : pairings) {
    const Rotation rotation{all, 0.75, pairing};
    auto x = random_block<double>(shape.rows * shape.heads * shape.width, 1);
    auto d = random_block<double>(std::ssize(x), 2);
    const auto expected = central_differences(x, 1e-5, [&] {
      auto y = x;
      rotate_all(shape, rotation, y, false);
      return weighted_sum(d, y);
    });
    rotate_all(shape, rotation, d, true);
    CHECK(distance(d, expected) < 1e-9);
  }
}

TEST_CASE("backward undoes a rotation, and products depend on the distance alone") {
  const auto all = frequencies(4);
  const Rotation rotation{all};
  const auto x = random_block<double>(8, 1), other = random_block<double>(8, 2);
  const auto at = [&](const std::vector<double>& numbers, Index position) {
    auto y = numbers;
    rotate_all({.heads = 1, .width = 8, .first = position}, rotation, y, false);
    return y;
  };
  auto back = at(x, 77);
  rotate_all({.heads = 1, .width = 8, .first = 77}, rotation, back, true);
  CHECK(distance(back, {x.begin(), x.end()}) < 1e-14);
  const long double near = weighted_sum(at(x, 9), at(other, 4));
  const long double far = weighted_sum(at(x, 5009), at(other, 5004));
  CHECK(std::abs(near - far) < 1e-11L);
}

TEST_CASE_TEMPLATE("both pairings compute the same bits of the same pairs", T, float, double) {
  for (const Index pairs : {3, 16, 21}) {
    const auto all = frequencies(pairs);
    const Shape shape{.heads = 1, .width = 2 * pairs, .first = 11};
    auto halves = random_block<T>(2 * pairs, 1), neighbours = halves;
    const auto n = static_cast<std::size_t>(pairs);
    for (std::size_t i = 0; i < n; ++i) {
      neighbours[2 * i] = halves[i];
      neighbours[2 * i + 1] = halves[i + n];
    }
    rotate_all(shape, {all, 1, RotaryPairing::halves}, halves, false);
    rotate_all(shape, {all, 1, RotaryPairing::neighbours}, neighbours, false);
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(neighbours[2 * i] == halves[i]);
      CHECK(neighbours[2 * i + 1] == halves[i + n]);
    }
  }
}

TEST_CASE_TEMPLATE("rotation: however many workers, and rows that lie apart: the same bits", T,
                   float, double) {
  const Index rows = 7, heads = 3, width = 14, stride = 50;
  const auto all = frequencies(5);
  const auto before = random_block<T>(rows * stride, 2);
  for (const RotaryPairing pairing : pairings) {
    for (const bool backward : {false, true}) {
      std::vector<T> expected;
      for (const Index workers : {1, 2, 3, 4}) {
        auto x = before;
        ThreadPool(workers).run([&](const Worker& worker) {
          rotate<T>(worker, {all, 1, pairing}, MatrixView<T>(x.data(), rows, heads * width, stride),
                    heads, width, 4, 3, backward);
        });
        if (workers == 1) expected = x;
        CHECK(x == expected);
        for (std::size_t i = 0; i < x.size(); ++i) {
          const Index column = static_cast<Index>(i) % stride;
          const bool stays = column >= heads * width || column % width >= 10;
          if (stays) CHECK(x[i] == before[i]);
        }
      }
    }
  }
}

TEST_CASE("without frequencies nothing moves; pairings have the names that files have for them") {
  auto x = random_block<float>(12, 1);
  const auto before = x;
  rotate_all<float>({.heads = 3, .width = 4, .first = 9}, {}, x, false);
  CHECK(x == before);
  CHECK(name_of(RotaryPairing::halves) == "halves");
  CHECK(name_of(RotaryPairing::neighbours) == "neighbours");
}
