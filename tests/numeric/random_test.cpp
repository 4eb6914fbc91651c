// SPDX-License-Identifier: MIT
#include <cmath>
#include <set>

#include <doctest/doctest.h>

#include <octavo/numeric/random.hpp>

using namespace octavo;
using Words = std::array<std::uint32_t, 4>;

// Known answers of Random123's philox4x32-10.
static_assert(philox({0, 0, 0, 0}, {0, 0}) ==
              Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
              Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
              Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

TEST_CASE("uniform numbers lie in [0, 1) and fill it evenly") {
  const CounterRandom random(1, RandomStream::batches);
  int bins[10] = {};
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const double u = random.uniform(i);
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    ++bins[static_cast<int>(u * 10)];
  }
  for (const int count : bins) CHECK(std::abs(count - 10'000) < 400);
}

TEST_CASE("normal numbers have mean 0, variance 1, kurtosis 3") {
  const CounterRandom random(2, RandomStream::initial_weights);
  double sum = 0, square = 0, fourth = 0;
  constexpr int count = 200'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const double x = random.normal(i);
    sum += x, square += x * x, fourth += x * x * x * x;
  }
  CHECK(std::abs(sum / count) < 0.01);
  CHECK(std::abs(square / count - 1) < 0.01);
  CHECK(std::abs(fourth / count - 3) < 0.1);
}

TEST_CASE("below() stays below, reaches every value, and is the exact upper half of the product") {
  const CounterRandom random(3, RandomStream::sampling);
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) seen.insert(random.below(i, 7));
  CHECK(seen == std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6});
  for (const std::uint64_t bound :
       {std::uint64_t{1}, std::uint64_t{3}, ~std::uint64_t{0}, std::uint64_t{0x123456789abcdef}}) {
    for (std::uint64_t i = 0; i < 100; ++i) {
      // Halves of the product by schoolbook multiplication in 128 bits.
      __extension__ using Wide = unsigned __int128;
      const auto expected = static_cast<std::uint64_t>(Wide{random.bits(i)} * bound >> 64);
      CHECK(random.below(i, bound) == expected);
    }
  }
}

TEST_CASE("seeds, streams and steps do not share draws") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    for (const auto stream : {RandomStream::initial_weights, RandomStream::batches,
                              RandomStream::dropout, RandomStream::sampling}) {
      for (const std::uint64_t step :
           {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32, std::uint64_t{1} << 47}) {
        for (std::uint64_t i = 0; i < 20; ++i) {
          seen.insert(CounterRandom(seed, stream, step).bits(i));
        }
      }
    }
  }
  CHECK(seen.size() == 5 * 4 * 4 * 20);
}
