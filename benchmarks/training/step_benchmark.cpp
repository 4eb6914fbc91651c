// SPDX-License-Identifier: MIT
// A whole step (forward, backward, clip, AdamW) of every preset: ms, tokens/s, share of the
// machine's FMA limit measured in the same run, planned bytes, and the process's peak memory so
// far, with 1, 2, 4 ... threads up to the machine's cores. Then the same with the options that save
// memory: compare those with
//   --benchmark_filter='^medium' --benchmark_repetitions=9
//   --benchmark_enable_random_interleaving=true
// Built with -DOCTAVO_NATIVE=OFF on x86-64, it has each setting once more with AVX2 kernels.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/octavo.hpp>

#include "machine_limits.hpp"
#include "random_weights.hpp"
#include "settings.hpp"

namespace {

using octavo::Index;

using octavo_benchmark::Setting;

/// A setting, and for adapters the number type of their base, or nothing: numbers in the plan.
struct Way : Setting {
  std::optional<octavo::StoredType> base = {};
};

/// Adapters on every type of base, without and with recomputation.
void add_adapters(std::vector<Way>& ways) {
  const Setting& setting = octavo_benchmark::adapter_settings[0];
  for (const char* type : {"numbers", "f32", "bf16", "f16", "q8_0", "q4_0"}) {
    for (const bool recompute : {false, true}) {
      Way way{setting};
      way.name += std::string("/") + type + (recompute ? "/recompute" : "");
      way.options.recompute = recompute;
      if (type != std::string("numbers")) way.base = octavo_benchmark::base_type(type);
      ways.push_back(way);
    }
  }
}

std::vector<Way> make_settings() {
  std::vector<Way> settings;
  for (const Setting& setting : octavo_benchmark::settings) settings.push_back({setting});
  for (Way& setting : settings) {  // as train_full does where nothing else is said
    setting.options.micro_batch =
        octavo::leanest_micro_batch<float>(setting.config, setting.options);
  }
  for (std::size_t i = 0; i < 6; ++i) {
    const auto with = [&](const char* option, auto change) {
      Way setting = settings[i];
      setting.name += option;
      change(setting.options);
      settings.push_back(setting);
    };
    using Options = octavo::TrainingOptions;
    const auto lean = [](Options& o) { o.recompute = o.fused_update = true; };
    with("/recompute", [](Options& o) { o.recompute = true; });
    with("/fused-update", [](Options& o) { o.fused_update = true; });
    with("/adamw-8bit", [](Options& o) { o.optimizer = octavo::AdamW8bit{}; });
    with("/lion", [](Options& o) { o.optimizer = octavo::Lion{}; });
    with("/muon", [](Options& o) { o.optimizer = octavo::Muon{}; });
    with("/recompute+fused-update", lean);
    with("/recompute+fused-update+adamw-8bit", [&](Options& o) {
      lean(o);
      o.optimizer = octavo::AdamW8bit{};
    });
    with("/micro-batch:4", [](Options& o) { o.micro_batch = 4; });
  }
  // Where the vocabulary has thousands of tokens.
  for (std::size_t i = 6; i < std::size(octavo_benchmark::settings); ++i) {
    for (const bool logits : {false, true}) {
      Way way = settings[i];
      way.name += logits ? "/lean+recompute-logits" : "/lean";
      way.options.recompute = way.options.fused_update = true;
      way.options.recompute_logits = logits;
      settings.push_back(way);
    }
  }
  add_adapters(settings);
  return settings;
}

void step(benchmark::State& state, const Way& setting, octavo::Isa isa) {
  octavo::use_isa(isa);
  const Index workers = state.range(0);
  octavo::ThreadPool threads(workers);
  const octavo::Transformer<float> model{setting.config};
  std::optional<octavo::StoredWeights<float>> base;
  if (setting.base) {
    base = octavo_benchmark::random_weights(
        octavo::Transformer<float>(without_adapters(setting.config)).parameters(), *setting.base,
        octavo::StoredLayout::grouped);
  }
  using Step = octavo::TrainingStep<float>;
  Step training = base ? Step(model, setting.options, threads, base->parameters())
                       : Step(model, setting.options, threads);
  octavo_benchmark::fill_at_random(training);
  training.train(1e-4);
  for (auto _ : state) benchmark::DoNotOptimize(training.train(1e-4).loss);
  const double limit = octavo_benchmark::fma_limit<float>(workers);
  const auto per_second = [&](double count) {
    return benchmark::Counter(count * static_cast<double>(state.iterations()),
                              benchmark::Counter::kIsRate);
  };
  state.counters["tokens/s"] = per_second(static_cast<double>(setting.options.rows()));
  state.counters["of_limit"] =
      per_second(octavo_benchmark::step_flops(setting.config, setting.options) / limit);
  state.counters["plan_MB"] = static_cast<double>(training.plan().total_bytes()) / 1e6;
  state.counters["peak_MB"] = static_cast<double>(octavo::process_memory().peak_bytes) / 1e6;
}

void register_setting(const std::string& name, const Way& setting, octavo::Isa isa) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [setting, isa](benchmark::State& s) { step(s, setting, isa); })
      ->RangeMultiplier(2)
      ->Range(1, std::max(2u, std::thread::hardware_concurrency()))
      ->ArgName("threads")
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

const int registered = [] {
  const octavo::Isa usual = octavo::isa_in_use();
  for (const Way& setting : make_settings()) {
    register_setting(setting.name, setting, usual);
    const octavo::Isa avx2 = octavo::Isa::avx2;
    if (octavo::supports(avx2) && usual != avx2)
      register_setting(setting.name + "/avx2", setting, avx2);
  }
  return 0;
}();

}  // namespace
