// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/numeric/simd.hpp>

using namespace octavo;
using namespace octavo::OCTAVO_BASE_ISA;

TEST_CASE_TEMPLATE("a square of vectors is transposed", T, float, double) {
  constexpr int width = simd::width<T>;
  simd::Vector<T> rows[array_size(width)];
  for (int i = 0; i < width; ++i) {
    for (int j = 0; j < width; ++j) rows[i][j] = static_cast<T>(100 * i + j);
  }
  simd::transpose<T>(rows);
  for (int i = 0; i < width; ++i) {
    T lane[array_size(width)];
    simd::store(lane, rows[i]);
    for (int j = 0; j < width; ++j) CHECK(lane[j] == static_cast<T>(100 * j + i));
  }
}

TEST_CASE_TEMPLATE("transposing twice changes nothing", T, float, double) {
  constexpr int width = simd::width<T>;
  simd::Vector<T> rows[array_size(width)];
  for (int i = 0; i < width; ++i) {
    for (int j = 0; j < width; ++j) rows[i][j] = static_cast<T>(i * i + 31 * j);
  }
  simd::transpose<T>(rows);
  simd::transpose<T>(rows);
  for (int i = 0; i < width; ++i) {
    T lane[array_size(width)];
    simd::store(lane, rows[i]);
    for (int j = 0; j < width; ++j) CHECK(lane[j] == static_cast<T>(i * i + 31 * j));
  }
}

TEST_CASE_TEMPLATE("a vector fills its register, and the pack is whole vectors", T, float, double) {
  CHECK(sizeof(simd::Vector<T>) == static_cast<std::size_t>(simd::vector_bytes));
  CHECK(static_cast<std::size_t>(simd::width<T>) * sizeof(T) == sizeof(simd::Vector<T>));
  CHECK(16 % simd::width<T> == 0);
}

TEST_CASE_TEMPLATE("loads and stores need no alignment, partial ones touch only their lanes", T,
                   float, double) {
  constexpr Index width = simd::width<T>;
  std::vector<T> numbers(static_cast<std::size_t>(width) + 1);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<T>(i + 1);
  const simd::Vector<T> shifted = simd::load(numbers.data() + 1);
  for (int lane = 0; lane < width; ++lane) {
    const T loaded = shifted[lane];
    CHECK(loaded == static_cast<T>(lane + 2));
  }
  for (Index count = 1; count <= width; ++count) {
    const std::vector<T> exact(numbers.begin(), numbers.begin() + count);
    const simd::Vector<T> part = simd::load_partial(exact.data(), count);
    for (int lane = 0; lane < width; ++lane) {
      const T loaded = part[lane];
      CHECK(loaded == (lane < count ? static_cast<T>(lane + 1) : T{0}));
    }
    std::vector<T> target(static_cast<std::size_t>(width), T{-1});
    simd::store_partial(target.data(), simd::broadcast(T{7}), count);
    for (Index i = 0; i < width; ++i) {
      CHECK(target[static_cast<std::size_t>(i)] == (i < count ? T{7} : T{-1}));
    }
  }
}

TEST_CASE_TEMPLATE("fma and sqrt round once, in every lane", T, float, double) {
  const T e = std::numeric_limits<T>::epsilon();
  simd::Vector<T> a{}, b{}, c{};
  for (int lane = 0; lane < simd::width<T>; ++lane) {
    const T step = static_cast<T>(lane + 1);
    a[lane] = 1 + step * e;
    b[lane] = 1 - step * e;
    c[lane] = -1;
  }
  const simd::Vector<T> fused = simd::fma(a, b, c);
  const simd::Vector<T> root = simd::sqrt(a * a + b);
  for (int lane = 0; lane < simd::width<T>; ++lane) {
    const T step = static_cast<T>(lane + 1) * e;
    const T product = fused[lane];
    CHECK(product == -step * step);  // two roundings would give 0
    const T square = (a * a + b)[lane];
    const T rooted = root[lane];
    CHECK(rooted == std::sqrt(square));
  }
}
