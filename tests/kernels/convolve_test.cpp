// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/convolve.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

namespace {

struct Shape {
  Index sequences = 1, sequence = 1, width = 1, taps = 4;

  Index rows() const { return sequences * sequence; }
  Index numbers() const { return rows() * width; }
};

/// Sequences shorter and longer than the taps, and rows of whole and of partial packs.
std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const Index taps : {Index{1}, Index{2}, Index{4}, Index{5}, Index{9}}) {
    for (const Index sequence : {1, 2, 3, 4, 11}) {
      for (const Index width : {1, 16, 37}) all.push_back({3, sequence, width, taps});
    }
  }
  return all;
}

template <Scalar T>
MatrixView<T> view(std::vector<T>& numbers, Index width) {
  return {numbers.data(), static_cast<Index>(numbers.size()) / width, width};
}
template <Scalar T>
MatrixView<const T> view(const std::vector<T>& numbers, Index width) {
  return {numbers.data(), static_cast<Index>(numbers.size()) / width, width};
}

/// The number of row `t` of sequence `s`; 0 outside the sequence.
template <typename Number>
long double at(const Shape& shape, const std::vector<Number>& x, Index s, Index t, Index c) {
  if (t < 0 || t >= shape.sequence) return 0;
  const Index i = (s * shape.sequence + t) * shape.width + c;
  return static_cast<long double>(x[static_cast<std::size_t>(i)]);
}

