// SPDX-License-Identifier: MIT
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/causal_self_attention.hpp>

#include "layers/bench.hpp"
#include "layers/layer_gradients.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr Index width = 6, heads = 2;

Bench<CausalSelfAttention<double>> attention(const PassShape& shape) {
  return Bench<CausalSelfAttention<double>>(
      [](const Builder<double>& builder) {
        return CausalSelfAttention<double>(builder, width, AttentionConfig{.heads = heads});
      },
      shape);
}

/// x [rows, in] times a weight [in, out] plus a bias [out].
std::vector<double> projected(const std::vector<double>& x, const std::vector<double>& w,
                              const std::vector<double>& b) {
  const std::size_t in = w.size() / b.size(), rows = x.size() / in;
  std::vector<double> y(rows * b.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      y[i * b.size() + j] = b[j];
      for (std::size_t k = 0; k < in; ++k) {
        y[i * b.size() + j] += x[i * in + k] * w[k * b.size() + j];
      }
    }
  }
  return y;
}

/// Attention by its definition, a sequence at a time.
std::vector<double> naive(const Bench<CausalSelfAttention<double>>& bench,
                          const std::vector<double>& x, std::size_t sequence) {
  const auto qkv = projected(x, bench.weight("qkv.weight"), bench.weight("qkv.bias"));
  const std::size_t rows = x.size() / width, head_width = width / heads;
  std::vector<double> o(x.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t head = 0; head < heads; ++head) {
      const auto number = [&](std::size_t row, std::size_t which, std::size_t j) {
        return qkv[row * 3 * width + which * width + head * head_width + j];
      };
      std::vector<double> weights;
      double total = 0;
      const std::size_t first = i / sequence * sequence;
      for (std::size_t past = first; past <= i; ++past) {
        double score = 0;
        for (std::size_t j = 0; j < head_width; ++j) score += number(i, 0, j) * number(past, 1, j);
        weights.push_back(std::exp(score / std::sqrt(static_cast<double>(head_width))));
        total += weights.back();
      }
      for (std::size_t past = first; past <= i; ++past) {
        for (std::size_t j = 0; j < head_width; ++j) {
          o[i * width + head * head_width + j] +=
              weights[past - first] / total * number(past, 2, j);
        }
      }
    }
  }
  return projected(o, bench.weight("output.weight"), bench.weight("output.bias"));
}

}  // namespace

TEST_CASE("causal self-attention: gradients") {
  enrol_all<CausalSelfAttention<double>>({12}, 12, AttentionConfig{.heads = 3});
  enrol_all<CausalSelfAttention<double>>({10}, 10, AttentionConfig{.heads = 1, .bias = false});
  enrol_all<CausalSelfAttention<double>>({8}, 8, AttentionConfig{.heads = 4});
}

TEST_CASE("causal self-attention: gradients over several tiles of queries") {
  const auto make = [](const Builder<double>& builder) {
    return CausalSelfAttention<double>(builder, 6, AttentionConfig{.heads = 2});
  };
  const auto result = check_gradients(make, {.sequences = 1, .sequence = 70, .width = 6});
  INFO(result.failures());
  CHECK(result.passed());
}

TEST_CASE("causal self-attention: each position sees its sequence up to itself") {
  for (const Index sequence : {1, 5, 70}) {
    auto bench = attention({.sequences = 2, .sequence = sequence});
    std::vector<double> x = random_numbers(2 * sequence * width, 2), y(x.size(), 99);
    bench.layer.forward(bench.forward_pass(), matrix_of(x, width), matrix_of(y, width));
    const auto expected = naive(bench, x, static_cast<std::size_t>(sequence));
    for (std::size_t i = 0; i < y.size(); ++i) {
      CHECK(y[i] == doctest::Approx(expected[i]).epsilon(1e-9));
    }
  }
}

TEST_CASE("causal self-attention: a cache gives the bits of the whole sequence, however it grows") {
  constexpr Index length = 9;
  auto whole = attention({.sequences = 1, .sequence = length, .training = false});
  std::vector<double> x = random_numbers(length * width, 2), expected(x.size());
  whole.layer.forward(whole.forward_pass(), matrix_of(x, width), matrix_of(expected, width));
  for (const std::vector<Index>& pieces :
       {std::vector<Index>{9}, {4, 5}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {7, 1, 1}}) {
    std::vector<double> memory(
        static_cast<std::size_t>(KeyValueCaches<double>::elements(1, 1, length, width)));
    const KeyValueCaches<double> caches(memory.data(), 1, length, width);
    std::vector<double> y(x.size(), 99);
    Index past = 0;
    for (const Index count : pieces) {
      const std::array parts{CachedRows{0, past, count}};
      const CachedSequences<double> cached{caches, parts};
      Pass<double> pass = whole.forward_pass();
      pass.rows.sequence = count;
      pass.rows.cached = &cached;
      whole.layer.forward(pass, matrix_of(x, width).row_block(past, count),
                          matrix_of(y, width).row_block(past, count));
      past += count;
    }
    CHECK(y == expected);
  }
}

