// SPDX-License-Identifier: MIT
// Attention backward: several sequences and heads, as they lie in a model.
#include <algorithm>
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
  Index kv_width = shape.key_heads() * shape.head_width;
  Index columns = width + 2 * kv_width;
  Index rows = shape.sequences * shape.keys;
  std::vector<T> qkv = random_block<T>(rows * (columns + gap), 1);
  std::vector<T> o = random_block<T>(rows * (width + gap), 2);
  std::vector<T> d_o = random_block<T>(rows * (width + gap), 3);
  std::vector<T> logsumexp = std::vector<T>(static_cast<std::size_t>(rows * shape.heads));

  explicit Attention(const AttentionShape<T>& of) : shape(of) {}
  Attention(Index sequences, Index length, Index heads, Index head_width)
      : Attention(AttentionShape<T>{sequences, length, length, heads, head_width}) {}

  /// Queries (0), keys (1) or values (2).
  MatrixView<T> part(Index which) {
    const MatrixView<T> all(qkv.data(), rows, columns, columns + gap);
    if (which == 0) return all.block(0, rows, 0, width);
    return all.block(0, rows, width + (which - 1) * kv_width, kv_width);
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
  const MatrixView<long double> all(exact.qkv.data(), a.rows, a.columns, a.columns + a.gap);
  const MatrixView<long double> dq = all.block(0, a.rows, 0, a.width),
                                dk = all.block(0, a.rows, a.width, a.kv_width),
                                dv = all.block(0, a.rows, a.width + a.kv_width, a.kv_width);
  for (Index i = 0; i < a.rows; ++i) std::fill_n(all.row(i), a.columns, 0.0L);
  const auto wide = [](MatrixView<double> x, Index i, Index j) {
    return static_cast<long double>(x(i, j));
  };
  const Index d = a.shape.head_width, length = a.shape.keys;
  const long double scale = a.shape.scale != 0 ? static_cast<long double>(a.shape.scale)
                                               : 1 / std::sqrt(static_cast<long double>(d));
  const auto cap = static_cast<long double>(a.shape.cap);
  for (Index first = 0; first < a.rows; first += length) {
    for (Index h = 0; h < a.shape.heads; ++h) {
      const Index shared = h / (a.shape.heads / a.shape.key_heads()) * d;  // its keys' columns
      for (Index i = first; i < first + length; ++i) {
        const Index begin = a.shape.window == 0 ? first : std::max(first, i - a.shape.window + 1);
        std::vector<long double> p(static_cast<std::size_t>(i - begin + 1)), dp = p, slope = p;
        long double total = 0, mean = 0;
        for (std::size_t j = 0; j < p.size(); ++j) {
          const Index key = begin + static_cast<Index>(j);
          for (Index c = 0; c < d; ++c) {
            p[j] += wide(a.part(0), i, h * d + c) * wide(a.part(1), key, shared + c) * scale;
            dp[j] += wide(a.view(a.d_o), i, h * d + c) * wide(a.part(2), key, shared + c);
          }
          slope[j] = 1;
          if (cap != 0) {
            p[j] = cap * std::tanh(p[j] / cap);
            slope[j] = 1 - p[j] / cap * (p[j] / cap);
          }
          total += p[j] = std::exp(p[j]);
        }
        exact.logsumexp[static_cast<std::size_t>(i * a.shape.heads + h)] = std::log(total);
        for (std::size_t j = 0; j < p.size(); ++j) mean += (p[j] /= total) * dp[j];
        for (std::size_t j = 0; j < p.size(); ++j) {
          const Index key = begin + static_cast<Index>(j);
          const long double ds = p[j] * (dp[j] - mean) * slope[j] * scale;
          for (Index c = 0; c < d; ++c) {
            dq(i, h * d + c) += ds * wide(a.part(1), key, shared + c);
            dk(key, shared + c) += ds * wide(a.part(0), i, h * d + c);
            dv(key, shared + c) += p[j] * wide(a.view(a.d_o), i, h * d + c);
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

/// Shapes with shared keys and values, windows, a scale and a cap.
const std::vector<AttentionShape<double>> other_kinds{
    {.sequences = 2, .queries = 9, .keys = 9, .heads = 4, .head_width = 3, .kv_heads = 2},
    {.sequences = 1, .queries = 40, .keys = 40, .heads = 3, .head_width = 5, .kv_heads = 1},
    {.sequences = 2, .queries = 70, .keys = 70, .heads = 2, .head_width = 4, .window = 5},
    {.sequences = 1, .queries = 70, .keys = 70, .heads = 1, .head_width = 4, .window = 1},
    {.sequences = 1, .queries = 90, .keys = 90, .heads = 2, .head_width = 4, .window = 33},
    {.sequences = 1, .queries = 20, .keys = 20, .heads = 2, .head_width = 4, .window = 50},
    {.sequences = 1, .queries = 35, .keys = 35, .heads = 2, .head_width = 4, .scale = 0.8},
    {.sequences = 1, .queries = 35, .keys = 35, .heads = 2, .head_width = 4, .cap = 0.7},
    {.sequences = 2,
     .queries = 66,
     .keys = 66,
     .heads = 6,
     .head_width = 5,
     .kv_heads = 3,
     .window = 20,
     .scale = 1.5,
     .cap = 2}};

TEST_CASE("shared keys and values, windows, scale and cap: the gradients are the formula's") {
  for (const AttentionShape<double>& shape : other_kinds) {
    Attention<double> attention(shape);
    ThreadPool alone(1);
    const Exact exact = differentiate(attention);
    attention.forward(alone);
    attention.backward(alone);
    INFO("length ", shape.keys, ", window ", shape.window, ", cap ", shape.cap);
    CHECK(distance(attention.logsumexp, exact.logsumexp) < 1e-13);
    CHECK(distance(attention.qkv, exact.qkv) < 1e-13);
  }
}

TEST_CASE("of those kinds too the gradients are the quotients of small differences") {
  ThreadPool alone(1);
  const AttentionShape<double> all_in_one{.sequences = 1,
                                          .queries = 34,
                                          .keys = 34,
                                          .heads = 2,
                                          .head_width = 2,
                                          .kv_heads = 1,
                                          .window = 5,
                                          .scale = 1.5,
                                          .cap = 2};
  for (const AttentionShape<double>& shape : {other_kinds[0], all_in_one}) {
    Attention<double> attention(shape);
    const auto quotients = central_differences(attention.qkv, 1e-5, [&] {
      attention.forward(alone);
      return weighted_sum(attention.d_o, attention.o);
    });
    attention.forward(alone);
    attention.backward(alone);
    const Index stride = attention.columns + Attention<double>::gap;
    double worst = 0;
    for (std::size_t i = 0; i < quotients.size(); ++i) {
      const bool outside = static_cast<Index>(i) % stride >= attention.columns;
      if (!outside) worst = std::max(worst, distance(attention.qkv[i], quotients[i]));
    }
    INFO("length ", shape.keys, ", window ", shape.window, ", cap ", shape.cap);
    CHECK(worst < 1e-8);
  }
}

TEST_CASE("of those kinds too the bits do not depend on the workers") {
  for (const AttentionShape<double>& shape : other_kinds) {
    ThreadPool alone(1);
    Attention<double> expected(shape);
    expected.forward(alone);
    const auto o = expected.o;
    expected.backward(alone);
    for (const Index workers : {2, 3, 5}) {
      ThreadPool threads(workers);
      Attention<double> attention(shape);
      attention.forward(threads);
      CHECK(attention.o == o);
      attention.backward(threads);
      INFO("window ", shape.window, ", workers ", workers);
      CHECK(attention.qkv == expected.qkv);
    }
  }
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
    const Index stride = attention.columns + Attention<double>::gap;
    double worst = 0;
    for (std::size_t i = 0; i < quotients.size(); ++i) {
      const bool outside = static_cast<Index>(i) % stride >= attention.columns;
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
