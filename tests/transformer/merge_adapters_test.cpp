// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/memory/arena.hpp>
#include <octavo/transformer/merge_adapters.hpp>
#include <octavo/transformer/transformer.hpp>

#include "transformer/small_families.hpp"

using namespace octavo;

namespace {

template <typename T>
std::vector<T> some_weights(const Transformer<T>& model) {
  std::vector<T> weights(static_cast<std::size_t>(model.parameter_count()));
  set_initial_weights<T>(model.parameters(), 2, 5, weights);
  const CounterRandom random(3, RandomStream::batches);
  for (const Parameter& tensor : model.parameters()) {
    if (!tensor.name.ends_with("lora_b")) continue;
    for (Index i = 0; i < tensor.count(); ++i) {
      weights[static_cast<std::size_t>(tensor.offset + i)] =
          static_cast<T>(0.1 * random.normal(static_cast<std::uint64_t>(tensor.offset + i)));
    }
  }
  return weights;
}

template <typename T>
std::vector<T> logits(const ModelConfig& config, const std::vector<T>& weights) {
  const std::vector<Token> tokens{3, 1, 4, 1, 5, 9, 2, 6};
  const Index rows = std::ssize(tokens);
  MemoryPlan plan;
  const Transformer<T> model(config, plan, {1, rows, 1, false});
  plan.place();
  const Arena arena(plan);
  const Worker worker;
  std::vector<T> result(static_cast<std::size_t>(rows * config.vocabulary));
  model.logits({.run = {worker, arena, model.pack_buffer(arena)},
                .rows = {1, rows},
                .weights = weights.data()},
               tokens, MatrixView<T>(result.data(), rows, config.vocabulary));
  return result;
}

template <typename T>
double apart(const std::vector<T>& a, const std::vector<T>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("a merged model has the logits of the model with adapters", T, float, double) {
  for (const auto& family : octavo_test::small_families()) {
    for (const char* const targets : {"", "v_proj", "q_proj,v_proj,up_proj", "c_proj,down_proj"}) {
      ModelConfig config = family.config;
      config.lora = {.rank = 3, .alpha = 5, .rank_stable = *targets != 0, .targets = targets};
      INFO(family.name, " ", targets);
      const Transformer<T> model(config), plain(without_adapters(config));
      const std::vector<T> weights = some_weights(model);
      std::vector<T> merged(static_cast<std::size_t>(plain.parameter_count()));
      CHECK(merge_adapters(model, weights, merged).size() == merged.size());
      const auto expected = logits(config, weights);
      CHECK(apart(logits(plain.config(), merged), expected) <
            (std::is_same_v<T, double> ? 1e-13 : 1e-5));
      std::vector<T> in_place = weights;
      const auto there = merge_adapters(model, in_place, in_place);
      CHECK(std::equal(there.begin(), there.end(), merged.begin(), merged.end()));
      // Without the adapters the model would say something else.
      std::vector<T> base = weights;
      for (const Parameter& tensor : model.parameters()) {
        if (is_adapter(tensor.name)) std::fill_n(base.begin() + tensor.offset, tensor.count(), T{});
      }
      CHECK(apart(logits(config, base), expected) > 1e-3);
    }
  }
}

TEST_CASE("without adapters, merging is a copy; too little room is an error") {
  const Transformer<float> model(octavo_test::small_families()[0].config);
  const std::vector<float> weights = some_weights(model);
  std::vector<float> merged(weights.size());
  merge_adapters(model, weights, merged);
  CHECK(merged == weights);
  CHECK_THROWS_WITH_AS(merge_adapters(model, weights, std::span(merged).first(3)),
                       "merge_adapters: too little room for the merged weights", ConfigError);
}

TEST_CASE("adapters are inserted into the weights of a model without them, as they begin") {
  for (const auto& family : octavo_test::small_families()) {
    ModelConfig config = family.config;
    config.lora = {.rank = 2, .targets = "q_proj,v_proj,down_proj"};
    const Transformer<float> model(config), plain(family.config);
    const std::vector<float> base = some_weights(plain);
    std::vector<float> weights(static_cast<std::size_t>(model.parameter_count()), 99);
    std::copy(base.begin(), base.end(), weights.end() - std::ssize(base));
    insert_adapters<float>(model.parameters(), 7, weights);
    std::vector<float> begun(weights.size());
    set_initial_weights<float>(model.parameters(), config.layers, 7, begun);
    for (const Parameter& tensor : model.parameters()) {
      const bool adapter = is_adapter(tensor.name);
      const auto expected = adapter ? begun.begin() + tensor.offset
                                    : base.begin() + plain.parameters().find(tensor.name).offset;
      INFO(tensor.name);
      CHECK(std::equal(expected, expected + tensor.count(), weights.begin() + tensor.offset));
    }
    std::vector<float> merged(base.size());
    merge_adapters(model, weights, merged);
    CHECK(merged == base);  // B is 0
  }
}
