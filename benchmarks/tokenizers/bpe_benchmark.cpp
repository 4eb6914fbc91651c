// SPDX-License-Identifier: MIT
// Megabytes a second: a text encoded as byte pairs, a vocabulary learned. The text is that of
// OCTAVO_BENCHMARK_TEXT, a file; without it the built-in one again and again, which flatters the
// encoder: it has few words.
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/octavo.hpp>

namespace {

using octavo::Index;

const std::string& text() {
  static const std::string text = [] {
    if (const char* path = std::getenv("OCTAVO_BENCHMARK_TEXT")) return octavo::read_file(path);
    std::string built_in;
    while (built_in.size() < 1'000'000) built_in += octavo::sample_text;
    return built_in;
  }();
  return text;
}

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text().size()));
}

void split(benchmark::State& state) {
  for (auto _ : state) {
    std::size_t pieces = 0;
    for (std::size_t at = 0; at < text().size(); ++pieces) at = octavo::gpt2_piece_end(text(), at);
    benchmark::DoNotOptimize(pieces);
  }
  count_bytes(state);
}

void encode(benchmark::State& state) {
  const auto tokenizer = octavo::train_bpe(text(), state.range(0));
  std::vector<octavo::Token> tokens(text().size());
  std::size_t count = 0;
  for (auto _ : state) {
    count = tokenizer.encode(text(), tokens);
    benchmark::DoNotOptimize(tokens.data());
  }
  count_bytes(state);
  state.counters["bytes/token"] = static_cast<double>(text().size()) / static_cast<double>(count);
  state.counters["vocabulary"] = static_cast<double>(tokenizer.vocabulary_size());
}

void train(benchmark::State& state) {
  for (auto _ : state) {
    const auto tokenizer = octavo::train_bpe(text(), state.range(0));
    benchmark::DoNotOptimize(tokenizer.vocabulary_size());
  }
  count_bytes(state);
}

BENCHMARK(split)->Unit(benchmark::kMillisecond);
BENCHMARK(encode)->Arg(512)->Arg(1024)->Arg(8192)->Arg(32768)->Unit(benchmark::kMillisecond);
BENCHMARK(train)->Arg(512)->Arg(1024)->Arg(8192)->Unit(benchmark::kMillisecond);

}  // namespace
