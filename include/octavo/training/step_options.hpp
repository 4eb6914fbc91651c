// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/training/training_memory.hpp>

namespace OCTAVO_NAMESPACE {

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
  double gradient_norm = 0;  ///< of the gradients of all that learns, before clipping
  double learning_rate = 0;
};

namespace detail {

/// The options of a step in the scalar T, with no more sequences at a time than there are.
/// ConfigError names what is out of its range.
template <Scalar T>
StepOptions checked(StepOptions options) {
  require_kernels();
  check_optimizer<T>(options.optimizer);
  check_setting("dropout", options.dropout, share_range);
  check_setting("clip", options.clip, not_negative_range);
  check_step(options.step);
  options.step.micro_batch = std::min(options.step.micro_batch, options.step.sequences());
  return options;
}

template <Scalar T>
void check_rate(double learning_rate) {
  require(std::isfinite(learning_rate) &&
              learning_rate <= static_cast<double>(std::numeric_limits<T>::max()),
          "learning rate: expected a finite number of the weights' scalar type");
}

}  // namespace detail
}  // namespace OCTAVO_NAMESPACE
