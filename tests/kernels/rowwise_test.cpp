// SPDX-License-Identifier: MIT
// The row-wise kernels against naive loops in long double; their gradients are checked through the
// layers.
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/activate.hpp>
#include <octavo/kernels/cross_entropy.hpp>
#include <octavo/kernels/dropout.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/embed.hpp>
#include <octavo/kernels/normalize.hpp>

using namespace octavo;

namespace {

template <Scalar T>
std::vector<T> random_block(Index count, double deviation = 1) {
  const CounterRandom random(9, RandomStream::initial_weights);
  std::vector<T> block(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < block.size(); ++i) {
    block[i] = static_cast<T>(deviation * random.normal(i));
  }
  return block;
}

template <Scalar T>
constexpr double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;

template <Scalar T>
double distance(T got, long double expected) {
  return static_cast<double>(std::abs(static_cast<long double>(got) - expected));
}

}  // namespace

TEST_CASE_TEMPLATE("activations agree with the C library", T, float, double) {
  const Index count = 4001;
  std::vector<T> x(count), y(count), again(count), slope(count);
  for (Index i = 0; i < count; ++i) {
    x[static_cast<std::size_t>(i)] = static_cast<T>(static_cast<double>(i - 2000) / 200);
  }
  for (const auto kind : {Activation::relu, Activation::gelu, Activation::gelu_tanh}) {
    activate<T>(Worker{}, kind, {x.data(), 1, count}, MatrixView<T>(y.data(), 1, count));
    slope = x;
    activate_with_slope<T>(Worker{}, kind, MatrixView<T>(slope.data(), 1, count),
                           MatrixView<T>(again.data(), 1, count));
    CHECK(again == y);
    double worst = 0, worst_slope = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = static_cast<double>(x[i]);
      const double pi = std::acos(-1.0);
      const double cdf = 0.5 * std::erfc(-v / std::sqrt(2.0));
      const double u = std::sqrt(2 / pi) * (v + 0.044715 * v * v * v);
      const double t = std::tanh(u);
      const double du = std::sqrt(2 / pi) * (1 + 3 * 0.044715 * v * v);
      const double expected = kind == Activation::relu   ? std::max(v, 0.0)
                              : kind == Activation::gelu ? v * cdf
                                                         : 0.5 * v * (1 + t);
      const double expected_slope = kind == Activation::relu ? (v > 0 ? 1.0 : 0.0)
                                    : kind == Activation::gelu
                                        ? cdf + v * std::exp(-v * v / 2) / std::sqrt(2 * pi)
                                        : 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * du;
      worst = std::max(worst,
                       std::abs(static_cast<double>(y[i]) - expected) / std::max(1.0, std::abs(v)));
      worst_slope = std::max(worst_slope, std::abs(static_cast<double>(slope[i]) - expected_slope));
    }
    INFO(name_of(kind));
    CHECK(worst < 4 * tolerance<T>);
    CHECK(worst_slope < 10 * tolerance<T>);
  }
}

TEST_CASE("a NaN goes through every activation, so that divergence shows") {
  for (const auto kind : {Activation::relu, Activation::gelu, Activation::gelu_tanh}) {
    std::vector<float> x{1, std::nanf(""), 2}, y(3);
    activate<float>(Worker{}, kind, {x.data(), 1, 3}, MatrixView<float>(y.data(), 1, 3));
    CHECK(std::isfinite(y[0]));
    CHECK(std::isnan(y[1]));
  }
}

TEST_CASE_TEMPLATE("layer norm has mean 0 and variance 1 before gain and bias", T, float, double) {
  for (const Index width : {1, 5, 16, 37, 128}) {
    const Index rows = 3;
    const auto x = random_block<T>(rows * width, 3);
    const auto gain = random_block<T>(width), bias = random_block<T>(width);
    std::vector<T> normalized(x.size()), inverse(rows), y(x.size());
    normalize<T>(Worker{}, {x.data(), rows, width}, gain.data(), bias.data(),
                 MatrixView<T>(normalized.data(), rows, width), inverse.data(),
                 MatrixView<T>(y.data(), rows, width));
    for (Index r = 0; r < rows; ++r) {
      const T* row = &x[static_cast<std::size_t>(r * width)];
      const std::vector<long double> wide(row, row + width);
      const long double mean = std::accumulate(wide.begin(), wide.end(), 0.0L) / width;
      long double variance = 0;
      for (const long double number : wide) variance += (number - mean) * (number - mean) / width;
      for (Index j = 0; j < width; ++j) {
        const auto at = static_cast<std::size_t>(r * width + j);
        const long double expected =
            (wide[static_cast<std::size_t>(j)] - mean) / std::sqrt(variance + 1e-5L);
        CHECK(distance(normalized[at], expected) < 10 * tolerance<T>);
        const auto column = static_cast<std::size_t>(j);
        const long double scaled = expected * static_cast<long double>(gain[column]);
        const long double shifted = scaled + static_cast<long double>(bias[column]);
        CHECK(distance(y[at], shifted) < 20 * tolerance<T>);
      }
    }
  }
}