TEST_CASE("causal self-attention: sequences of one pass go on with a cache each") {
  constexpr Index length = 5;
  auto bench = attention({.sequences = 1, .sequence = length, .training = false});
  std::vector<double> a = random_numbers(2 * width, 2), b = random_numbers(3 * width, 3);
  std::vector<double> memory(
      static_cast<std::size_t>(KeyValueCaches<double>::elements(2, 1, length, width)));
  const KeyValueCaches<double> caches(memory.data(), 1, length, width);
  const auto run = [&](std::vector<double> x, std::span<const CachedRows> parts) {
    const CachedSequences<double> cached{caches, parts};
    Pass<double> pass = bench.forward_pass();
    pass.rows.sequence = static_cast<Index>(x.size()) / width;
    pass.rows.cached = &cached;
    std::vector<double> y(x.size());
    bench.layer.forward(pass, matrix_of(x, width), matrix_of(y, width));
    return y;
  };
  std::vector<double> together = a;
  together.insert(together.end(), b.begin(), b.end());
  const std::array parts{CachedRows{1, 0, 2}, CachedRows{0, 0, 3}};
  const auto y = run(together, parts);
  const std::array alone{CachedRows{0, 0, 2}}, other{CachedRows{1, 0, 3}};
  CHECK(run(a, alone) == std::vector<double>(y.begin(), y.begin() + 2 * width));
  CHECK(run(b, other) == std::vector<double>(y.begin() + 2 * width, y.end()));
}

TEST_CASE("causal self-attention: a cache of a window gives the bits of the whole sequence") {
  constexpr Index length = 100;
  for (const Index window : {1, 7, 40}) {
    const AttentionConfig config{.heads = heads, .window = window};
    Bench<CausalSelfAttention<double>> whole(
        [&](const Builder<double>& builder) {
          return CausalSelfAttention<double>(builder, width, config);
        },
        {.sequences = 1, .sequence = length, .training = false});
    std::vector<double> x = random_numbers(length * width, 2), expected(x.size());
    whole.layer.forward(whole.forward_pass(), matrix_of(x, width), matrix_of(expected, width));
    for (const std::vector<Index>& pieces :
         {std::vector<Index>{100}, {31, 2, 30, 37}, {64, 1, 35}, std::vector<Index>(100, 1)}) {
      const Index count = KeyValueCaches<double>::elements(1, 1, length, width, config);
      CHECK(count == 2 * (window - 1 + 32) * width);
      std::vector<double> memory(static_cast<std::size_t>(count));
      const KeyValueCaches<double> caches(memory.data(), 1, length, width, config);
      std::vector<double> y(x.size(), 99);
      Index past = 0;
      for (const Index rows : pieces) {
        const std::array parts{CachedRows{0, past, rows}};
        const CachedSequences<double> cached{caches, parts};
        Pass<double> pass = whole.forward_pass();
        pass.rows.sequence = rows;
        pass.rows.cached = &cached;
        whole.layer.forward(pass, matrix_of(x, width).row_block(past, rows),
                            matrix_of(y, width).row_block(past, rows));
        past += rows;
      }
      CHECK(y == expected);
    }
  }
}

TEST_CASE("causal self-attention: a cache of another window is refused") {
  auto bench = attention({.sequences = 1, .sequence = 1, .training = false});  // sees all
  for (const Index window : {0, 7}) {
    const AttentionConfig config{.heads = heads, .window = window};
    std::vector<double> memory(
        static_cast<std::size_t>(KeyValueCaches<double>::elements(1, 1, 100, width, config)));
    const std::array parts{CachedRows{}};
    const CachedSequences<double> cached{{memory.data(), 1, 100, width, config}, parts};
    Pass<double> pass = bench.forward_pass();
    pass.rows.cached = &cached;
    std::vector<double> x(width), y(width);
    const auto run = [&] { bench.layer.forward(pass, matrix_of(x, width), matrix_of(y, width)); };
    if (window == 0) {
      CHECK_NOTHROW(run());
    } else {
      CHECK_THROWS_AS(run(), ConfigError);
    }
  }
}

TEST_CASE("causal self-attention: heads divide the width") {
  ParameterTable table;
  MemoryPlan plan;
  const Builder<double> builder(table, plan, {}, {});
  CHECK_THROWS_WITH_AS(CausalSelfAttention<double>(builder, 6, AttentionConfig{.heads = 4}),
                       "width 6 is not a multiple of heads 4", ConfigError);
  CHECK_THROWS_AS(CausalSelfAttention<double>(builder / "a", 6, AttentionConfig{.heads = 0}),
                  ConfigError);
  CHECK_THROWS_AS(CausalSelfAttention<double>(builder / "b", 6, AttentionConfig{.heads = -2}),
                  ConfigError);
}

TEST_CASE("causal self-attention: its tensors have GPT-2's names") {
  const auto bench = attention({});
  REQUIRE(bench.parameters.size() == 4);
  CHECK(bench.parameters[0].name == "qkv.weight");
  CHECK(bench.parameters[0].columns == 3 * width);
  CHECK(bench.parameters[1].name == "qkv.bias");
  CHECK(bench.parameters[2].name == "output.weight");
  CHECK(bench.parameters[2].initial == InitialValue::normal_residual);
  CHECK(bench.parameters[3].name == "output.bias");
}
