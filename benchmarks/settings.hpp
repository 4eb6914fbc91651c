// SPDX-License-Identifier: MIT
// The settings that steps are measured in, and how much arithmetic they are.
#pragma once

#include <string>

#include <octavo/octavo.hpp>

namespace octavo_benchmark {

struct Setting {
  std::string name;
  octavo::ModelConfig config;
  octavo::TrainingOptions options;
};

/// The shape of examples/train_v2.
inline constexpr octavo::ModelConfig v2{.vocabulary = 70,
                                        .context = 64,
                                        .layers = 2,
                                        .width = 128,
                                        .attention = {.heads = 4},
                                        .feed_forward = {.d_ff = 256}};

/// Llama's layers in the size of medium.
inline constexpr octavo::ModelConfig llama_tiny =
    with_family({.vocabulary = 512,
                 .context = 128,
                 .layers = 4,
                 .width = 256,
                 .attention = {.heads = 8, .kv_heads = 4},
                 .feed_forward = {.d_ff = 688}},
                octavo::Family::llama);
/// A model with adapters of all linear layers.
constexpr octavo::ModelConfig with_adapters(octavo::ModelConfig config, octavo::Index rank) {
  config.lora.rank = rank;
  return config;
}
inline const Setting settings[] = {
    {"tiny", octavo::presets::tiny, {.batch = 1, .sequence = 32}},
    {"v2", v2, {.batch = 1, .sequence = 32}},
    {"small", octavo::presets::small, {.batch = 1, .sequence = 64}},
    {"nano", octavo::presets::nano, {.batch = 12, .sequence = 64}},
    {"medium", octavo::presets::medium, {.batch = 8, .sequence = 128}},
    {"large", octavo::presets::large, {.batch = 8, .sequence = 128}},
    {"gpt2", octavo::presets::gpt2, {.batch = 4, .sequence = 64}},
    {"llama-tiny", llama_tiny, {.batch = 8, .sequence = 128}},
    {"stories15m", octavo::families::stories15m, {.batch = 4, .sequence = 256}},
    {"smollm2", octavo::families::smollm2_135m, {.batch = 1, .sequence = 256}}};

/// Low-rank adapters on a base in a number type of files.
inline const Setting adapter_settings[] = {
    {"smollm2-lora", with_adapters(octavo::families::smollm2_135m, 8), {.sequence = 256}},
    {"gpt2-lora-512", with_adapters(octavo::presets::gpt2, 16), {.sequence = 512}},
    {"smollm2-lora-512", with_adapters(octavo::families::smollm2_135m, 16), {.sequence = 512}},
    {"qwen2.5-lora-512", with_adapters(octavo::families::qwen2_5_0_5b, 16), {.sequence = 512}},
    {"llama-1b-lora-512", with_adapters(octavo::families::llama_3_2_1b, 16), {.sequence = 512}}};

/// Floating-point operations of a step as nanoGPT counts them: 6 per matrix parameter and token,
/// attention unmasked. With adapters 4 per frozen parameter, whose gradient is not computed.
inline double step_flops(const octavo::ModelConfig& m, const octavo::TrainingOptions& step) {
  const octavo::Index heads = 2 * m.query_width() + 2 * m.kv_width();
  const octavo::Index hidden = (m.feed_forward.gated ? 3 : 2) * m.feed_forward.d_ff;
  const double matrices =
      static_cast<double>((m.layers * (heads + hidden) + m.vocabulary) * m.width);
  const double rows = static_cast<double>(step.rows());
  double frozen = 0, adapters = 0;
  if (m.lora.rank > 0) {
    const octavo::Index q = m.query_width(), kv = m.kv_width(), f = m.feed_forward.d_ff;
    const octavo::Index sides =
        (m.feed_forward.gated ? 3 : 2) * (m.width + f) + 2 * (m.width + q) + 2 * (m.width + kv);
    frozen = matrices;
    adapters = static_cast<double>(m.layers * m.lora.rank * sides);
  }
  return rows * (6 * (matrices + adapters) - 2 * frozen +
                 12.0 * static_cast<double>(m.layers * step.sequence * m.query_width()));
}

/// Fills a step's inputs and targets with tokens drawn from the whole vocabulary.
template <typename Training>
void fill_at_random(Training& training) {
  const octavo::CounterRandom random(1, octavo::RandomStream::batches);
  const auto vocabulary = static_cast<std::uint64_t>(training.config().vocabulary);
  for (std::size_t i = 0; i < training.inputs().size(); ++i) {
    training.inputs()[i] = static_cast<octavo::Token>(random.below(2 * i, vocabulary));
    training.targets()[i] = static_cast<octavo::Token>(random.below(2 * i + 1, vocabulary));
  }
}

}  // namespace octavo_benchmark