TEST_CASE_TEMPLATE("cross-entropy and its gradient are the formula", T, float, double) {
  for (const Index vocabulary : {1, 2, 16, 35, 66, 300}) {
    const Index rows = 4;
    auto logits = random_block<T>(rows * vocabulary, 3);
    const auto original = logits;
    const std::vector<Token> targets{0, static_cast<Token>(vocabulary - 1), ignored_target, 0};
    std::vector<T> losses(4);
    softmax_cross_entropy<T>(Worker{}, MatrixView<T>(logits.data(), rows, vocabulary), targets,
                             losses, T(0.25), true);
    for (Index r = 0; r < rows; ++r) {
      const T* row = &original[static_cast<std::size_t>(r * vocabulary)];
      const Token target = targets[static_cast<std::size_t>(r)];
      long double total = 0;
      for (Index j = 0; j < vocabulary; ++j) total += std::exp(static_cast<long double>(row[j]));
      const long double loss =
          target < 0 ? 0 : std::log(total) - static_cast<long double>(row[target]);
      CHECK(distance(losses[static_cast<std::size_t>(r)], loss) < 20 * tolerance<T>);
      for (Index j = 0; j < vocabulary; ++j) {
        const long double p = std::exp(static_cast<long double>(row[j])) / total;
        const long double expected = target < 0 ? 0 : (p - (j == target ? 1 : 0)) * 0.25L;
        const T got = logits[static_cast<std::size_t>(r * vocabulary + j)];
        CHECK(distance(got, expected) < 4 * tolerance<T>);
      }
    }
  }
}

TEST_CASE("cross-entropy of extreme logits is finite or the documented limit") {
  std::vector<float> logits{1e38f, -1e38f, 0}, losses(1);
  const std::vector<Token> likely{0}, unlikely{1};
  softmax_cross_entropy<float>(Worker{}, MatrixView<float>(logits.data(), 1, 3), likely, losses, 1,
                               false);
  CHECK(losses[0] == 0);
  softmax_cross_entropy<float>(Worker{}, MatrixView<float>(logits.data(), 1, 3), unlikely, losses,
                               1, false);
  CHECK(losses[0] == doctest::Approx(2e38));
}

TEST_CASE("embedding picks rows, its gradient adds them up in order") {
  const std::vector<double> table{1, 2, 3, 4, 5, 6}, positions{10, 20, 30, 40};
  const std::vector<Token> tokens{2, 0, 2, 1};
  std::vector<double> x(8);
  embed<double>(Worker{}, tokens, 2, 0, table.data(), positions.data(),
                MatrixView<double>(x.data(), 4, 2));
  CHECK(x == std::vector<double>{15, 26, 31, 42, 15, 26, 33, 44});
  std::vector<double> gradient(6, 0.5);
  accumulate_rows<double>(
      Worker{}, MatrixView<const double>(x.data(), 4, 2),
      [&](Index row) { return static_cast<Index>(tokens[static_cast<std::size_t>(row)]); },
      gradient.data());
  CHECK(gradient == std::vector<double>{31.5, 42.5, 33.5, 44.5, 30.5, 52.5});
}

TEST_CASE("dropout drops where the random word is below the rate, number by number") {
  // Rates, and the same as the number of words of 32 bits that drop: 0.1 is a little above a tenth.
  for (const auto& [rate, words] : {std::pair{0.0, 0U}, std::pair{0.1, 429'496'730U},
                                    std::pair{0.25, 1U << 30}, std::pair{0.5, 1U << 31}}) {
    const CounterRandom random(1, RandomStream::dropout, 4);
    const std::uint64_t site = 2, first_row = 7, rows = 100, width = 70;
    std::vector<double> y(rows * width, 3.0);
    dropout<double>(Worker{}, {random, site, rate}, first_row,
                    MatrixView<double>(y.data(), 100, 70));
    Index wrong = 0;
    for (std::uint64_t i = 0; i < rows; ++i) {
      for (std::uint64_t j = 0; j < width; ++j) {
        const std::uint64_t block = (site << 48) + (first_row + i) * 18 + j / 4;  // 18 per row
        const bool drops = random.block(block)[j % 4] < words;
        wrong += y[i * width + j] != (drops ? 0.0 : 3.0 * (1.0 / (1.0 - rate)));
      }
    }
    CHECK(wrong == 0);
  }
  // A word on the threshold itself is kept: as many as there are below it are dropped.
  const std::uint32_t word = CounterRandom(1, RandomStream::dropout).block(0)[0];
  for (const std::uint32_t words : {word, word + 1}) {
    float y = 1;
    dropout<float>(Worker{}, {CounterRandom(1, RandomStream::dropout), 0, words * 0x1p-32}, 0,
                   MatrixView<float>(&y, 1, 1));
    CHECK((y == 0) == (words > word));
  }
}

TEST_CASE("dropout draws the same for a part of the rows, and other numbers at another site") {
  const DropoutDraw draw{CounterRandom(1, RandomStream::dropout, 4), 2, 0.25};
  std::vector<float> whole(100 * 70, 1.0f);
  dropout<float>(Worker{}, draw, 0, MatrixView<float>(whole.data(), 100, 70));
  std::vector<float> part(40 * 70, 1.0f);
  dropout<float>(Worker{}, draw, 60, MatrixView<float>(part.data(), 40, 70));
  CHECK(std::equal(part.begin(), part.end(), whole.begin() + 60 * 70));
  DropoutDraw other = draw;
  other.site = 3;
  std::vector<float> elsewhere(40 * 70, 1.0f);
  dropout<float>(Worker{}, other, 60, MatrixView<float>(elsewhere.data(), 40, 70));
  CHECK(elsewhere != part);
}

TEST_CASE("column sums, addition and zeros") {
  const std::vector<double> x{1, 2, 3, 4, 5, 6};
  std::vector<double> sums{1, 1, 1}, y{1, 1, 1, 1, 1, 1};
  sum_columns<double>(Worker{}, {x.data(), 2, 3}, sums.data(), Output::accumulate);
  CHECK(sums == std::vector<double>{6, 8, 10});
  add<double>(Worker{}, {x.data(), 2, 3}, MatrixView<double>(y.data(), 2, 3));
  CHECK(y == std::vector<double>{2, 3, 4, 5, 6, 7});
  set_zero<double>(Worker{}, y);
  CHECK(y == std::vector<double>(6, 0.0));
}
