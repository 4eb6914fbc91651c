// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/scalar.hpp>

namespace OCTAVO_NAMESPACE {

/// Where a layer leaves the gradient of one of its tensors, and how.
template <Scalar T>
struct GradientPlace {
  T* numbers = nullptr;                ///< as many as the tensor has; null: not wanted
  Output output = Output::accumulate;  ///< overwrite: nothing is there yet

  constexpr explicit operator bool() const noexcept { return numbers != nullptr; }
};

/// Takes the gradients of a model, part by part. Each worker has one of its own; all workers ask
/// theirs for the same places in the same order.
template <Scalar T>
class GradientConsumer {
 public:
  virtual ~GradientConsumer() = default;

  /// Where the gradient of the model's tensor of that index goes. The first time in a step that
  /// nothing is there yet the answer says overwrite, afterwards accumulate.
  virtual GradientPlace<T> place(Index tensor) = 0;

  /// The gradients of `count` neighbouring tensors are complete, as far as this pass goes, and none
  /// of their weights is needed any more. Called by all workers after a barrier.
  virtual void complete(Index first_tensor, Index count) = 0;
};

}  // namespace OCTAVO_NAMESPACE
