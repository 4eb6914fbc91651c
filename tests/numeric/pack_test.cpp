// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/numeric/pack.hpp>

using namespace octavo;
using namespace octavo::OCTAVO_BASE_ISA;

TEST_CASE_TEMPLATE("fma rounds once", T, float, double) {
  const T e = std::numeric_limits<T>::epsilon();
  T out[16];
  fma(Pack<T>::broadcast(1 + e), Pack<T>::broadcast(1 - e), Pack<T>::broadcast(-1)).store(out);
  for (const T x : out) CHECK(x == -e * e);
}

TEST_CASE_TEMPLATE("partial loads and stores touch only their lanes", T, float, double) {
  std::vector<T> from(16), to(16);
  std::iota(from.begin(), from.end(), T{1});
  for (Index count = 1; count <= 16; ++count) {
    std::vector<T> exact(from.begin(), from.begin() + count);  // a sanitizer sees reads behind it
    const Pack<T> pack = Pack<T>::load(exact.data(), count);
    T lanes[16];
    pack.store(lanes);
    for (Index i = 0; i < 16; ++i) CHECK(lanes[i] == (i < count ? static_cast<T>(i + 1) : T{0}));
    std::vector<T> target(static_cast<std::size_t>(count), T{-1});
    Pack<T>::broadcast(T{7}).store(target.data(), count);
    CHECK(target == std::vector<T>(static_cast<std::size_t>(count), T{7}));
    Pack<T>::broadcast(T{7}).mask_tail(count, T{-3}).store(lanes);
    for (Index i = 0; i < 16; ++i) CHECK(lanes[i] == (i < count ? T{7} : T{-3}));
  }
}

TEST_CASE("the sum is the documented tree, to the last bit") {
  float lane[16];
  for (int i = 0; i < 16; ++i) lane[i] = std::ldexp(1.0f + 0.1f * static_cast<float>(i), i % 5);
  float expected[16];
  std::copy(lane, lane + 16, expected);
  for (int i = 0; i < 8; ++i) expected[i] = lane[i] + lane[i + 8];
  for (int i = 0; i < 4; ++i) expected[i] += expected[i + 4];
  for (int i = 0; i < 2; ++i) expected[i] += expected[i + 2];
  CHECK(sum(Pack<float>::load(lane)) == expected[0] + expected[1]);
}

TEST_CASE("max keeps a NaN of its second argument, largest finds the largest") {
  const auto nan = Pack<float>::broadcast(std::nanf(""));
  float out[16];
  max(Pack<float>::broadcast(1), nan).store(out);
  CHECK(std::isnan(out[3]));
  for (int i = 0; i < 16; ++i) out[i] = static_cast<float>((i * 7) % 16);
  CHECK(largest(Pack<float>::load(out)) == 15);
}

TEST_CASE("for_each_pack covers every number once") {
  for (Index count = 0; count < 70; ++count) {
    std::vector<int> seen(static_cast<std::size_t>(count));
    for_each_pack(count, [&](Index offset, Index lanes) {
      for (Index i = 0; i < lanes; ++i) ++seen[static_cast<std::size_t>(offset + i)];
    });
    CHECK(seen == std::vector<int>(static_cast<std::size_t>(count), 1));
  }
}
