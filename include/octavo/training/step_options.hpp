// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <octavo/base/config.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/training/training_memory.hpp>

namespace octavo {

/// What a step does besides the model.
struct StepOptions {
  StepShape step;
  AnyOptimizer optimizer = AdamW{};
  double clip = 1.0;     ///< global norm above which gradients are scaled down; 0: never
  double dropout = 0.0;  ///< rate after the embedding and each residual branch
  std::uint64_t seed = 1;
  bool recompute = false;               ///< see TrainingMemoryOptions
  bool fused_update = false;            ///< see TrainingMemoryOptions
  std::size_t between_steps_bytes = 0;  ///< see TrainingMemoryOptions

  constexpr TrainingMemoryOptions memory(Index workers) const {
    return {step, workers, optimizer, dropout > 0, recompute, fused_update, between_steps_bytes};
  }
};

/// What a step tells.
struct StepResult {
  Index step = 0;            ///< counted from 0
  double loss = 0;           ///< mean over the targets that count, before the update
  double gradient_norm = 0;  ///< of all gradients, before clipping
  double learning_rate = 0;
};

}  // namespace octavo
