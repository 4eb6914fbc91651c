// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

/// What changes from update to update.
struct UpdateStep {
  Index number = 1;            ///< of this update, counted from 1
  double learning_rate = 0;    ///< before each tensor's own factor
  double gradient_factor = 1;  ///< what clipping multiplies every gradient by
  Index first_gradient = 0;    ///< the parameter whose gradient is gradients[0]
};

/// An optimizer is a few numbers and one pass over flat memory. state_bytes says how much it
/// remembers of that many parameters in that many tensors; all of it is zero before the first
/// update, and aligned to 64 bytes. All workers call update together with the tensors to change,
/// some or all; each changes its share. Tensors with learning_rate_factor 0 are left alone.
/// weights [all parameters], gradients [from step.first_gradient on], state [state_bytes].
template <typename O, typename T>
concept Optimizer = Scalar<T> &&
    requires(const O optimizer, const Worker worker, const UpdateStep step,
             std::span<const Parameter> tensors, std::span<T> weights, std::span<const T> gradients,
             std::span<std::byte> state) {
  { O::template state_bytes<T>(Index{}, Index{}) } -> std::same_as<std::size_t>;
  optimizer.template update<T>(worker, step, tensors, weights, gradients, state);
};

namespace detail {

/// Calls body(range, parameter) for this worker's share of every tensor that learns, whole packs
/// but for the last; the range counts from the first of all parameters.
template <typename Body>
void for_each_trained_range(const Worker& worker, std::span<const Parameter> parameters,
                            Body body) {
  for (const Parameter& parameter : parameters) {
    if (parameter.learning_rate_factor == 0) continue;
    const Range share = worker.split(parameter.count(), 16);
    body(Range{parameter.offset + share.begin, parameter.offset + share.end}, parameter);
  }
}

/// State that is numbers: `which` of the blocks of `count` numbers, one behind the other.
template <Scalar T>
T* state_block(std::span<std::byte> state, Index which, std::size_t count) {
  return reinterpret_cast<T*>(state.data()) + which * static_cast<Index>(count);
}

}  // namespace detail
}  // namespace OCTAVO_NAMESPACE
