// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/scalar.hpp>

namespace OCTAVO_NAMESPACE {

/// The place for the gradient of a tensor, and whether a layer overwrites it or adds to it.
template <Scalar T>
struct GradientPlace {
  T* numbers = nullptr;                ///< [the tensor's numbers]; null: the gradient is not wanted
  Output output = Output::accumulate;  ///< overwrite: the place has no gradient yet

  constexpr explicit operator bool() const noexcept { return numbers != nullptr; }
};

/// Receives the gradients of a model, part by part. Each worker has its own consumer; all workers
/// make the same calls in the same order.
template <Scalar T>
class GradientConsumer {
 public:
  virtual ~GradientConsumer() = default;

  /// The place for the gradient of a tensor, by its index in the model. The first call in a step
  /// returns overwrite, later calls accumulate.
  virtual GradientPlace<T> place(Index tensor) = 0;

  /// Reports that the gradients of `count` neighbouring tensors are complete in this pass, and that
  /// their weights are not needed any more. Called by all workers after a barrier.
  virtual void complete(Index first_tensor, Index count) = 0;
};

}  // namespace OCTAVO_NAMESPACE
