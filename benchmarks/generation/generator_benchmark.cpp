// SPDX-License-Identifier: MIT
// Tokens a second: a prompt read at once (prefill), and tokens read one by one; with random
// weights.
#include <algorithm>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/octavo.hpp>

#include "settings.hpp"

namespace {

using octavo::Index;

void generation(benchmark::State& state, const octavo_benchmark::Setting& setting, bool prefill) {
  octavo::ThreadPool threads(state.range(0));
  const octavo::Transformer<float> model{octavo::RuntimeConfig(setting.shape)};
  std::vector<float> weights(static_cast<std::size_t>(model.parameter_count()));
  octavo::set_initial_weights<float>(model.parameters(), setting.shape.layers, 1, weights);
  const Index length = std::min<Index>(setting.shape.context, 128);
  octavo::Generator<float> generator(model, weights, length, threads);
  const std::vector<octavo::Token> prompt(static_cast<std::size_t>(length), 1);
  const std::size_t piece = prefill ? prompt.size() : 1;
  for (auto _ : state) {
    if (generator.used() == length) generator.reset();
    generator.read(std::span(prompt).first(piece));
    benchmark::DoNotOptimize(generator.logits().data());
  }
  const auto rate = [&](double per_round) {
    return benchmark::Counter(per_round * static_cast<double>(state.iterations()),
                              benchmark::Counter::kIsRate);
  };
  state.counters["tokens/s"] = rate(static_cast<double>(piece));
  // One by one every weight is read once a token.
  state.counters["weights_B/s"] = rate(4.0 * static_cast<double>(model.parameter_count()));
}

const int registered = [] {
  for (const auto& setting : octavo_benchmark::settings) {
    for (const bool prefill : {true, false}) {
      benchmark::RegisterBenchmark(
          (setting.name + (prefill ? "/prefill" : "/one_by_one")).c_str(),
          [setting, prefill](benchmark::State& state) { generation(state, setting, prefill); })
          ->Arg(1)
          ->Arg(2)
          ->ArgName("threads")
          ->UseRealTime();
    }
  }
  return 0;
}();

}  // namespace
