// SPDX-License-Identifier: MIT
// A whole step (forward, backward, clip, AdamW) of every preset: ms, tokens/s, share of the
// machine's FMA limit measured in the same run, planned bytes, and the process's peak memory so
// far.
#include <benchmark/benchmark.h>

#include <octavo/octavo.hpp>

#include "fma_limit.hpp"

namespace {

using octavo::Index;

struct Setting {
  const char* name;
  octavo::ModelShape shape;
  octavo::StepShape step;
};

const Setting settings[] = {
    {"tiny", octavo::presets::tiny, {1, 32}},      {"v2", octavo::presets::v2, {1, 32}},
    {"small", octavo::presets::small, {1, 64}},    {"nano", octavo::presets::nano, {12, 64}},
    {"medium", octavo::presets::medium, {8, 128}}, {"large", octavo::presets::large, {8, 128}},
    {"gpt2", octavo::presets::gpt2, {4, 64}},
};

/// Floating-point operations of a step as nanoGPT counts them: 6 per matrix parameter and token,
/// attention unmasked.
double flops(const Setting& setting) {
  const auto& m = setting.shape;
  const double matrices = static_cast<double>(
      m.layers * (4 * m.width * m.width + 2 * m.width * m.d_ff) + m.vocabulary * m.width);
  const double rows = static_cast<double>(setting.step.rows());
  return rows *
         (6 * matrices + 12.0 * static_cast<double>(m.layers * setting.step.sequence * m.width));
}

void step(benchmark::State& state, const Setting& setting) {
  const Index workers = state.range(0);
  octavo::ThreadPool threads(workers);
  octavo::TrainingStep<float> training(
      octavo::Transformer<float>{octavo::RuntimeConfig(setting.shape)}, {.step = setting.step},
      threads);
  const octavo::CounterRandom random(1, octavo::RandomStream::batches);
  const auto vocabulary = static_cast<std::uint64_t>(setting.shape.vocabulary);
  for (std::size_t i = 0; i < training.inputs().size(); ++i) {
    training.inputs()[i] = static_cast<octavo::Token>(random.below(2 * i, vocabulary));
    training.targets()[i] = static_cast<octavo::Token>(random.below(2 * i + 1, vocabulary));
  }
  training.train(1e-4);
  for (auto _ : state) benchmark::DoNotOptimize(training.train(1e-4).loss);
  const double limit = octavo_benchmark::fma_limit<float>(workers);
  const auto per_second = [&](double count) {
    return benchmark::Counter(count * static_cast<double>(state.iterations()),
                              benchmark::Counter::kIsRate);
  };
  state.counters["tokens/s"] = per_second(static_cast<double>(setting.step.rows()));
  state.counters["of_limit"] = per_second(flops(setting) / limit);
  state.counters["plan_MB"] = static_cast<double>(training.plan().total_bytes()) / 1e6;
  state.counters["peak_MB"] = static_cast<double>(octavo::process_memory().peak_bytes) / 1e6;
}

const int registered = [] {
  for (const Setting& setting : settings) {
    benchmark::RegisterBenchmark(setting.name, [&](benchmark::State& s) { step(s, setting); })
        ->Arg(1)
        ->Arg(2)
        ->ArgName("threads")
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  return 0;
}();

}  // namespace
