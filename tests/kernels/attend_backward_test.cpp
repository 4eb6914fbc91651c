// SPDX-License-Identifier: MIT
// Attention backward: several sequences and heads, as they lie in a model.
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/attend.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

namespace {

/// Attention over `sequences` of `length` rows each. Queries, keys and values lie side by side in
/// the rows of qkv, as in a model; outputs and their gradients lie apart, by `gap` numbers that
/// nothing may touch.
template <Scalar T>
struct Attention {
  static constexpr Index gap = 3;

  AttentionShape<T> shape;
  Index width = shape.heads * shape.head_width;
  Index rows = shape.sequences * shape.keys;
  std::vector<T> qkv = random_block<T>(rows * (3 * width + gap), 1);
  std::vector<T> o = random_block<T>(rows * (width + gap), 2);
  std::vector<T> d_o = random_block<T>(rows * (width + gap), 3);
  std::vector<T> logsumexp = std::vector<T>(static_cast<std::size_t>(rows * shape.heads));

  Attention(Index sequences, Index length, Index heads, Index head_width)
      : shape{sequences, length, length, heads, head_width} {}

  /// Queries (0), keys (1) or values (2).
  MatrixView<T> part(Index which) {
    return MatrixView<T>(qkv.data(), rows, 3 * width, 3 * width + gap)
        .block(0, rows, which * width, width);
  }
  MatrixView<T> view(std::vector<T>& numbers) const {
    return {numbers.data(), rows, width, width + gap};
  }

  void forward(ThreadPool& threads) {
    std::vector<T> scratch(static_cast<std::size_t>(threads.size() * shape.forward_scratch()));
    std::vector<T> pack_buffer(
        static_cast<std::size_t>(threads.size() * pack_buffer_elements<T>(256)));
    threads.run([&](const Worker& worker) {
      attend<T>(worker, shape, part(0), part(1), part(2), view(o), logsumexp.data(), scratch,
                pack_buffer);
    });
  }

  /// The gradients of q, k and v overwrite q, k and v.
  void backward(ThreadPool& threads) {
    std::vector<T> scratch(static_cast<std::size_t>(threads.size() * shape.backward_scratch()));
    std::vector<T> pack_buffer(
        static_cast<std::size_t>(threads.size() * pack_buffer_elements<T>(256)));
    threads.run([&](const Worker& worker) {
      attend_backward<T>(worker, shape, part(0), part(1), part(2), view(o), view(d_o),
                         logsumexp.data(), scratch, pack_buffer);
    });
  }
};

/// What forward and backward must leave, by the formulas in long double.
struct Exact {
  std::vector<long double> qkv, logsumexp;
};

/// The derivatives as they stand in textbooks, with all probabilities in memory:
/// dS = P (dP - sum P dP) scale.
Exact differentiate(Attention<double> a) {
  Exact exact{{a.qkv.begin(), a.qkv.end()}, {}};
  exact.logsumexp.resize(a.logsumexp.size());
  const MatrixView<long double> all(exact.qkv.data(), a.rows, 3 * a.width, 3 * a.width + a.gap);
  const MatrixView<long double> dq = all.block(0, a.rows, 0, a.width),
                                dk = all.block(0, a.rows, a.width, a.width),
                                dv = all.block(0, a.rows, 2 * a.width, a.width);
  for (Index i = 0; i < a.rows; ++i) std::fill_n(all.row(i), 3 * a.width, 0.0L);
  const auto wide = [](MatrixView<double> x, Index i, Index j) {
    return static_cast<long double>(x(i, j));
  };
  const Index d = a.shape.head_width, length = a.shape.keys;
  const long double scale = 1 / std::sqrt(static_cast<long double>(d));
  for (Index first = 0; first < a.rows; first += length) {
    for (Index h = 0; h < a.shape.heads; ++h) {
      for (Index i = first; i < first + length; ++i) {
        std::vector<long double> p(static_cast<std::size_t>(i - first + 1)), dp = p;
        long double total = 0, mean = 0;
        for (std::size_t j = 0; j < p.size(); ++j) {
          const Index key = first + static_cast<Index>(j);
          for (Index c = h * d; c < (h + 1) * d; ++c) {
            p[j] += wide(a.part(0), i, c) * wide(a.part(1), key, c) * scale;
            dp[j] += wide(a.view(a.d_o), i, c) * wide(a.part(2), key, c);
          }
          total += p[j] = std::exp(p[j]);
        }
        exact.logsumexp[static_cast<std::size_t>(i * a.shape.heads + h)] = std::log(total);
        for (std::size_t j = 0; j < p.size(); ++j) mean += (p[j] /= total) * dp[j];
        for (std::size_t j = 0; j < p.size(); ++j) {
          const Index key = first + static_cast<Index>(j);
          const long double ds = p[j] * (dp[j] - mean) * scale;
          for (Index c = h * d; c < (h + 1) * d; ++c) {
            dq(i, c) += ds * wide(a.part(1), key, c);
            dk(key, c) += ds * wide(a.part(0), i, c);
            dv(key, c) += p[j] * wide(a.view(a.d_o), i, c);
          }
        }
      }
    }
  }
  return exact;
}

}  // namespace

