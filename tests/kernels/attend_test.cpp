// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/attend.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/numeric/elementary.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

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
                     static_cast<long double>(k[at(b * s.keys + j, h * s.head_width + c)]);
          }
          auto& e = p[static_cast<std::size_t>(j)];
          e = std::exp(score / std::sqrt(static_cast<long double>(s.head_width)));
          total += e;
        }
        for (Index j = 0; j < visible; ++j) {
          for (Index c = 0; c < s.head_width; ++c) {
            o[at(b * s.queries + i, h * s.head_width + c)] +=
                p[static_cast<std::size_t>(j)] / total *
                static_cast<long double>(v[at(b * s.keys + j, h * s.head_width + c)]);
          }
        }
      }
    }
  }
  return o;
}

/// One head of one sequence, [length, width] each, with its gradients.
template <typename T>
struct Head {
  Index length, width;
  std::vector<T> q, k, v, d_o, o, logsumexp, dq, dk, dv;

  template <Scalar From>
  static Head random(Index length, Index width) {
    Head head{length, width, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    std::vector<T>* const drawn[] = {&head.q, &head.k, &head.v, &head.d_o};
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const std::vector<From> block = random_block<From>(length * width, seed + 5);
      drawn[seed]->assign(block.begin(), block.end());
    }
    return head;
  }

  std::size_t at(Index row, Index column) const {
    return static_cast<std::size_t>(row * width + column);
  }

  /// By the library.
  void compute() {
    const AttentionShape<T> shape{1, length, length, 1, width};
    const auto view = [&](std::vector<T>& x) { return MatrixView<T>(x.data(), length, width); };
    std::vector<T> scratch(static_cast<std::size_t>(shape.backward_scratch()));
    std::vector<T> pack_buffer(array_size(pack_buffer_elements<T>(256)));
    o.resize(q.size());
    logsumexp.resize(static_cast<std::size_t>(length));
    dq = q, dk = k, dv = v;
    attend<T>(Worker{}, shape, view(q), view(k), view(v), view(o), logsumexp.data(), scratch,
              pack_buffer);
    attend_backward<T>(Worker{}, shape, view(dq), view(dk), view(dv), view(o), view(d_o),
                       logsumexp.data(), scratch, pack_buffer);
  }
};

