// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/causal_self_attention.hpp>
#include <octavo/layers/feed_forward.hpp>
#include <octavo/layers/linear.hpp>

#include "layers/bench.hpp"
#include "layers/layer_gradients.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// L(builder, arguments...) with adapters.
template <Layer L, typename... Arguments>
void enrol_adapted(const LoraConfig& lora, Widths widths, Arguments... arguments) {
  const auto make = [=, &lora](const Builder<double>& builder) {
    return L(builder.with_adapters(lora) / "attention" / "qkv", arguments...);
  };
  enrol(make, widths);
  enrol_bits(make, widths);
}

constexpr MapColumns three{5, 3, 4};

Bench<Linear<double>> adapted(const LoraConfig& lora, const MapColumns& outs) {
  return Bench<Linear<double>>(
      [&](const Builder<double>& builder) {
        return Linear<double>(builder.with_adapters(lora) / "attention" / "qkv", 7, outs);
      },
      {.sequences = 2, .sequence = 3});
}

}  // namespace

TEST_CASE("low-rank adapter: gradients") {
  enrol_adapted<Linear<double>>({.rank = 2, .alpha = 3}, {7, 9}, 7, 9, true);
  enrol_adapted<Linear<double>>({.rank = 2}, {7, 12}, 7, three, false);
  enrol_adapted<Linear<double>>({.rank = 3, .alpha = 5, .rank_stable = true, .dropout = 0.25},
                                {7, 12}, 7, three, true);
  enrol_adapted<Linear<double>>({.rank = 1, .dropout = 0.5, .targets = "q_proj,v_proj"}, {7, 12}, 7,
                                three, true);
  enrol_adapted<Linear<double>>({.rank = 4, .targets = "v_proj"}, {7, 12}, 7, three, true);
}

TEST_CASE("low-rank adapter: gradients of attention and feed-forward part") {
  const LoraConfig lora{.rank = 2, .alpha = 3, .dropout = 0.1};
  enrol_adapted<CausalSelfAttention<double>>(
      lora, {12}, 12, AttentionConfig{.heads = 4, .kv_heads = 2, .qk_norm = true}, PositionConfig{},
      NormConfig{.bias = false});
  for (const bool gated : {false, true}) {
    enrol_adapted<FeedForward<double>>(
        lora, {6}, 6,
        FeedForwardConfig{.d_ff = 10, .activation = Activation::silu, .gated = gated});
  }
}

