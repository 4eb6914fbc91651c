// SPDX-License-Identifier: MIT
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/numeric/exact_fma.hpp>

namespace {

using Four = octavo::detail::FourFloats;

/// Whether both are the same number, or both NaN.
bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

int differences(const std::vector<float>& a, const std::vector<float>& b,
                const std::vector<float>& c) {
  int different = 0;
  for (std::size_t i = 0; i + 4 <= a.size(); i += 4) {
    Four x, y, z;
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const int at = static_cast<int>(lane);
      x[at] = a[i + lane], y[at] = b[i + lane], z[at] = c[i + lane];
    }
    const Four fused = octavo::detail::exact_fma(x, y, z);
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const float expected = std::fma(a[i + lane], b[i + lane], c[i + lane]);
      different += same(fused[static_cast<int>(lane)], expected) ? 0 : 1;
    }
  }
  return different;
}

struct Random {
  std::uint64_t state = 1;
  std::uint32_t operator()() {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(state >> 32);
  }
};

}  // namespace

TEST_CASE("numbers of all bits: the same as std::fma") {
  Random random;
  std::vector<float> a, b, c;
  for (int i = 0; i < 400'000; ++i) {
    a.push_back(std::bit_cast<float>(random()));
    b.push_back(std::bit_cast<float>(random()));
    c.push_back(std::bit_cast<float>(random()));
  }
  CHECK(differences(a, b, c) == 0);
}

TEST_CASE("sums near a tie, where rounding to double and then to float is wrong") {
  // c and half a unit of its last place, but for k^2 2^-46 of that, which a double loses.
  Random random;
  std::vector<float> a, b, c;
  int twice = 0;
  for (int i = 0; i < 100'000; ++i) {
    const int exponent = static_cast<int>(random() % 200) - 100;
    const float sign = (random() & 1u) != 0 ? 1.0f : -1.0f;
    const float k = static_cast<float>(random() % 16) * std::ldexp(1.0f, -23);
    a.push_back(sign * std::ldexp(1 + k, exponent - 24));
    b.push_back((random() & 1u) != 0 ? 1 - k : 1 + k);
    c.push_back(
        std::ldexp(1 + static_cast<float>(random() % 8388608) * std::ldexp(1.0f, -23), exponent));
    const double sum = static_cast<double>(a.back()) * static_cast<double>(b.back()) +
                       static_cast<double>(c.back());
    twice += static_cast<float>(sum) == std::fma(a.back(), b.back(), c.back()) ? 0 : 1;
  }
  CHECK(twice > 10'000);
  CHECK(differences(a, b, c) == 0);
}

TEST_CASE("the smallest numbers, and those that are not numbers") {
  const float least = std::numeric_limits<float>::denorm_min();
  const float normal = std::numeric_limits<float>::min();
  const float most = std::numeric_limits<float>::max();
  const float infinite = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> all{0.0f,     -0.0f,      least, -least,      3 * least, normal,
                               -normal,  normal / 2, 0.5f,  1.0f,        most,      -most,
                               infinite, -infinite,  nan,   1.5f * least};
  std::vector<float> a, b, c;
  for (const float x : all) {
    for (const float y : all) {
      for (const float z : all) a.push_back(x), b.push_back(y), c.push_back(z);
    }
  }
  CHECK(differences(a, b, c) == 0);
  // Products of small numbers, sums among the subnormal.
  Random random;
  a.clear(), b.clear(), c.clear();
  for (int i = 0; i < 200'000; ++i) {
    const auto small = [&] { return std::bit_cast<float>(random() % 0x01000000u); };
    a.push_back(std::bit_cast<float>(0x1f800000u + random() % 0x00800000u));
    b.push_back(std::bit_cast<float>(0x1f000000u + random() % 0x01000000u));
    c.push_back((random() & 1u) != 0 ? small() : -small());
  }
  CHECK(differences(a, b, c) == 0);
}