/// The arithmetic that attend.hpp states, number by number: what the library must match to the bit.
/// Products are chains of fused multiply-adds in the order of their index; sums along a row go by
/// sixteen lanes, which are added at the end.
template <Scalar T>
void follow(Head<T>& h) {
  using P = OCTAVO_BASE_ISA::Pack<T>;
  const T scale = T{1} / std::sqrt(static_cast<T>(h.width));
  const auto exponential = [](T x) {
    T lanes[16];
    exp(P::broadcast(x)).store(lanes);
    return lanes[0];
  };
  const auto dot = [&](const std::vector<T>& a, Index i, const std::vector<T>& b, Index j) {
    T chain = 0;
    for (Index c = 0; c < h.width; ++c) chain = std::fma(a[h.at(i, c)], b[h.at(j, c)], chain);
    return chain;
  };
  const auto add = [&](std::vector<T>& to, Index i, T factor, const std::vector<T>& x, Index j) {
    for (Index c = 0; c < h.width; ++c) {
      to[h.at(i, c)] = std::fma(factor, x[h.at(j, c)], to[h.at(i, c)]);
    }
  };
  h.o.assign(h.q.size(), 0), h.dq = h.dk = h.dv = h.o;
  h.logsumexp.assign(static_cast<std::size_t>(h.length), 0);
  for (Index i = 0; i < h.length; ++i) {
    std::vector<T> score(static_cast<std::size_t>(i + 1));
    for (Index j = 0; j <= i; ++j) score[static_cast<std::size_t>(j)] = dot(h.q, i, h.k, j);
    const T top = *std::max_element(score.begin(), score.end());
    T lanes[16] = {}, products[16] = {};
    for (Index j = 0; j <= i; ++j) {
      const T e = exponential((score[static_cast<std::size_t>(j)] - top) * scale);
      lanes[j % 16] += e;
      add(h.o, i, e, h.v, j);
    }
    const T total = sum(P::load(lanes));
    const T logsumexp = h.logsumexp[static_cast<std::size_t>(i)] =
        std::fma(top, scale, OCTAVO_BASE_ISA::logarithm(total));
    for (Index c = 0; c < h.width; ++c) {
      h.o[h.at(i, c)] *= T{1} / total;
      products[c % 16] = std::fma(h.d_o[h.at(i, c)], h.o[h.at(i, c)], products[c % 16]);
    }
    const T delta = sum(P::load(products));
    for (Index j = 0; j <= i; ++j) {
      const T exponent = std::fma(score[static_cast<std::size_t>(j)], scale, -logsumexp);
      const T p = exponential(std::min(exponent, T{0}));
      const T ds = p * (dot(h.d_o, i, h.v, j) - delta) * scale;
      add(h.dv, j, p, h.d_o, i);
      add(h.dk, j, ds, h.q, i);
      add(h.dq, i, ds, h.k, j);
    }
  }
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
    const auto q = random_block<double>(rows * width, 1);
    const auto k = random_block<double>(key_rows * width, 2);
    const auto v = random_block<double>(key_rows * width, 3);
    std::vector<double> o(q.size()), logsumexp(static_cast<std::size_t>(rows * shape.heads));
    std::vector<double> scratch(static_cast<std::size_t>(shape.forward_scratch()));
    std::vector<double> pack_buffer(array_size(pack_buffer_elements<double>(256)));
    attend<double>(Worker{}, shape, {q.data(), rows, width}, {k.data(), key_rows, width},
                   {v.data(), key_rows, width}, MatrixView<double>(o.data(), rows, width),
                   logsumexp.data(), scratch, pack_buffer);
    const auto expected = naive(shape, q, k, v);
    double worst = 0;
    for (std::size_t i = 0; i < o.size(); ++i) {
      worst = std::max(worst,
                       static_cast<double>(std::abs(static_cast<long double>(o[i]) - expected[i])));
    }
    CHECK(worst < 1e-14);
  }
}

TEST_CASE("huge scores neither overflow nor lose the largest") {
  const AttentionShape<float> shape{1, 4, 4, 1, 2};
  const std::vector<float> q{1e18f, 0, 1e18f, 0, 1e18f, 0, -1e18f, 0};
  const std::vector<float> k{1, 0, 2, 0, 3, 0, 4, 0};
  const std::vector<float> v{1, 1, 2, 2, 3, 3, 4, 4};
  std::vector<float> o(8), logsumexp(4), scratch(static_cast<std::size_t>(shape.forward_scratch()));
  std::vector<float> pack_buffer(array_size(pack_buffer_elements<float>(256)));
  attend<float>(Worker{}, shape, {q.data(), 4, 2}, {k.data(), 4, 2}, {v.data(), 4, 2},
                MatrixView<float>(o.data(), 4, 2), logsumexp.data(), scratch, pack_buffer);
  CHECK(o == std::vector<float>{1, 1, 2, 2, 3, 3, 1, 1});
}

TEST_CASE_TEMPLATE("every number is its chain of fused multiply-adds, to the last bit", T, float,
                   double) {
  for (const Index length : {1, 2, 17, 33, 70}) {
    for (const Index width : {1, 3, 16, 35}) {
      auto head = Head<T>::template random<T>(length, width);
      auto chains = head;
      head.compute();
      follow(chains);
      INFO("length ", length, ", width ", width);
      CHECK(head.o == chains.o);
      CHECK(head.logsumexp == chains.logsumexp);
      CHECK(head.dq == chains.dq);
      CHECK(head.dk == chains.dk);
      CHECK(head.dv == chains.dv);
    }
  }
}