/// y[t] = x[t] + sum of w[k] x[t - k]; `direction` -1: the gradient, x[t + k].
template <Scalar T>
std::vector<long double> naive(const Shape& shape, const std::vector<T>& x, const std::vector<T>& w,
                               Index direction = 1) {
  std::vector<long double> y;
  for (Index s = 0; s < shape.sequences; ++s) {
    for (Index t = 0; t < shape.sequence; ++t) {
      for (Index c = 0; c < shape.width; ++c) {
        long double sum = at(shape, x, s, t, c);
        for (Index k = 0; k < shape.taps; ++k) {
          const auto tap = static_cast<std::size_t>(k * shape.width + c);
          sum += static_cast<long double>(w[tap]) * at(shape, x, s, t - direction * k, c);
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

template <Scalar T>
std::vector<T> convolved(const Shape& shape, const std::vector<T>& x, const std::vector<T>& w,
                         const Worker& worker = Worker{}) {
  std::vector<T> y(x.size(), std::numeric_limits<T>::quiet_NaN());
  convolve<T>(worker, view(x, shape.width), view(w, shape.width), shape.sequence,
              view(y, shape.width));
  return y;
}

}  // namespace

TEST_CASE("a tap reaches as many positions back as its number, and not into another sequence") {
  const Shape shape{.sequences = 2, .sequence = 5, .width = 1, .taps = 4};
  const std::vector<double> w{1, 10, 100, 1000};
  const std::vector<double> x{1, 0, 0, 0, 0, 0, 2, 0, 0, 0};
  CHECK(convolved(shape, x, w) == std::vector<double>{2, 10, 100, 1000, 0, 0, 4, 20, 200, 2000});
  CHECK(convolved(shape, x, {0, 0, 0, 0}) == x);
}

TEST_CASE_TEMPLATE("convolution is the formula, forward and backward to the input", T, float,
                   double) {
  for (const Shape& shape : shapes()) {
    const auto x = random_block<T>(shape.numbers(), 1);
    const auto w = random_block<T>(shape.taps * shape.width, 2);
    INFO("taps ", shape.taps, ", sequence ", shape.sequence, ", width ", shape.width);
    CHECK(distance(convolved(shape, x, w), naive(shape, x, w)) < 20 * tolerance<T>);
    auto dx = x;
    convolve_backward_input<T>(Worker{}, view(x, shape.width), view(w, shape.width), shape.sequence,
                               view(dx, shape.width));
    CHECK(distance(dx, naive(shape, x, w, -1)) < 20 * tolerance<T>);
    auto in_place = x;
    convolve_backward_input<T>(Worker{}, view(in_place, shape.width), view(w, shape.width),
                               shape.sequence, view(in_place, shape.width));
    CHECK(in_place == dx);
  }
}

TEST_CASE("both gradients are the quotients of small differences") {
  for (const Shape& shape : shapes()) {
    auto x = random_block<double>(shape.numbers(), 1);
    auto w = random_block<double>(shape.taps * shape.width, 2);
    const auto dy = random_block<double>(shape.numbers(), 3);
    const auto loss = [&] { return weighted_sum(dy, convolved(shape, x, w)); };
    std::vector<double> dx(x.size(), 99), dw(w.size(), 99);
    convolve_backward_input<double>(Worker{}, view(dy, shape.width), view(w, shape.width),
                                    shape.sequence, view(dx, shape.width));
    convolve_backward_taps<double>(Worker{}, view(std::as_const(x), shape.width),
                                   view(dy, shape.width), shape.sequence, view(dw, shape.width),
                                   Output::overwrite);
    INFO("taps ", shape.taps, ", sequence ", shape.sequence, ", width ", shape.width);
    CHECK(distance(dx, central_differences(x, 1e-5, loss)) < 1e-8);
    CHECK(distance(dw, central_differences(w, 1e-5, loss)) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("gradients of taps add up over parts of a batch as over the whole of it", T,
                   float, double) {
  const Shape shape{.sequences = 3, .sequence = 7, .width = 21, .taps = 6};
  const auto x = random_block<T>(shape.numbers(), 1), dy = random_block<T>(shape.numbers(), 2);
  const auto rows = [&](const std::vector<T>& all, Index first, Index count) {
    return view(all, shape.width).row_block(first * shape.sequence, count * shape.sequence);
  };
  std::vector<T> whole(static_cast<std::size_t>(shape.taps * shape.width), T{5}), parts = whole;
  convolve_backward_taps<T>(Worker{}, rows(x, 0, 3), rows(dy, 0, 3), shape.sequence,
                            view(whole, shape.width), Output::overwrite);
  convolve_backward_taps<T>(Worker{}, rows(x, 0, 1), rows(dy, 0, 1), shape.sequence,
                            view(parts, shape.width), Output::overwrite);
  convolve_backward_taps<T>(Worker{}, rows(x, 1, 2), rows(dy, 1, 2), shape.sequence,
                            view(parts, shape.width), Output::accumulate);
  CHECK(parts == whole);
}

TEST_CASE_TEMPLATE("a sequence read in parts has the bits of the whole", T, float, double) {
  for (const Index taps : {Index{1}, Index{2}, Index{4}, Index{9}}) {
    const Shape shape{.sequences = 1, .sequence = 25, .width = 19, .taps = taps};
    const auto x = random_block<T>(shape.numbers(), 1);
    const auto w = random_block<T>(taps * shape.width, 2);
    const auto expected = convolved(shape, x, w);
    for (const std::vector<Index>& parts :
         {std::vector<Index>{25}, {1, 1, 1, 22}, {12, 1, 2, 3, 4, 3}, std::vector<Index>(25, 1)}) {
      // Whatever an earlier sequence left there.
      std::vector<T> newest(static_cast<std::size_t>((taps - 1) * shape.width), T{77});
      auto y = x;
      Index position = 0;
      for (const Index count : parts) {
        convolve_next<T>(Worker{}, view(x, shape.width).row_block(position, count),
                         view(w, shape.width), position, {newest.data(), taps - 1, shape.width},
                         view(y, shape.width).row_block(position, count));
        position += count;
      }
      INFO("taps ", taps, ", parts ", parts.size());
      CHECK(y == expected);
    }
  }
}

TEST_CASE_TEMPLATE("columns are shared out, and rows may lie apart: the same bits", T, float,
                   double) {
  const Index rows = 12, sequence = 6, width = 83, stride = 90, taps = 4;
  const auto x = random_block<T>(rows * stride, 1), dy = random_block<T>(rows * stride, 2);
  const auto w = random_block<T>(taps * width, 3);
  const auto all = [&](Index workers) {
    std::vector<T> y(x.size(), T{99}), dx = y, next = y, newest(3 * width, T{0}), dw(4 * width);
    ThreadPool(workers).run([&](const Worker& worker) {
      const MatrixView<const T> in(x.data(), rows, width, stride), taps_of = view(w, width);
      const MatrixView<const T> gradient(dy.data(), rows, width, stride);
      convolve<T>(worker, in, taps_of, sequence, MatrixView<T>(y.data(), rows, width, stride));
      convolve_next<T>(worker, in, taps_of, 2, view(newest, width),
                       MatrixView<T>(next.data(), rows, width, stride));
      convolve_backward_input<T>(worker, gradient, taps_of, sequence,
                                 MatrixView<T>(dx.data(), rows, width, stride));
      convolve_backward_taps<T>(worker, in, gradient, sequence, view(dw, width), Output::overwrite);
    });
    for (const auto* more : {&dx, &next, &newest, &dw})
      y.insert(y.end(), more->begin(), more->end());
    return y;
  };
  const auto expected = all(1);
  CHECK(expected[static_cast<std::size_t>(width)] == T{99});
  for (const Index workers : {2, 3, 7}) CHECK(all(workers) == expected);
}
