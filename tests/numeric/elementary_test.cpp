// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <doctest/doctest.h>

#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/random.hpp>

using namespace octavo;
using namespace octavo::OCTAVO_BASE_ISA;

namespace {

template <Scalar T, typename Function>
void map(Function function, const T (&in)[16], T (&out)[16]) {
  function(Pack<T>::load(in)).store(out);
}

/// Largest error of exp in units in the last place over an even grid.
template <Scalar T>
double worst_exp(double low, double high, int packs) {
  double worst = 0;
  T in[16], out[16];
  for (int p = 0; p < packs; ++p) {
    for (int lane = 0; lane < 16; ++lane) {
      in[lane] = static_cast<T>(low + (high - low) * (p * 16 + lane) / (packs * 16.0));
    }
    map<T>([](Pack<T> x) { return exp(x); }, in, out);
    for (int lane = 0; lane < 16; ++lane) {
      const long double exact = std::exp(static_cast<long double>(in[lane]));
      const T rounded = static_cast<T>(exact);
      const T ulp = std::nextafter(rounded, std::numeric_limits<T>::infinity()) - rounded;
      const long double error = std::abs(static_cast<long double>(out[lane]) - exact);
      worst = std::max(worst, static_cast<double>(error / static_cast<long double>(ulp)));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("exp is within 2 units in the last place") {
  CHECK(worst_exp<float>(-86.97, 88.72, 60'000) < 2);
  CHECK(worst_exp<float>(-1, 1, 20'000) < 2);
  CHECK(worst_exp<double>(-708.03, 709.78, 60'000) < 2);
}

TEST_CASE_TEMPLATE("exp of special values", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity();
  const T in[16] = {0,
                    T(-0.0),
                    infinity,
                    -infinity,
                    std::numeric_limits<T>::quiet_NaN(),
                    1000,
                    -1000,
                    std::numeric_limits<T>::denorm_min()};
  T out[16];
  map<T>([](Pack<T> x) { return exp(x); }, in, out);
  CHECK(out[0] == 1);
  CHECK(out[1] == 1);
  CHECK(out[2] == infinity);
  CHECK(out[3] == 0);
  CHECK(std::isnan(out[4]));
  CHECK(out[5] == infinity);
  CHECK(out[6] == 0);
  CHECK(out[7] == 1);
}

TEST_CASE("quotients of floats are within 1 unit in the last place, for every mantissa") {
  const CounterRandom random(3, RandomStream::sampling);
  double worst = 0;
  float a[16], b[16], out[16];
  for (std::uint32_t pack = 0; pack < 1U << 19; ++pack) {
    for (std::uint32_t lane = 0; lane < 16; ++lane) {
      const std::uint32_t exponent = 127 - 60 + pack % 121;
      b[lane] = std::bit_cast<float>(exponent << 23 | (pack << 4 | lane));
      a[lane] = static_cast<float>(random.normal(pack));
    }
    divide_by_positive(Pack<float>::load(a), Pack<float>::load(b)).store(out);
    for (int lane = 0; lane < 16; ++lane) {
      const double exact = static_cast<double>(a[lane]) / static_cast<double>(b[lane]);
      const float size = static_cast<float>(std::abs(exact));
      const auto ulp =
          static_cast<double>(std::nextafter(size, std::numeric_limits<float>::infinity()) - size);
      worst = std::max(worst, std::abs(static_cast<double>(out[lane]) - exact) / ulp);
    }
  }
  CHECK(worst < 0.52);  // divisions of the machine: 0.5
}

TEST_CASE("quotients at the ends of the range") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float undefined = std::numeric_limits<float>::quiet_NaN();
  const float a[16] = {0, 1, -3, 1, 1, undefined, 1, 0x1p-20f};
  const float b[16] = {0, infinity, 0x1p-125f, 0x1p125f, undefined, 1, 0, 0x1p-126f};
  float out[16];
  divide_by_positive(Pack<float>::load(a), Pack<float>::load(b)).store(out);
  CHECK(out[0] == 0);
  CHECK(out[1] == 0x1p-125f);
  CHECK(out[2] == -3 * 0x1p125f);
  CHECK(out[3] == 0x1p-125f);
  CHECK(std::isnan(out[4]));
  CHECK(std::isnan(out[5]));
  CHECK(out[6] == 0x1p125f);
  CHECK(out[7] == 0x1p105f);
}

TEST_CASE_TEMPLATE("log is within 1 unit in the last place, at every size", T, float, double) {
  double worst = 0;
  int differing = 0;
  T in[16], out[16];
  for (int p = 0; p < 40'000; ++p) {
    for (int lane = 0; lane < 16; ++lane) {
      const double position = (p * 16 + lane) / 640'000.0;
      in[lane] = static_cast<T>(p % 2 == 0 ? 0.5 + 2 * position : std::exp(160 * position - 80));
    }
    map<T>([](Pack<T> x) { return log(x); }, in, out);
    for (int lane = 0; lane < 16; ++lane) {
      const long double exact = std::log(static_cast<long double>(in[lane]));
      const T size = static_cast<T>(std::abs(exact));
      const T ulp = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
      const long double error = std::abs(static_cast<long double>(out[lane]) - exact);
      worst = std::max(worst, static_cast<double>(error / static_cast<long double>(ulp)));
      differing += logarithm(in[lane]) != out[lane];
    }
  }
  CHECK(worst < 1);
  CHECK(differing == 0);
  CHECK(logarithm(T{1}) == 0);
  CHECK(std::isnan(logarithm(std::numeric_limits<T>::quiet_NaN())));
  CHECK(std::isnan(logarithm(std::numeric_limits<T>::infinity())));
}

TEST_CASE_TEMPLATE("the normal distribution agrees with the C library", T, float, double) {
  const double allowed = std::is_same_v<T, float> ? 2e-7 : 2e-15;
  double worst_density = 0, worst_cumulative = 0;
  T in[16], density[16], cumulative[16];
  for (int p = 0; p < 20'000; ++p) {
    for (int lane = 0; lane < 16; ++lane) {
      in[lane] = static_cast<T>(-20 + 40.0 * (p * 16 + lane) / 320'000);
    }
    const Gaussian<T> g = gaussian(Pack<T>::load(in));
    g.density.store(density);
    g.cumulative.store(cumulative);
    for (int lane = 0; lane < 16; ++lane) {
      const double x = static_cast<double>(in[lane]);
      const double exact = std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
      worst_density = std::max(worst_density, std::abs(static_cast<double>(density[lane]) - exact));
      worst_cumulative = std::max(worst_cumulative, std::abs(static_cast<double>(cumulative[lane]) -
                                                             0.5 * std::erfc(-x / std::sqrt(2.0))));
    }
  }
  CHECK(worst_density < allowed);
  CHECK(worst_cumulative < allowed);
}

TEST_CASE("exp is within 2 units in the last place near both ends of its range") {
  CHECK(worst_exp<float>(-86.98, -86.0, 40'000) < 2);
  CHECK(worst_exp<float>(88.0, 88.7228, 40'000) < 2);
  CHECK(worst_exp<double>(-708.04, -700.0, 20'000) < 2);
  CHECK(worst_exp<double>(700.0, 709.7827, 20'000) < 2);
}

TEST_CASE_TEMPLATE("every bit pattern gives a number, and NaN only from NaN", T, float, double) {
  using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
  const CounterRandom random(1, RandomStream::initial_weights);
  T in[16], e[16], density[16], cumulative[16];
  std::size_t wrong = 0;
  for (std::uint64_t p = 0; p < 50'000; ++p) {
    for (std::uint64_t lane = 0; lane < 16; ++lane) {
      in[lane] = std::bit_cast<T>(static_cast<Bits>(random.bits(16 * p + lane)));
    }
    exp(Pack<T>::load(in)).store(e);
    const Gaussian<T> g = gaussian(Pack<T>::load(in));
    g.density.store(density);
    g.cumulative.store(cumulative);
    for (int lane = 0; lane < 16; ++lane) {
      const bool fine =
          std::isnan(in[lane])
              ? std::isnan(e[lane]) && std::isnan(density[lane]) && std::isnan(cumulative[lane])
              : e[lane] >= 0 && density[lane] >= 0 && density[lane] < T(0.4) &&
                    cumulative[lane] >= 0 && cumulative[lane] <= 1;
      wrong += fine ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("the normal distribution of special values", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity();
  const T in[16] = {0,
                    infinity,
                    -infinity,
                    std::numeric_limits<T>::max(),
                    std::numeric_limits<T>::lowest(),
                    std::numeric_limits<T>::quiet_NaN()};
  T density[16], cumulative[16];
  const Gaussian<T> g = gaussian(Pack<T>::load(in));
  g.density.store(density);
  g.cumulative.store(cumulative);
  CHECK(std::abs(cumulative[0] - T(0.5)) <= 2 * std::numeric_limits<T>::epsilon());
  for (const int one : {1, 3}) CHECK(cumulative[one] == 1);
  for (const int zero : {2, 4}) CHECK(cumulative[zero] == 0);
  for (const int zero : {1, 2, 3, 4}) CHECK(density[zero] == 0);
  CHECK(std::isnan(density[5]));
  CHECK(std::isnan(cumulative[5]));
}

TEST_CASE_TEMPLATE("a lane's result does not depend on its place or its neighbours", T, float,
                   double) {
  const T infinity = std::numeric_limits<T>::infinity();
  const T others[] = {0, -1000, infinity, std::numeric_limits<T>::quiet_NaN()};
  T out[16], alone[16];
  for (int i = 0; i < 200; ++i) {
    const T x = static_cast<T>(-12 + 0.11 * i);
    exp(Pack<T>::broadcast(x)).store(alone);
    T phi[16];
    gaussian(Pack<T>::broadcast(x)).cumulative.store(phi);
    for (int lane = 0; lane < 16; ++lane) {
      T in[16];
      std::fill_n(in, 16, others[(i + lane) % 4]);
      in[lane] = x;
      exp(Pack<T>::load(in)).store(out);
      CHECK(out[lane] == alone[0]);
      gaussian(Pack<T>::load(in)).cumulative.store(out);
      CHECK(out[lane] == phi[0]);
    }
  }
}

TEST_CASE("bits are the same on every instruction set") {
  // FNV-1a over the results of a sweep; the constants were taken on AVX-512, AVX2 and plain x86-64,
  // with g++ and clang, where they are equal.
  std::uint32_t hash = 2166136261u;
  float in[16], out[16];
  for (int p = 0; p < 1000; ++p) {
    for (int lane = 0; lane < 16; ++lane) {
      in[lane] = std::fma(0.01f, static_cast<float>(p * 16 + lane), -80.0f);
    }
    map<float>([](Pack<float> x) { return exp(x) + gaussian(x).cumulative; }, in, out);
    for (const float x : out) hash = (hash ^ std::bit_cast<std::uint32_t>(x)) * 16777619u;
  }
  CHECK(hash == 0xca6cea30u);
}

TEST_CASE("sine and cosine are within 3e-16, near and far") {
  const CounterRandom random(5, RandomStream::initial_weights);
  double worst = 0, worst_ulp = 0;
  double in[16], sine[16], cosine[16];
  const long double half_pi = std::acos(-1.0L) / 2;
  for (std::uint64_t p = 0; p < 60'000; ++p) {
    for (std::uint64_t lane = 0; lane < 16; ++lane) {
      const std::uint64_t i = 16 * p + lane;
      const double even = static_cast<double>(i) / 960'000;  // 0 to 1
      const double far = random.normal(i);
      const auto multiple = static_cast<long double>(random.bits(i) % 1'200'000);
      switch (p % 5) {
        case 0:
          in[lane] = 8 * even - 4;
          break;
        case 1:
          in[lane] = 2e6 * even - 1e6;
          break;
        case 2:
          in[lane] = 1e8 * far;
          break;
        case 3:
          in[lane] = std::exp(40 * even - 40);
          break;
        default:  // next to multiples of pi/4
          in[lane] = static_cast<double>(multiple * half_pi / 2);
      }
    }
    const SineCosine both = sine_cosine(Pack<double>::load(in));
    both.sine.store(sine);
    both.cosine.store(cosine);
    for (int lane = 0; lane < 16; ++lane) {
      const auto compare = [&](double got, long double exact) {
        const auto error = static_cast<double>(std::abs(static_cast<long double>(got) - exact));
        const double size = static_cast<double>(std::abs(exact));
        const double ulp = std::nextafter(size, 2.0) - size;
        worst = std::max(worst, error);
        // The C library's long double may itself be off by 1e-19 far from 0.
        if (std::abs(in[lane]) <= 1e6) worst_ulp = std::max(worst_ulp, (error - 2e-19) / ulp);
      };
      compare(sine[lane], std::sin(static_cast<long double>(in[lane])));
      compare(cosine[lane], std::cos(static_cast<long double>(in[lane])));
    }
  }
  CHECK(worst < 3e-16);
  CHECK(worst_ulp < 2);
}

TEST_CASE("sine and cosine of special values") {
  const double infinity = std::numeric_limits<double>::infinity();
  const double in[16] = {0,
                         -0.0,
                         infinity,
                         -infinity,
                         std::numeric_limits<double>::quiet_NaN(),
                         std::numeric_limits<double>::denorm_min(),
                         1e-300};
  double sine[16], cosine[16];
  const SineCosine both = sine_cosine(Pack<double>::load(in));
  both.sine.store(sine);
  both.cosine.store(cosine);
  for (const int one : {0, 1, 5, 6}) {
    CHECK(sine[one] == in[one]);
    CHECK(cosine[one] == 1);
  }
  for (const int none : {2, 3, 4}) {
    CHECK(std::isnan(sine[none]));
    CHECK(std::isnan(cosine[none]));
  }
}

TEST_CASE("sine is odd and cosine even, whatever the lane") {
  double in[16], reversed[16], sine[16], cosine[16], minus_sine[16], same_cosine[16];
  int differing = 0;
  for (int p = 0; p < 2000; ++p) {
    for (int lane = 0; lane < 16; ++lane) {
      in[lane] = 0.37 * (p + 30 * lane);
      reversed[15 - lane] = -in[lane];
    }
    const SineCosine both = sine_cosine(Pack<double>::load(in));
    both.sine.store(sine);
    both.cosine.store(cosine);
    const SineCosine mirrored = sine_cosine(Pack<double>::load(reversed));
    mirrored.sine.store(minus_sine);
    mirrored.cosine.store(same_cosine);
    for (int lane = 0; lane < 16; ++lane) {
      differing += sine[lane] != -minus_sine[15 - lane] || cosine[lane] != same_cosine[15 - lane];
    }
  }
  CHECK(differing == 0);
}

TEST_CASE("bits of sine and cosine are the same on every instruction set") {
  // As above: the constant was taken on AVX-512, AVX2 and plain x86-64 with g++ and clang.
  std::uint64_t hash = 14695981039346656037u;
  double in[16], out[16];
  for (int p = 0; p < 1000; ++p) {
    for (int lane = 0; lane < 16; ++lane) in[lane] = 0.37 * (p * 16 + lane) * (p % 7);
    const SineCosine both = sine_cosine(Pack<double>::load(in));
    for (const Pack<double>& part : {both.sine, both.cosine}) {
      part.store(out);
      for (const double x : out) hash = (hash ^ std::bit_cast<std::uint64_t>(x)) * 1099511628211u;
    }
  }
  CHECK(hash == 12764634261036767611u);
}