TEST_CASE_TEMPLATE("no probability exceeds 1, however the log-sum-exp was rounded", T, float,
                   double) {
  // A query that sees one key gives it all. Its scaled score is large, so that the rounded
  // log-sum-exp lies up to 4 (float) beside it, half of the time below.
  const T scale = T{1} / std::sqrt(T{3});
  const T size = std::ldexp(T{1}, std::numeric_limits<T>::digits + 3);
  int below = 0;
  for (int i = 0; i < 40; ++i) {
    const T score = size + size * static_cast<T>(i) / 64;
    Head<T> head{1, 3, {score, 0, 0}, {1, 0, 0}, {1, 1, 1}, {1, 2, 3}, {}, {}, {}, {}, {}};
    head.compute();
    below += std::fma(score, scale, -head.logsumexp[0]) > T(0.5);
    for (std::size_t c = 0; c < 3; ++c) CHECK(head.dv[c] <= head.d_o[c]);
  }
  CHECK(below > 5);
}

TEST_CASE_TEMPLATE("a window's queries have the same bits alone and in a tile", T, float, double) {
  constexpr Index length = 75, width = 5;
  const auto q = random_block<T>(length * width, 1), k = random_block<T>(length * width, 2),
             v = random_block<T>(length * width, 3);
  std::vector<T> pack_buffer(array_size(pack_buffer_elements<T>(256)));
  for (const Index window : {1, 7, 16, 40, 90}) {
    const auto run = [&](Index first, Index count) {
      const AttentionShape<T> shape{.queries = count,
                                    .keys = first + count,
                                    .head_width = width,
                                    .window = window,
                                    .cap = 0.5};
      std::vector<T> o(array_size(count * width)), scratch(array_size(shape.forward_scratch()));
      attend<T>(Worker{}, shape, {q.data() + first * width, count, width},
                {k.data(), first + count, width}, {v.data(), first + count, width},
                MatrixView<T>(o.data(), count, width), nullptr, scratch, pack_buffer);
      return o;
    };
    const std::vector<T> whole = run(0, length);
    for (Index i = 0; i < length; ++i) {
      const auto begin = whole.begin() + i * width;
      CHECK(run(i, 1) == std::vector<T>(begin, begin + width));
    }
    for (const Index first : {14, 30, 31, 33}) {  // tiles that begin anywhere
      CHECK(run(first, length - first) ==
            std::vector<T>(whole.begin() + first * width, whole.end()));
    }
  }
}

TEST_CASE_TEMPLATE("a window's queries have the same bits if keys before it are missing", T, float,
                   double) {
  constexpr Index length = 75, width = 5;
  const auto q = random_block<T>(length * width, 1), k = random_block<T>(length * width, 2),
             v = random_block<T>(length * width, 3);
  std::vector<T> pack_buffer(array_size(pack_buffer_elements<T>(256)));
  for (const Index window : {1, 7, 16, 20, 40}) {
    // The queries from `first` on, with the keys from `begin` on.
    const auto run = [&](Index begin, Index first) {
      const Index keys = length - begin, queries = length - first;
      const AttentionShape<T> shape{
          .queries = queries, .keys = keys, .head_width = width, .window = window};
      std::vector<T> o(array_size(queries * width)), scratch(array_size(shape.forward_scratch()));
      attend<T>(Worker{}, shape, {q.data() + first * width, queries, width},
                {k.data() + begin * width, keys, width}, {v.data() + begin * width, keys, width},
                MatrixView<T>(o.data(), queries, width), nullptr, scratch, pack_buffer);
      return o;
    };
    for (const Index first : {40, 57, 74}) {
      const std::vector<T> expected = run(0, first);
      for (Index begin = 1; begin <= first - window + 1; ++begin) {
        CHECK(run(begin, first) == expected);
      }
    }
  }
}
