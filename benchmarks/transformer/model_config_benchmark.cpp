// SPDX-License-Identifier: MIT
// A step of small models whose configuration is given at run time, and fixed in the type; with the
// size of the object that trains. Compare with
//   --benchmark_repetitions=15 --benchmark_enable_random_interleaving=true
#include <benchmark/benchmark.h>

#include <octavo/octavo.hpp>

#include "settings.hpp"

namespace {

using octavo::FixedConfig;
using octavo::ModelConfig;

constexpr ModelConfig tiny = octavo::presets::tiny;
/// That of examples/train_256kib.cpp.
constexpr ModelConfig in_256kib = octavo::without_biases({.vocabulary = 66,
                                                          .context = 24,
                                                          .layers = 1,
                                                          .width = 32,
                                                          .attention = {.heads = 4},
                                                          .feed_forward = {.d_ff = 80}});

template <typename Config>
void step(benchmark::State& state, const Config& config, const octavo::TrainingOptions& options) {
  octavo::ThreadPool alone(1);
  octavo::TrainingStep<float, Config> training(octavo::Transformer<float, Config>(config), options,
                                               alone);
  octavo_benchmark::fill_at_random(training);
  for (auto _ : state) benchmark::DoNotOptimize(training.train(1e-4).loss);
  state.counters["object_bytes"] = static_cast<double>(sizeof(training));
}

const octavo::TrainingOptions of_tiny{.batch = 1, .sequence = 32};
const octavo::TrainingOptions of_256kib{.batch = 12, .sequence = 24};

BENCHMARK_CAPTURE(step, tiny_at_run_time, tiny, of_tiny)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(step, tiny_fixed, FixedConfig<tiny>{}, of_tiny)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(step, of_256kib_at_run_time, in_256kib, of_256kib)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(step, of_256kib_fixed, FixedConfig<in_256kib>{}, of_256kib)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
