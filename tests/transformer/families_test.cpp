// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/training/training_step.hpp>
#include <octavo/transformer/families.hpp>

#include "transformer/small_families.hpp"

using namespace octavo;

// The counts of parameters that the models' files have.
static_assert(parameter_count(families::smollm2_135m) == 134'515'008);
static_assert(parameter_count(families::smollm2_360m) == 361'821'120);
static_assert(parameter_count(families::qwen2_5_0_5b) == 494'032'768);
static_assert(parameter_count(families::qwen3_0_6b) == 596'049'920);
static_assert(parameter_count(families::tinyllama_1_1b) == 1'100'048'384);
static_assert(parameter_count(families::llama_3_2_1b) == 1'235'814'400);
static_assert(parameter_count(families::gemma_3_270m) == 268'098'176);
static_assert(families::gemma_3_270m.embedding_scale * families::gemma_3_270m.embedding_scale >
                  639.999999 &&
              families::gemma_3_270m.embedding_scale * families::gemma_3_270m.embedding_scale <
                  640.000001);

TEST_CASE("a family is values: what a model says of itself") {
  CHECK(
      describe(families::qwen3_0_6b) ==
      "vocabulary 151936, context 40960, layers 28, width 1024, norm rms, norm-epsilon 1e-06, "
      "norm-bias no, positions rotary, rope-base 1e+06, heads 16, kv-heads 8, head-width 128, "
      "attention-bias no, qk-norm yes, ff 3072, activation silu, gated yes, ff-bias no, tied yes, "
      "head-bias no");
  CHECK(with_family(families::smollm2_135m, Family::gpt2).positions == PositionConfig{});
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig& config = family.config;
    INFO(family.name);
    CHECK_NOTHROW(check_config(config));
  }
}

TEST_CASE("a head's numbers, and heads of keys, must fit") {
  const auto refusal = [](auto change) -> std::string {
    ModelConfig config = with_family({.vocabulary = 9,
                                      .context = 8,
                                      .width = 12,
                                      .attention = {.heads = 4},
                                      .feed_forward = {.d_ff = 8}},
                                     Family::llama);
    change(config);
    try {
      check_config(config);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal([](auto& c) { c.attention.kv_heads = 3; }) ==
        "heads 4 is not a multiple of kv_heads 3");
  CHECK(refusal([](auto&) {}) ==
        "rotary positions: got 3 numbers to turn in each head, expected an even number, at most 3");
  CHECK(refusal([](auto& c) { c.positions.rotary_width = 2; }) == "");
  CHECK(refusal([](auto& c) { c.positions.rotary_width = 4; }) ==
        "rotary positions: got 4 numbers to turn in each head, expected an even number, at most 3");
  CHECK(refusal([](auto& c) {
          c.attention.head_width = 4;
          c.positions.scaling = RotaryScaling::yarn;
        }) ==
        "rope_scaling yarn: expected a rope_original_context, the positions that the model was "
        "trained with");
}

TEST_CASE("a two-layer model of every family: gradients are central differences") {
  for (const auto& family : octavo_test::small_families()) {
    ModelConfig config = family.config;
    config.norm.epsilon = 0.05;  // norms of small numbers bend too much for differences
    ThreadPool threads(1);
    TrainingStep<double> step(Transformer<double>(config), {.batch = 1, .sequence = 9}, threads);
    for (std::size_t i = 0; i < step.inputs().size(); ++i) {
      step.inputs()[i] = static_cast<Token>(i * 7 % 23);
      step.targets()[i] = static_cast<Token>((i * 7 + 3) % 23);
    }
    for (std::size_t i = 0; i < step.weights().size(); ++i) {
      step.weights()[i] += 0.2 * std::sin(static_cast<double>(i) * 1.7);
    }
    step.compute_gradients();
    const std::vector<double> gradients(step.gradients().begin(), step.gradients().end());
    double worst = 0;
    const auto check = [&](std::size_t i) {
      const double weight = step.weights()[i], h = 1e-5;
      const auto difference = [&](double distance) {
        step.weights()[i] = weight + distance;
        const double above = step.compute_gradients();
        step.weights()[i] = weight - distance;
        const double below = step.compute_gradients();
        step.weights()[i] = weight;
        return (above - below) / (2 * distance);
      };
      // Without the term of h^2.
      const double quotient = (4 * difference(h) - difference(2 * h)) / 3;
      worst = std::max(worst, std::abs(quotient - gradients[i]));
    };
    for (const Parameter& tensor : step.parameters()) {  // some numbers of each
      for (Index i = tensor.index % 5; i < tensor.count(); i += 41) {
        check(static_cast<std::size_t>(tensor.offset + i));
      }
    }
    INFO(family.name);
    CHECK(worst < 1e-8);
  }
}
