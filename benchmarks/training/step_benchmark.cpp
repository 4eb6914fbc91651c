// SPDX-License-Identifier: MIT
// A whole step (forward, backward, clip, AdamW) of every preset: ms, tokens/s, share of the
// machine's FMA limit measured in the same run, planned bytes, and the process's peak memory so
// far. Then the same with the options that save memory: compare those with
//   --benchmark_filter='^medium' --benchmark_repetitions=9
//   --benchmark_enable_random_interleaving=true
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/octavo.hpp>

#include "fma_limit.hpp"

namespace {

using octavo::Index;

struct Setting {
  std::string name;
  octavo::ModelShape shape;
  octavo::StepOptions options;
};

std::vector<Setting> make_settings() {
  using namespace octavo::presets;
  std::vector<Setting> settings{
      {"tiny", tiny, {.step = {1, 32}}},      {"v2", v2, {.step = {1, 32}}},
      {"small", small, {.step = {1, 64}}},    {"nano", nano, {.step = {12, 64}}},
      {"medium", medium, {.step = {8, 128}}}, {"large", large, {.step = {8, 128}}},
      {"gpt2", gpt2, {.step = {4, 64}}}};
  for (std::size_t i = 0; i < 6; ++i) {
    const auto with = [&](const char* option, auto change) {
      Setting setting = settings[i];
      setting.name += option;
      change(setting.options);
      settings.push_back(setting);
    };
    using Options = octavo::StepOptions;
    const auto lean = [](Options& o) { o.recompute = o.fused_update = true; };
    with("/recompute", [](Options& o) { o.recompute = true; });
    with("/fused-update", [](Options& o) { o.fused_update = true; });
    with("/adamw-8bit", [](Options& o) { o.optimizer = octavo::AdamW8bit{}; });
    with("/lion", [](Options& o) { o.optimizer = octavo::Lion{}; });
    with("/recompute+fused-update", lean);
    with("/recompute+fused-update+adamw-8bit", [&](Options& o) {
      lean(o);
      o.optimizer = octavo::AdamW8bit{};
    });
    with("/micro-batch:4", [](Options& o) { o.step.micro_batch = 4; });
  }
  return settings;
}

/// Floating-point operations of a step as nanoGPT counts them: 6 per matrix parameter and token,
/// attention unmasked.
double flops(const Setting& setting) {
  const auto& m = setting.shape;
  const double matrices = static_cast<double>(
      m.layers * (4 * m.width * m.width + 2 * m.width * m.d_ff) + m.vocabulary * m.width);
  const octavo::StepShape& step = setting.options.step;
  const double rows = static_cast<double>(step.rows());
  return rows * (6 * matrices + 12.0 * static_cast<double>(m.layers * step.sequence * m.width));
}

void step(benchmark::State& state, const Setting& setting) {
  const Index workers = state.range(0);
  octavo::ThreadPool threads(workers);
  octavo::TrainingStep<float> training(
      octavo::Transformer<float>{octavo::RuntimeConfig(setting.shape)}, setting.options, threads);
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
  state.counters["tokens/s"] = per_second(static_cast<double>(setting.options.step.rows()));
  state.counters["of_limit"] = per_second(flops(setting) / limit);
  state.counters["plan_MB"] = static_cast<double>(training.plan().total_bytes()) / 1e6;
  state.counters["peak_MB"] = static_cast<double>(octavo::process_memory().peak_bytes) / 1e6;
}

const int registered = [] {
  for (const Setting& setting : make_settings()) {
    benchmark::RegisterBenchmark(setting.name.c_str(),
                                 [setting](benchmark::State& s) { step(s, setting); })
        ->Arg(1)
        ->Arg(2)
        ->ArgName("threads")
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  return 0;
}();

}  // namespace
