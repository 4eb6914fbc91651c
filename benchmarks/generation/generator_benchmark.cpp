// SPDX-License-Identifier: MIT
// Tokens a second: a prompt read at once (prefill), tokens read one by one, and one by one for
// several sequences together; with random weights. The slowest token of a window and its slide, in
// medians, with both ways of sliding. Prefill also as a share of the multiply-adds,
// the others as a share of the bytes that the machine can do, measured in the same run.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/octavo.hpp>

#include "machine_limits.hpp"
#include "settings.hpp"

namespace {

using octavo::Index;

enum class Way { prefill, one_by_one, eight_together };

/// GPT-2's smallest model with a head tied to its token table: 124 million parameters.
const octavo_benchmark::Setting gpt2_124m{"124M", octavo::presets::gpt2, {}};

void generation(benchmark::State& state, const octavo_benchmark::Setting& setting, Way way) {
  octavo::ThreadPool threads(state.range(0));
  const octavo::ModelConfig& config = setting.config;
  const octavo::Transformer<float> model{config};
  octavo::AlignedBuffer<float> weights(static_cast<std::size_t>(model.parameter_count()));
  octavo::set_initial_weights<float>(model.parameters(), config.layers, 1, weights);
  const Index length = std::min<Index>(config.context, 128);
  const Index sequences = way == Way::eight_together ? 8 : 1;
  octavo::Generator<float> generator(model, weights, length, threads, sequences);
  const std::vector<octavo::Token> prompt(static_cast<std::size_t>(length), 1);
  const std::vector<std::span<const octavo::Token>> prompts(static_cast<std::size_t>(sequences),
                                                            std::span(prompt).first(1));
  double tokens = 0;
  for (auto _ : state) {
    if (way == Way::eight_together) {
      generator.generate_batch(prompts, length / 2, {.temperature = 0}, 1,
                               [&](Index, octavo::Token) { return true; });
      tokens += static_cast<double>(sequences * (length / 2));
      continue;
    }
    const std::size_t piece = way == Way::prefill ? prompt.size() : 1;
    if (generator.used() == length) generator.reset();
    generator.read(std::span(prompt).first(piece));
    benchmark::DoNotOptimize(generator.logits().data());
    tokens += static_cast<double>(piece);
  }
  const auto rate = [](double count) {
    return benchmark::Counter(count, benchmark::Counter::kIsRate);
  };
  state.counters["tokens/s"] = rate(tokens);
  if (way == Way::prefill) {
    // Forward only, of whose head the last position alone.
    const double matrices =
        static_cast<double>(config.layers * (4 * config.width * config.width +
                                             2 * config.width * config.feed_forward.d_ff));
    const double flops = tokens * 2 * matrices;
    state.counters["of_fma_limit"] =
        rate(flops / octavo_benchmark::fma_limit<float>(state.range(0)));
    return;
  }
  // Of the weights every number is read once per round, but for the position table and, where the
  // head is not tied to it, the token table.
  const Index unread =
      config.context * config.width + (config.head.tied ? 0 : config.vocabulary * config.width);
  const double bytes = 4.0 * static_cast<double>(model.parameter_count() - unread);
  state.counters["of_bandwidth"] = rate(tokens / static_cast<double>(sequences) * bytes /
                                        octavo_benchmark::bandwidth_limit(state.range(0)));
}

/// The token that takes longest, as a multiple of the median: of each the fastest of five.
void worst_token(benchmark::State& state, const octavo_benchmark::Setting& setting,
                 octavo::Sliding sliding) {
  using Clock = std::chrono::steady_clock;
  octavo::ThreadPool threads(1);
  const octavo::ModelConfig& config = setting.config;
  const octavo::Transformer<float> model{config};
  std::vector<float> weights(static_cast<std::size_t>(model.parameter_count()));
  octavo::set_initial_weights<float>(model.parameters(), config.layers, 1, weights);
  const Index length = std::min<Index>(config.context, 64);
  octavo::Generator<float> generator(model, weights, length, threads, 1, sliding);
  std::vector<double> seconds;
  for (auto _ : state) {
    seconds.assign(static_cast<std::size_t>(2 * length), 1e9);
    for (int again = 0; again < 5; ++again) {
      generator.reset();
      for (double& best : seconds) {
        const octavo::Token token = 1;
        const auto start = Clock::now();
        generator.read({&token, 1});
        best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
      }
    }
  }
  std::sort(seconds.begin(), seconds.end());
  state.counters["worst/median"] = seconds.back() / seconds[seconds.size() / 2];
  state.counters["worst_us"] = 1e6 * seconds.back();
}

void add(const octavo_benchmark::Setting& setting, Way way, const std::string& name) {
  benchmark::RegisterBenchmark(
      (setting.name + name).c_str(),
      [setting, way](benchmark::State& state) { generation(state, setting, way); })
      ->Arg(1)
      ->Arg(2)
      ->ArgName("threads")
      ->UseRealTime();
}

const int registered = [] {
  std::vector<octavo_benchmark::Setting> all(std::begin(octavo_benchmark::settings),
                                             std::end(octavo_benchmark::settings));
  all.push_back(gpt2_124m);
  for (const auto& setting : all) {
    add(setting, Way::prefill, "/prefill");
    add(setting, Way::one_by_one, "/one_by_one");
  }
  add(gpt2_124m, Way::eight_together, "/eight_together");
  for (const auto& setting : octavo_benchmark::settings) {
    for (const auto sliding : {octavo::Sliding::at_once, octavo::Sliding::ahead}) {
      benchmark::RegisterBenchmark(
          (setting.name + (sliding == octavo::Sliding::ahead ? "/worst/ahead" : "/worst/at_once"))
              .c_str(),
          [setting, sliding](benchmark::State& state) { worst_token(state, setting, sliding); });
    }
  }
  return 0;
}();

}  // namespace
