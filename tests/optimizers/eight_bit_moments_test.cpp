// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/eight_bit_moments.hpp>

using namespace octavo;

TEST_CASE_TEMPLATE("8-bit moments come back nearly as they were, on average exactly", T, float,
                   double) {
  using Moments = OCTAVO_BASE_ISA::EightBitMoments<T>;
  const double bound = detail::eight_bit_bound(0.9, 0.99);
  CHECK(bound == doctest::Approx(0.1 / std::sqrt(0.01 * (1 - 0.81 / 0.99))));
  std::vector<std::uint8_t> roots(256);
  std::vector<std::int8_t> shares(256);
  float scale = 0;
  Moments moments(roots.data(), shares.data(), &scale, bound);
  alignas(64) T root[256], moment[256], r[256], m[256];
  std::vector<double> mean_root(200), mean_moment(200);
  for (int i = 0; i < 256; ++i) {
    // From 2 down to 2e-5, moments all over their range.
    root[i] = i < 200 ? static_cast<T>(2 * std::pow(10.0, -i / 40.0)) : T{0};
    moment[i] = root[i] * static_cast<T>(bound * std::sin(0.7 * i));
  }
  constexpr int rounds = 400;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    moments.encode(root, moment, 200, 5, detail::mix_bits(round));
    moments.decode(r, m, 200);
    for (std::size_t i = 0; i < 200; ++i) {
      const double u = static_cast<double>(root[i] / root[0]);
      CHECK(std::abs(static_cast<double>(r[i] - root[i])) <=
            4.5 / 255 / std::pow(u, 0.25) * static_cast<double>(root[i]));
      CHECK(std::abs(m[i]) <= static_cast<T>(bound * 1.000001) * r[i]);
      mean_root[i] += static_cast<double>(r[i]) / rounds;
      mean_moment[i] += static_cast<double>(m[i]) / rounds;
    }
    for (std::size_t i = 200; i < 256; ++i) CHECK((r[i] == 0 && m[i] == 0));
  }
  for (std::size_t i = 0; i < 200; ++i) {
    const auto exact = static_cast<double>(root[i]);
    CHECK(std::abs(mean_root[i] - exact) < 0.04 * exact);
    CHECK(std::abs(mean_moment[i] - static_cast<double>(moment[i])) < 0.04 * bound * exact);
  }
}

TEST_CASE_TEMPLATE("8-bit moments: only a root of zero has code zero, however small it is", T,
                   float, double) {
  std::vector<std::uint8_t> roots(256);
  std::vector<std::int8_t> shares(256);
  float scale = 0;
  OCTAVO_BASE_ISA::EightBitMoments<T> moments(roots.data(), shares.data(), &scale, 2.0);
  alignas(64) T root[256] = {}, moment[256] = {};
  root[0] = 1;
  for (int i = 1; i < 100; ++i) {  // 1e-9 down to 1e-33: a thousandth of code 1 and less
    root[i] = static_cast<T>(std::pow(10.0, -9 - i * 0.24));
    moment[i] = root[i];
  }
  for (std::uint32_t round = 0; round < 100; ++round) {
    moments.encode(root, moment, 256, 0, detail::mix_bits(round));
    int forgotten = 0;
    for (std::size_t i = 0; i < 256; ++i) forgotten += (roots[i] == 0) != (root[i] == 0);
    CHECK(forgotten == 0);
  }
}

TEST_CASE("8-bit moments: all zero, and tiny ones, give no infinity") {
  std::vector<std::uint8_t> roots(256);
  std::vector<std::int8_t> shares(256);
  float scale = 0;
  OCTAVO_BASE_ISA::EightBitMoments<float> moments(roots.data(), shares.data(), &scale, 2.0);
  alignas(64) float root[256] = {}, moment[256] = {}, r[256], m[256];
  for (const float size : {0.0f, 1e-45f, 1e-39f, 2e-38f, 3e38f}) {
    root[3] = size;
    moment[3] = -size / 2;
    moments.encode(root, moment, 256, 0, 7);
    moments.decode(r, m, 256);
    for (int i = 0; i < 256; ++i) CHECK((std::isfinite(r[i]) && std::isfinite(m[i])));
    CHECK(r[3] == doctest::Approx(size < 1e-38f ? 0.0 : static_cast<double>(size)));
  }
}
