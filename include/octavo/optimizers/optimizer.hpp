// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace octavo {

/// What changes from update to update.
struct UpdateStep {
  Index number = 1;            ///< of this update, counted from 1
  double learning_rate = 0;    ///< before each tensor's own factor
  double gradient_factor = 1;  ///< what clipping multiplies every gradient by
};

/// An optimizer is a few numbers and one pass over flat memory. state_per_parameter says how many
/// numbers it keeps for each parameter; `state` holds that many blocks, one behind the other, each
/// as long as the weights, all zero before the first update. All workers call update together; each
/// changes its share. Tensors with learning_rate_factor 0 are left alone.
template <typename O, typename T>
concept Optimizer = Scalar<T> &&
    requires(const O optimizer, const Worker worker, const UpdateStep step,
             std::span<const Parameter> parameters, std::span<T> block,
             std::span<const T> gradients) {
  { O::state_per_parameter } -> std::convertible_to<Index>;
  optimizer.update(worker, step, parameters, block, gradients, block);
};

namespace detail {

/// Calls body(offset, lanes, parameter) for this worker's packs of every tensor that learns.
template <Scalar T, typename Body>
void for_each_trained_pack(const Worker& worker, std::span<const Parameter> parameters, Body body) {
  for (const Parameter& parameter : parameters) {
    if (parameter.learning_rate_factor == 0) continue;
    const Range range = worker.split(parameter.count(), Pack<T>::lanes);
    for_each_pack(range.size(), [&](Index i, Index lanes) {
      body(parameter.offset + range.begin + i, lanes, parameter);
    });
  }
}

}  // namespace detail
}  // namespace octavo
