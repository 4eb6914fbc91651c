// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/normalize.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

namespace {

/// A normalisation forward, with all that backward needs.
template <Scalar T>
struct Norm {
  Index rows, width;
  Normalization norm = {};
  Index columns = norm.groups * width;
  std::vector<T> x = random_block<T>(rows * columns, 1, 3), gain = random_block<T>(width, 2),
                 bias = random_block<T>(width, 3), dy = random_block<T>(rows * columns, 4);
  std::vector<T> normalized = std::vector<T>(x.size()), y = normalized,
                 rstd = std::vector<T>(static_cast<std::size_t>(rows * norm.groups));

  MatrixView<T> view(std::vector<T>& numbers) const { return {numbers.data(), rows, columns}; }

  void forward(const Worker& worker = Worker{}) {
    normalize<T>(worker, view(x), gain.data(), bias.data(), view(normalized), rstd.data(), view(y),
                 norm);
  }
  void backward_input(std::vector<T>& dx, const Worker& worker = Worker{}) {
    normalize_backward_input<T>(worker, view(dy), view(normalized), rstd.data(), gain.data(),
                                view(dx), norm);
  }
  void backward_parameters(std::vector<T>& dgain, std::vector<T>& dbias,
                           const Worker& worker = Worker{}) {
    normalize_backward_parameters<T>(worker, view(dy), view(normalized), dgain.data(), dbias.data(),
                                     Output::accumulate, norm);
  }
};

/// Each kind, with and without an offset, of whole rows and of heads.
std::vector<Normalization> all_norms(double epsilon) {
  std::vector<Normalization> norms;
  for (const NormKind kind : {NormKind::layer, NormKind::rms}) {
    for (const bool unit_offset : {false, true}) {
      for (const Index groups : {1, 3}) norms.push_back({kind, epsilon, unit_offset, groups});
    }
  }
  return norms;
}

std::string told(const Normalization& norm, Index width) {
  return std::string(name_of(norm.kind)) + ", unit offset " + (norm.unit_offset ? "yes" : "no") +
         ", groups " + std::to_string(norm.groups) + ", width " + std::to_string(width);
}

}  // namespace

TEST_CASE_TEMPLATE("layer norm has mean 0 and variance 1 before gain and bias", T, float, double) {
  for (const Index width : {1, 5, 16, 37, 128}) {
    const Index rows = 3;
    Norm<T> norm{rows, width};
    norm.forward();
    for (Index r = 0; r < rows; ++r) {
      const T* row = &norm.x[static_cast<std::size_t>(r * width)];
      const std::vector<long double> wide(row, row + width);
      const long double mean = std::accumulate(wide.begin(), wide.end(), 0.0L) / width;
      long double variance = 0;
      for (const long double number : wide) variance += (number - mean) * (number - mean) / width;
      const long double rstd = 1 / std::sqrt(variance + 1e-5L);
      CHECK(distance(norm.rstd[static_cast<std::size_t>(r)] / static_cast<T>(rstd), 1) <
            10 * tolerance<T>);
      for (Index j = 0; j < width; ++j) {
        const auto at = static_cast<std::size_t>(r * width + j);
        const long double expected = (wide[static_cast<std::size_t>(j)] - mean) * rstd;
        CHECK(distance(norm.normalized[at], expected) < 10 * tolerance<T>);
        const auto column = static_cast<std::size_t>(j);
        const long double scaled = expected * static_cast<long double>(norm.gain[column]);
        const long double shifted = scaled + static_cast<long double>(norm.bias[column]);
        CHECK(distance(norm.y[at], shifted) < 20 * tolerance<T>);
      }
    }
  }
}

