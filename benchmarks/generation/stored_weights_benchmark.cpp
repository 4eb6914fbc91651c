// SPDX-License-Identifier: MIT
// Tokens a second with weights in the number types of files: a prompt of 128 tokens read at once,
// as a share of the multiply-adds, and tokens read one by one, as a share of the bytes that the
// machine reads, both measured in the same run. Random weights, in groups of lines where the type
// has them, else in lines as a file has them.
#include <cstddef>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/octavo.hpp>

#include "machine_limits.hpp"

namespace {

using octavo::Index;
using octavo::StoredLayout;
using octavo::StoredType;

struct Shape {
  const char* name;
  octavo::ModelConfig config;
};
const Shape shapes[] = {{"gpt2_124m", octavo::presets::gpt2},
                        {"smollm2_135m", octavo::families::smollm2_135m},
                        {"llama_1b", octavo::families::llama_3_2_1b}};

struct Way {
  const char* name;
  StoredType type;
  StoredLayout layout;
};
const Way ways[] = {{"numbers", StoredType::f32, StoredLayout::lines},
                    {"f32", StoredType::f32, StoredLayout::grouped},
                    {"bf16", StoredType::bf16, StoredLayout::grouped},
                    {"q8_0", StoredType::q8_0, StoredLayout::grouped},
                    {"q4_0", StoredType::q4_0, StoredLayout::grouped},
                    {"bf16_lines", StoredType::bf16, StoredLayout::lines},
                    {"q8_0_lines", StoredType::q8_0, StoredLayout::lines},
                    {"q4_0_lines", StoredType::q4_0, StoredLayout::lines},
                    {"q4_k_lines", StoredType::q4_k, StoredLayout::lines},
                    {"q6_k_lines", StoredType::q6_k, StoredLayout::lines}};

/// Weights with random whole numbers and scales of about 2^-10.
octavo::StoredWeights<float> random_weights(const octavo::ParameterList& parameters,
                                            const Way& way) {
  octavo::StoredWeightsPlan plan;
  for (const octavo::Parameter& parameter : parameters) {
    const bool table =
        parameter.name == "embedding.tokens.weight" || parameter.name == "head.weight";
    const bool numbers = way.type == StoredType::f32 && way.layout == StoredLayout::lines;
    if (numbers || !(parameter.is_map() || table)) {
      plan.add_numbers(parameter);
      continue;
    }
    const octavo::StoredMatrix matrix{way.type, way.layout, nullptr,
                                      table ? parameter.rows : parameter.columns,
                                      table ? parameter.columns : parameter.rows};
    plan.add_matrices({&matrix, 1});
  }
  octavo::StoredWeights<float> weights(plan);
  std::mt19937 random(1);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    for (float& number : weights.numbers(i)) {
      number = 0x1p-20f * static_cast<float>(random() % 65536u);
    }
    if (weights.parameters()[i].stored.empty()) continue;
    const std::span<std::byte> bytes = weights.matrix_bytes(i, 0);
    for (std::size_t at = 0; at + 2 <= bytes.size(); at += 2) {
      // As a scale or a number of 16 bits of about 2^-10; as whole numbers anything.
      const std::uint16_t half = way.type == StoredType::bf16 ? 0x3a80 : 0x1400;
      const auto two = static_cast<std::uint16_t>(half + random() % 64u);
      std::memcpy(bytes.data() + at, &two, sizeof(two));
    }
  }
  return weights;
}

void generation(benchmark::State& state, const Shape& shape, const Way& way, bool prompt) {
  octavo::ThreadPool threads(state.range(0));
  const octavo::Transformer<float> model{shape.config};
  const octavo::StoredWeights<float> weights = random_weights(model.parameters(), way);
  constexpr Index length = 128;
  octavo::Generator<float> generator(model, weights, length, threads);
  const std::vector<octavo::Token> tokens(static_cast<std::size_t>(length), 1);
  double read = 0;
  for (auto _ : state) {
    if (generator.used() == length) generator.reset();
    const auto piece = std::span(tokens).first(prompt ? tokens.size() : 1);
    generator.read(piece);
    benchmark::DoNotOptimize(generator.logits().data());
    read += static_cast<double>(piece.size());
  }
  const auto rate = [](double count) {
    return benchmark::Counter(count, benchmark::Counter::kIsRate);
  };
  state.counters["tokens/s"] = rate(read);
  double in_maps = 0;
  for (const octavo::Parameter& parameter : model.parameters()) {
    if (parameter.is_map()) in_maps += static_cast<double>(parameter.count());
  }
  if (prompt) {
    const double flops = 2 * read * in_maps;
    state.counters["of_fma_limit"] =
        rate(flops / octavo_benchmark::fma_limit<float>(state.range(0)));
    return;
  }
  // The token table is read once, by the head that is tied to it.
  double bytes = static_cast<double>(weights.bytes());
  if (shape.config.positions.kind == octavo::PositionKind::learned) {
    bytes -= 4.0 * static_cast<double>(shape.config.context * shape.config.width);
  }
  state.counters["of_bandwidth"] =
      rate(read * bytes / octavo_benchmark::bandwidth_limit(state.range(0)));
}

const int registered = [] {
  for (const Shape& shape : shapes) {
    for (const Way& way : ways) {
      const auto block = static_cast<Index>(octavo::block_of(way.type));
      if (shape.config.width % block != 0 || shape.config.feed_forward.d_ff % block != 0) continue;
      for (const bool prompt : {true, false}) {
        benchmark::RegisterBenchmark(
            (std::string(shape.name) + "/" + way.name + (prompt ? "/prompt" : "/one_by_one"))
                .c_str(),
            [&shape, &way, prompt](benchmark::State& state) {
              generation(state, shape, way, prompt);
            })
            ->Arg(1)
            ->Arg(2)
            ->ArgName("threads")
            ->UseRealTime();
      }
    }
  }
  return 0;
}();

}  // namespace
