// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>

#include <octavo/base/config.hpp>
#include <octavo/kernels/dropout.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>

namespace OCTAVO_NAMESPACE {

/// How much goes through a model in one pass, and what for.
struct PassShape {
  Index sequences = 1;
  Index sequence = 1;  ///< positions of each, at most the model's context
  Index workers = 1;
  bool training = true;
  bool dropout = false;
  bool recompute =
      false;  ///< keep each block's input alone, and run the block again on the way back
  /// 0: every pass of a step goes forward and back before the next begins. Else the way back begins
  /// when all `held` passes of the step have gone forward, and goes block by block, so that one
  /// block's gradients are complete, and can be used up, before the next block's are begun.
  Index held = 0;

  constexpr bool by_block() const noexcept { return held > 0; }
  constexpr Index rows() const noexcept { return sequences * sequence; }
};

/// Where the gradients of a model's parts lie. All null: forward only.
template <Scalar T>
struct GradientParts {
  T* embedding = nullptr;
  T* blocks = nullptr;     ///< of block 0
  Index block_stride = 0;  ///< from one block's to the next's; 0 where they take turns
  T* end = nullptr;        ///< of final norm and head

  constexpr explicit operator bool() const noexcept { return blocks != nullptr; }
};

/// What a model is given when it runs. All workers call it together with the same arguments.
template <Scalar T>
struct Pass {
  const Worker& worker;
  const Arena& arena;
  const T* weights = nullptr;  ///< all parameters, in the order of Transformer::parameters()
  GradientParts<T> gradients;  ///< none: forward only
  Index sequences = 1;
  Index sequence = 1;
  Index first_row = 0;  ///< rows of the step before this pass: dropout must not see micro-batches
  std::optional<DropoutDraw> dropout;
  /// Output::overwrite for the first pass of a step: gradients are overwritten, but for those that
  /// Transformer::for_each_range_added_to names, which must be zero.
  Output gradient_start = Output::accumulate;
};

/// A run of neighbouring tensors: one part of a model.
struct ParameterRange {
  std::size_t first_tensor = 0;
  std::size_t tensors = 0;
  Index offset = 0;  ///< numbers before it
  Index count = 0;   ///< numbers in it
};

}  // namespace OCTAVO_NAMESPACE