TEST_CASE_TEMPLATE("the output is found again from what was kept, and may overwrite the input", T,
                   float, double) {
  Norm<T> norm{5, 37};
  norm.forward();
  std::vector<T> again(norm.y.size());
  scale_and_shift<T>(Worker{}, norm.view(norm.normalized), norm.gain.data(), norm.bias.data(),
                     norm.view(again));
  CHECK(again == norm.y);
  auto in_place = norm.x;
  normalize<T>(Worker{}, norm.view(in_place), norm.gain.data(), norm.bias.data(),
               norm.view(norm.normalized), norm.rstd.data(), norm.view(in_place));
  CHECK(in_place == norm.y);
  // Without a bias: as with one of zeros.
  const std::vector<T> zeros(37);
  auto without = again;
  scale_and_shift<T>(Worker{}, norm.view(norm.normalized), norm.gain.data(), zeros.data(),
                     norm.view(again));
  scale_and_shift<T>(Worker{}, norm.view(norm.normalized), norm.gain.data(), nullptr,
                     norm.view(without));
  CHECK(without == again);
}

TEST_CASE("the gradients are the quotients of small differences") {
  for (const Index width : {2, 5, 16, 37}) {
    Norm<double> norm{4, width};
    const auto loss = [&] {
      norm.forward();
      return weighted_sum(norm.dy, norm.y);
    };
    const auto of_x = central_differences(norm.x, 1e-5, loss);
    const auto of_gain = central_differences(norm.gain, 1e-5, loss);
    const auto of_bias = central_differences(norm.bias, 1e-5, loss);
    norm.forward();
    std::vector<double> dx(norm.x.size()), dgain(norm.gain.size()), dbias = dgain;
    normalize_backward_input<double>(Worker{}, norm.view(norm.dy), norm.view(norm.normalized),
                                     norm.rstd.data(), norm.gain.data(), norm.view(dx));
    normalize_backward_parameters<double>(Worker{}, norm.view(norm.dy), norm.view(norm.normalized),
                                          dgain.data(), dbias.data(), Output::overwrite);
    INFO("width ", width);
    CHECK(distance(dx, of_x) < 1e-8);
    CHECK(distance(dgain, of_gain) < 1e-8);
    CHECK(distance(dbias, of_bias) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("the gradient of the input is the formula, added to what was there", T, float,
                   double) {
  for (const Index width : {1, 5, 16, 37, 128}) {
    const Index rows = 3;
    Norm<T> norm{rows, width};
    norm.forward();
    const auto before = random_block<T>(rows * width, 5);
    auto dx = before;
    normalize_backward_input<T>(Worker{}, norm.view(norm.dy), norm.view(norm.normalized),
                                norm.rstd.data(), norm.gain.data(), norm.view(dx));
    std::vector<long double> expected(before.begin(), before.end());
    for (Index r = 0; r < rows; ++r) {
      const auto at = [&](Index j) { return static_cast<std::size_t>(r * width + j); };
      const auto g = [&](Index j) {
        return static_cast<long double>(norm.dy[at(j)]) *
               static_cast<long double>(norm.gain[static_cast<std::size_t>(j)]);
      };
      long double mean = 0, weighted = 0;
      for (Index j = 0; j < width; ++j) {
        mean += g(j) / width;
        weighted += g(j) * static_cast<long double>(norm.normalized[at(j)]) / width;
      }
      for (Index j = 0; j < width; ++j) {
        expected[at(j)] +=
            static_cast<long double>(norm.rstd[static_cast<std::size_t>(r)]) *
            (g(j) - mean - static_cast<long double>(norm.normalized[at(j)]) * weighted);
      }
    }
    INFO("width ", width);
    // With one column the reciprocal of the standard deviation is 1 / sqrt(epsilon), above 300.
    CHECK(distance(dx, expected) < (width == 1 ? 1000 : 10) * tolerance<T>);
  }
}

TEST_CASE_TEMPLATE("the gradients of gain and bias are sums over rows in order, to the bit", T,
                   float, double) {
  const Index rows = 33;
  for (const Index width : {1, 15, 16, 17, 70}) {
    Norm<T> norm{rows, width};
    norm.forward();
    const auto before_gain = random_block<T>(width, 5), before_bias = random_block<T>(width, 6);
    for (const auto output : {Output::overwrite, Output::accumulate}) {
      const std::vector<T> zeros(before_gain.size());
      auto gain = output == Output::overwrite ? zeros : before_gain;
      auto bias = output == Output::overwrite ? zeros : before_bias;
      for (Index r = 0; r < rows; ++r) {
        for (std::size_t j = 0; j < gain.size(); ++j) {
          const std::size_t at = static_cast<std::size_t>(r * width) + j;
          gain[j] = std::fma(norm.dy[at], norm.normalized[at], gain[j]);
          bias[j] += norm.dy[at];
        }
      }
      for (const Index workers : {1, 2, 3, 5}) {
        ThreadPool threads(workers);
        const auto run = [&](T* dgain, T* dbias) {
          threads.run([&](const Worker& worker) {
            normalize_backward_parameters<T>(worker, norm.view(norm.dy), norm.view(norm.normalized),
                                             dgain, dbias, output);
          });
        };
        INFO("width ", width, ", workers ", workers);
        auto dgain = before_gain, dbias = before_bias;
        run(dgain.data(), dbias.data());
        CHECK(dgain == gain);
        CHECK(dbias == bias);
        // Either may be left out; the other is the same.
        dgain = before_gain, dbias = before_bias;
        run(dgain.data(), nullptr);
        run(nullptr, dbias.data());
        run(nullptr, nullptr);
        CHECK(dgain == gain);
        CHECK(dbias == bias);
      }
    }
  }
}

TEST_CASE_TEMPLATE("however many workers: the same bits", T, float, double) {
  Norm<T> alone{7, 37};
  alone.forward();
  const auto before = random_block<T>(7 * 37, 5);
  const auto backward = [](const Worker& worker, Norm<T>& norm, std::vector<T>& dx) {
    normalize_backward_input<T>(worker, norm.view(norm.dy), norm.view(norm.normalized),
                                norm.rstd.data(), norm.gain.data(), norm.view(dx));
  };
  auto expected = before;
  backward(Worker{}, alone, expected);
  for (const Index workers : {2, 3, 8}) {
    Norm<T> norm{7, 37};
    auto dx = before;
    ThreadPool(workers).run([&](const Worker& worker) {
      norm.forward(worker);
      backward(worker, norm, dx);  // of the same rows
    });
    CHECK(norm.y == alone.y);
    CHECK(norm.normalized == alone.normalized);
    CHECK(norm.rstd == alone.rstd);
    CHECK(dx == expected);
  }
}

TEST_CASE_TEMPLATE("every norm is the formula, of rows of every width", T, float, double) {
  const Index rows = 3;
  for (const Index width : {1, 2, 5, 15, 16, 17, 37, 128}) {
    for (const Normalization& norm : all_norms(0.25)) {
      Norm<T> all{rows, width, norm};
      all.forward();
      std::vector<long double> normalized, y, rstd;
      for (std::size_t first = 0; first < all.x.size(); first += static_cast<std::size_t>(width)) {
        const auto x = [&](Index j) {
          return static_cast<long double>(all.x[first + static_cast<std::size_t>(j)]);
        };
        long double mean = 0, square = 0;
        for (Index j = 0; j < width && norm.kind == NormKind::layer; ++j) mean += x(j) / width;
        for (Index j = 0; j < width; ++j) square += (x(j) - mean) * (x(j) - mean) / width;
        rstd.push_back(1 / std::sqrt(square + 0.25L));
        for (Index j = 0; j < width; ++j) {
          const auto column = static_cast<std::size_t>(j);
          normalized.push_back((x(j) - mean) * rstd.back());
          const long double scale =
              static_cast<long double>(all.gain[column]) + (norm.unit_offset ? 1 : 0);
          y.push_back(normalized.back() * scale + static_cast<long double>(all.bias[column]));
        }
      }
      INFO(told(norm, width));
      CHECK(distance(all.rstd, rstd) < 10 * tolerance<T>);
      CHECK(distance(all.normalized, normalized) < 10 * tolerance<T>);
      CHECK(distance(all.y, y) < 20 * tolerance<T>);
      auto again = all.y;
      again.assign(again.size(), T{0});
      scale_and_shift<T>(Worker{}, all.view(all.normalized), all.gain.data(), all.bias.data(),
                         all.view(again), norm);
      CHECK(again == all.y);
    }
  }
}

TEST_CASE("the gradients of every norm are the quotients of small differences") {
  for (const Index width : {1, 2, 5, 16, 37}) {
    for (const Normalization& norm : all_norms(0.25)) {
      Norm<double> all{2, width, norm};
      const auto loss = [&] {
        all.forward();
        return weighted_sum(all.dy, all.y);
      };
      const auto of_x = central_differences(all.x, 1e-5, loss);
      const auto of_gain = central_differences(all.gain, 1e-5, loss);
      const auto of_bias = central_differences(all.bias, 1e-5, loss);
      all.forward();
      std::vector<double> dx(all.x.size()), dgain(all.gain.size()), dbias = dgain;
      all.backward_input(dx);
      all.backward_parameters(dgain, dbias);
      INFO(told(norm, width));
      CHECK(distance(dx, of_x) < 1e-8);
      CHECK(distance(dgain, of_gain) < 1e-8);
      CHECK(distance(dbias, of_bias) < 1e-8);
    }
  }
}

TEST_CASE_TEMPLATE("heads next to each other are as heads below each other, to the bit", T, float,
                   double) {
  const Index rows = 5, width = 21, groups = 3, stride = 80;
  const std::size_t count = rows * groups * width;
  for (const Normalization& norm : all_norms(0.25)) {
    if (norm.groups != groups) continue;
    Normalization one = norm;
    one.groups = 1;
    Norm<T> below{rows * groups, width, one}, beside{rows, width, norm};
    REQUIRE(below.x == beside.x);
    below.forward();
    std::vector<T> dx(count, 1), dgain(static_cast<std::size_t>(width), 1), dbias = dgain;
    below.backward_input(dx);
    below.backward_parameters(dgain, dbias);
    for (const Index workers : {1, 2, 3, 4}) {
      // The input and its gradient are parts of wider matrices, as queries are.
      std::vector<T> wide(rows * stride), wide_dx(wide.size(), 1);
      const auto part = [&](std::vector<T>& numbers) {
        return MatrixView<T>(numbers.data() + 4, rows, groups * width, stride);
      };
      for (Index i = 0; i < rows; ++i) {
        std::copy_n(beside.view(beside.x).row(i), groups * width, part(wide).row(i));
      }
      std::vector<T> beside_dgain(dgain.size(), 1), beside_dbias = beside_dgain;
      ThreadPool(workers).run([&](const Worker& worker) {
        normalize<T>(worker, part(wide), beside.gain.data(), beside.bias.data(),
                     beside.view(beside.normalized), beside.rstd.data(), beside.view(beside.y),
                     norm);
        normalize_backward_input<T>(worker, beside.view(beside.dy), beside.view(beside.normalized),
                                    beside.rstd.data(), beside.gain.data(), part(wide_dx), norm);
        worker.barrier();
        beside.backward_parameters(beside_dgain, beside_dbias, worker);
      });
      INFO(told(norm, width), ", workers ", workers);
      CHECK(beside.y == below.y);
      CHECK(beside.normalized == below.normalized);
      CHECK(beside.rstd == below.rstd);
      CHECK(beside_dgain == dgain);  // rows outer, groups inner
      CHECK(beside_dbias == dbias);
      for (std::size_t i = 0; i < count; ++i) {
        const auto row = static_cast<Index>(i) / (groups * width);
        CHECK(part(wide_dx)(row, static_cast<Index>(i) % (groups * width)) == dx[i]);
      }
      CHECK(std::count(wide_dx.begin(), wide_dx.begin() + 4, T{1}) == 4);
    }
  }
}

TEST_CASE("norms have the names that files have for them") {
  CHECK(name_of(NormKind::layer) == "layer");
  CHECK(name_of(NormKind::rms) == "rms");
}
