// SPDX-License-Identifier: MIT
// The seven settings that steps are measured in, and how much arithmetic they are.
#pragma once

#include <string>

#include <octavo/octavo.hpp>

namespace octavo_benchmark {

struct Setting {
  std::string name;
  octavo::ModelShape shape;
  octavo::StepOptions options;
};

/// The shape of examples/train_v2.
inline constexpr octavo::ModelShape v2{
    .vocabulary = 70, .context = 64, .layers = 2, .heads = 4, .width = 128, .d_ff = 256};

inline const Setting settings[] = {{"tiny", octavo::presets::tiny, {.step = {1, 32}}},
                                   {"v2", v2, {.step = {1, 32}}},
                                   {"small", octavo::presets::small, {.step = {1, 64}}},
                                   {"nano", octavo::presets::nano, {.step = {12, 64}}},
                                   {"medium", octavo::presets::medium, {.step = {8, 128}}},
                                   {"large", octavo::presets::large, {.step = {8, 128}}},
                                   {"gpt2", octavo::presets::gpt2, {.step = {4, 64}}}};

/// Floating-point operations of a step as nanoGPT counts them: 6 per matrix parameter and token,
/// attention unmasked.
inline double step_flops(const octavo::ModelShape& m, const octavo::StepShape& step) {
  const double matrices = static_cast<double>(
      m.layers * (4 * m.width * m.width + 2 * m.width * m.d_ff) + m.vocabulary * m.width);
  const double rows = static_cast<double>(step.rows());
  return rows * (6 * matrices + 12.0 * static_cast<double>(m.layers * step.sequence * m.width));
}

/// Fills a step's inputs and targets with tokens drawn from the whole vocabulary.
inline void fill_at_random(octavo::TrainingStep<float>& training) {
  const octavo::CounterRandom random(1, octavo::RandomStream::batches);
  const auto vocabulary = static_cast<std::uint64_t>(training.shape().vocabulary);
  for (std::size_t i = 0; i < training.inputs().size(); ++i) {
    training.inputs()[i] = static_cast<octavo::Token>(random.below(2 * i, vocabulary));
    training.targets()[i] = static_cast<octavo::Token>(random.below(2 * i + 1, vocabulary));
  }
}

}  // namespace octavo_benchmark
