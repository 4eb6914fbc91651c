// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <octavo/training/training_step.hpp>

namespace octavo_test {

/// What some steps leave.
struct Trained {
  std::vector<float> weights, averages;  ///< of what trains
  std::vector<double> losses;

  bool operator==(const Trained&) const = default;
};

/// Inputs and targets of a step, of 23 tokens.
inline void fill(octavo::TrainingStep<float>& step) {
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<octavo::Token>(i * 5 % 23);
    step.targets()[i] = static_cast<octavo::Token>((i * 5 + 2) % 23);
  }
}

}  // namespace octavo_test