TEST_CASE("the gradients and the log-sum-exp are those of the formula") {
  const auto check = [](Attention<double> attention) {
    ThreadPool alone(1);
    const Exact exact = differentiate(attention);
    attention.forward(alone);
    const auto o = attention.o, d_o = attention.d_o;
    attention.backward(alone);
    INFO("sequences ", attention.shape.sequences, ", length ", attention.shape.keys, ", heads ",
         attention.shape.heads, ", width of a head ", attention.shape.head_width);
    CHECK(distance(attention.logsumexp, exact.logsumexp) < 1e-13);
    CHECK(distance(attention.qkv, exact.qkv) < 1e-13);
    CHECK(attention.o == o);
    CHECK(attention.d_o == d_o);
  };
  // A tile has 32 rows of queries.
  for (const Index length : {1, 2, 31, 33, 70}) {
    for (const Index head_width : {1, 5, 16, 24}) check({1, length, 1, head_width});
  }
  for (const Index length : {1, 5, 32, 33, 64, 65}) check({3, length, 2, 5});
  check({2, 40, 5, 8});
}

TEST_CASE("the gradients are the quotients of small differences") {
  ThreadPool alone(1);
  for (const Index length : {3, 34}) {
    Attention<double> attention(2, length, 2, 3);
    const auto quotients = central_differences(attention.qkv, 1e-5, [&] {
      attention.forward(alone);
      return weighted_sum(attention.d_o, attention.o);
    });
    attention.forward(alone);
    attention.backward(alone);
    const Index stride = 3 * attention.width + Attention<double>::gap;
    double worst = 0;
    for (std::size_t i = 0; i < quotients.size(); ++i) {
      const bool outside = static_cast<Index>(i) % stride >= 3 * attention.width;
      if (!outside) worst = std::max(worst, distance(attention.qkv[i], quotients[i]));
    }
    INFO("length ", length);
    CHECK(worst < 1e-8);
  }
}

TEST_CASE_TEMPLATE("however many workers: the same bits", T, float, double) {
  for (const Index length : {1, 31, 32, 33, 70}) {
    ThreadPool alone(1);
    Attention<T> expected(3, length, 2, 5);
    expected.forward(alone);
    const auto o = expected.o;
    expected.backward(alone);
    for (const Index workers : {2, 3, 4, 6, 9}) {
      ThreadPool threads(workers);
      Attention<T> attention(3, length, 2, 5);
      attention.forward(threads);
      CHECK(attention.o == o);
      CHECK(attention.logsumexp == expected.logsumexp);
      attention.backward(threads);
      INFO("length ", length, ", workers ", workers);
      CHECK(attention.qkv == expected.qkv);
    }
  }
}