TEST_CASE("low-rank adapter: y = x W + b + s (x A) B for each map") {
  for (const bool rank_stable : {false, true}) {
    const LoraConfig lora{.rank = 2, .alpha = 3, .rank_stable = rank_stable};
    const double s = rank_stable ? 3 / std::sqrt(2.0) : 1.5;
    CHECK(lora.scale() == doctest::Approx(s).epsilon(1e-15));
    auto bench = adapted(
        {.rank = 2, .alpha = 3, .rank_stable = rank_stable, .targets = "q_proj, v_proj"}, three);
    std::vector<double> x = random_numbers(6 * 7, 2), y(6 * 12, 99);
    bench.layer.forward(bench.forward_pass(), matrix_of(x, 7), matrix_of(y, 12));
    const auto w = bench.weight("attention.qkv.weight"), bias = bench.weight("attention.qkv.bias");
    const auto a = bench.weight("attention.qkv.lora_a"), b = bench.weight("attention.qkv.lora_b");
    REQUIRE(a.size() == 7 * 4);
    REQUIRE(b.size() == 2 * 9);
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t j = 0; j < 12; ++j) {
        double sum = bias[j];
        for (std::size_t k = 0; k < 7; ++k) sum += x[i * 7 + k] * w[k * 12 + j];
        if (j < 5 || j >= 8) {
          const std::size_t map = j < 5 ? 0 : 1, column = j < 5 ? j : j - 3;
          for (std::size_t r = 0; r < 2; ++r) {
            double hidden = 0;
            for (std::size_t k = 0; k < 7; ++k) hidden += x[i * 7 + k] * a[k * 4 + 2 * map + r];
            sum += s * hidden * b[r * 9 + column];
          }
        }
        CHECK(y[i * 12 + j] == doctest::Approx(sum).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("low-rank adapter: its tensors and memory") {
  ParameterTable table;
  MemoryPlan plan;
  const LoraConfig lora{.rank = 4};
  const BuildTimes times{"layer", {0, 0}, {1, 1}, {0, 1}};
  const Builder<double> builder =
      Builder<double>(table, plan, {.sequences = 2, .sequence = 3}, times).with_adapters(lora);
  const Linear<double> layer(builder / "attention" / "qkv", 7, three);
  CHECK(layer.saves());
  REQUIRE(table.size() == 4);
  CHECK(table[2].path.joined() == "attention.qkv.lora_a");
  CHECK(table[2].rows == 7);
  CHECK(table[2].maps == MapColumns{4, 4, 4});
  CHECK(table[2].initial == InitialValue::uniform);
  CHECK(table[3].path.joined() == "attention.qkv.lora_b");
  CHECK(table[3].rows == 4);
  CHECK(table[3].maps == three);
  CHECK(table[3].initial == InitialValue::zeros);
  CHECK(table[2].unit == table[3].unit);
  CHECK(table[2].unit != table[0].unit);  // it may train alone
  CHECK(plan.size() == 2);
  plan.place();
  CHECK(plan.total_bytes() >= 2 * 6 * 12 * sizeof(double));
}

TEST_CASE("low-rank adapter: without one there are neither tensors nor memory") {
  for (const LoraConfig& lora : {LoraConfig{}, LoraConfig{.rank = 4, .targets = "mlp"}}) {
    ParameterTable table;
    MemoryPlan plan;
    const Builder<double> builder = Builder<double>(table, plan, {}, {}).with_adapters(lora);
    const Linear<double> layer(builder / "attention" / "qkv", 7, three);
    CHECK_FALSE(layer.saves());
    CHECK(table.size() == 2);
    CHECK(plan.size() == 0);
  }
}

TEST_CASE("low-rank adapter: dropout only where the pass has it, one mask for all maps") {
  const LoraConfig lora{.rank = 2, .dropout = 0.5};
  auto drops = adapted(lora, three), plain = adapted({.rank = 2}, three);
  std::vector<double> x = random_numbers(6 * 7, 2), y(6 * 12), z(6 * 12);
  drops.layer.forward(drops.forward_pass(), matrix_of(x, 7), matrix_of(y, 12));
  plain.layer.forward(plain.forward_pass(), matrix_of(x, 7), matrix_of(z, 12));
  CHECK(y == z);
  Pass<double> pass = drops.forward_pass();
  pass.run.adapter_dropout = CounterRandom(3, RandomStream::adapter_dropout);
  drops.layer.forward(pass, matrix_of(x, 7), matrix_of(y, 12));
  CHECK(y != z);
  std::vector<double> dropped = x;
  const MatrixView<double> input = matrix_of(dropped, 7);
  dropout<double>(Worker(), {*pass.run.adapter_dropout, 2, 0.5}, 0, input);  // the third tensor
  plain.layer.forward(plain.forward_pass(), matrix_of(x, 7), matrix_of(z, 12));
  std::vector<double> base(6 * 12), adapter(6 * 12);
  auto zero = adapted({.rank = 2}, three);
  const Parameter& b = zero.parameters.find("attention.qkv.lora_b");
  std::fill_n(zero.weights.begin() + b.offset, b.count(), 0.0);
  zero.layer.forward(zero.forward_pass(), matrix_of(x, 7), matrix_of(base, 12));
  plain.layer.forward(plain.forward_pass(), input, matrix_of(adapter, 12));
  zero.layer.forward(zero.forward_pass(), input, matrix_of(z, 12));
  for (std::size_t i = 0; i < y.size(); ++i) {
    CHECK(y[i] == doctest::Approx(base[i] + (adapter[i] - z[i])).epsilon(1e-12));
  }
}
