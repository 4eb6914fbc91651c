// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/attend.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/numeric/random.hpp>

using namespace octavo;

namespace {

/// Naive attention in long double, straight from the formula.
std::vector<long double> naive(const AttentionShape<double>& s, const std::vector<double>& q,
                               const std::vector<double>& k, const std::vector<double>& v) {
  const Index width = s.heads * s.head_width;
  std::vector<long double> o(q.size());
  const auto at = [width](Index row, Index column) {
    return static_cast<std::size_t>(row * width + column);
  };
  for (Index b = 0; b < s.sequences; ++b) {
    for (Index h = 0; h < s.heads; ++h) {
      for (Index i = 0; i < s.queries; ++i) {
        const Index visible = s.keys - s.queries + i + 1;
        std::vector<long double> p(static_cast<std::size_t>(visible));
        long double total = 0;
        for (Index j = 0; j < visible; ++j) {
          long double score = 0;
          for (Index c = 0; c < s.head_width; ++c) {
            score += static_cast<long double>(q[at(b * s.queries + i, h * s.head_width + c)]) *
                     k[at(b * s.keys + j, h * s.head_width + c)];
          }
          auto& e = p[static_cast<std::size_t>(j)];
          e = std::exp(score / std::sqrt(static_cast<long double>(s.head_width)));
          total += e;
        }
        for (Index j = 0; j < visible; ++j) {
          for (Index c = 0; c < s.head_width; ++c) {
            o[at(b * s.queries + i, h * s.head_width + c)] +=
                p[static_cast<std::size_t>(j)] / total *
                v[at(b * s.keys + j, h * s.head_width + c)];
          }
        }
      }
    }
  }
  return o;
}

std::vector<double> random_block(Index count, std::uint64_t seed) {
  const CounterRandom random(seed, RandomStream::initial_weights);
  std::vector<double> block(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = random.normal(i);
  return block;
}

}  // namespace

TEST_CASE("attention is the formula, for every tiling and with fewer queries than keys") {
  for (const AttentionShape<double>& shape :
       {AttentionShape<double>{1, 1, 1, 1, 3}, AttentionShape<double>{2, 7, 7, 2, 4},
        AttentionShape<double>{1, 33, 33, 3, 5}, AttentionShape<double>{2, 65, 65, 1, 16},
        AttentionShape<double>{1, 1, 40, 2, 8}, AttentionShape<double>{1, 34, 50, 2, 8}}) {
    const Index width = shape.heads * shape.head_width;
    const Index rows = shape.sequences * shape.queries;
    const Index key_rows = shape.sequences * shape.keys;
    const auto q = random_block(rows * width, 1);
    const auto k = random_block(key_rows * width, 2);
    const auto v = random_block(key_rows * width, 3);
    std::vector<double> o(q.size()), log_sum(static_cast<std::size_t>(rows * shape.heads));
    std::vector<double> scratch(static_cast<std::size_t>(shape.forward_scratch()));
    std::vector<double> panels(array_size(matmul_panel_elements<double>(256)));
    attend<double>(Worker{}, shape, {q.data(), rows, width}, {k.data(), key_rows, width},
                   {v.data(), key_rows, width}, MatrixView<double>(o.data(), rows, width),
                   log_sum.data(), scratch, panels);
    const auto expected = naive(shape, q, k, v);
    double worst = 0;
    for (std::size_t i = 0; i < o.size(); ++i) {
      worst = std::max(worst, static_cast<double>(std::abs(o[i] - expected[i])));
    }
    CHECK(worst < 1e-14);
  }
}

TEST_CASE("huge scores neither overflow nor lose the largest") {
  const AttentionShape<float> shape{1, 4, 4, 1, 2};
  const std::vector<float> q{1e18f, 0, 1e18f, 0, 1e18f, 0, -1e18f, 0};
  const std::vector<float> k{1, 0, 2, 0, 3, 0, 4, 0};
  const std::vector<float> v{1, 1, 2, 2, 3, 3, 4, 4};
  std::vector<float> o(8), log_sum(4), scratch(static_cast<std::size_t>(shape.forward_scratch()));
  std::vector<float> panels(array_size(matmul_panel_elements<float>(256)));
  attend<float>(Worker{}, shape, {q.data(), 4, 2}, {k.data(), 4, 2}, {v.data(), 4, 2},
                MatrixView<float>(o.data(), 4, 2), log_sum.data(), scratch, panels);
  CHECK(o == std::vector<float>{1, 1, 2, 2, 3, 3, 1, 1});
}
