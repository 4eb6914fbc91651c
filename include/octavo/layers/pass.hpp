// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/dropout.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/row_positions.hpp>
#include <octavo/kernels/weight.hpp>
#include <octavo/layers/gradient_consumer.hpp>
#include <octavo/layers/key_value_cache.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/builder.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE {

/// The worker and the memory of a pass, and the consumer of its gradients.
template <Scalar T>
struct PassRun {
  const Worker& worker;
  const Arena& arena;
  std::span<T> pack_buffer{};                ///< pack_buffer_elements for each worker
  GradientConsumer<T>* gradients = nullptr;  ///< null: forward only
  std::optional<DropoutDraw> dropout{};      ///< nothing: no dropout
  /// Of dropout in adapters, at the rate of their configuration; nothing: no dropout.
  std::optional<CounterRandom> adapter_dropout{};
  /// The parameters of the whole model, one by one; null: all are numbers, and lie together.
  const Weight<T>* parameters = nullptr;
  Index first_row = 0;  ///< rows of the step in other processes before this one's
};

/// The rows of a pass.
template <Scalar T>
struct PassRows {
  Index sequences = 1;
  Index sequence = 1;  ///< positions per sequence
  Index first = 0;     ///< rows of this process's step before these
  /// Forward only: the rows continue these sequences, whose cached past attention sees. Layers that
  /// treat each row separately can ignore this.
  const CachedSequences<T>* cached = nullptr;
  /// [rows], where each row stands in its document: see RowPositions. Null: a sequence is one
  /// document. Layers that treat each row separately can ignore this.
  const std::int32_t* in_document = nullptr;

  constexpr RowPositions positions() const noexcept { return {sequence, in_document}; }
  constexpr Index count() const noexcept { return sequences * sequence; }
};

/// The arguments of a layer's forward and backward. All workers of the thread pool call forward and
/// backward with the same arguments at the same time.
template <Scalar T>
struct Pass {
  PassRun<T> run;
  PassRows<T> rows;
  const T* weights = nullptr;  ///< the weights of the part of the model that the layer belongs to
  Index first_tensor = 0;      ///< index of the part's first tensor in the model
  Index block = 0;             ///< index of the block in the model
  Index copy =
      0;  ///< index of the copy of saved buffers: the block's own in training, else that of block 0

  const Worker& worker() const noexcept { return run.worker; }
  /// Tells the thread pool's clock that a step is in this phase; other passes are not timed.
  void enter(int phase) const noexcept {
    if (run.gradients != nullptr) run.worker.enter(phase);
  }
  /// The index of the first row in the step of all processes, so that dropout depends neither on
  /// their number nor on micro-batches.
  Index first_row() const noexcept { return run.first_row + rows.first; }

  /// A layer's buffer, [rows, columns]. ConfigError if the layer did not request it.
  template <typename U>
  MatrixView<U> operator[](const Buffer<U>& buffer) const {
    return {numbers(buffer).data(), rows.count(), buffer.columns};
  }
  /// A layer's buffer as a flat range of numbers.
  template <typename U>
  OCTAVO_ONE_COPY std::span<U> numbers(const Buffer<U>& buffer) const {
    require(buffer.booking.booked(),
            "a layer uses memory that it did not ask for: its constructor must ask the builder for "
            "each of its buffers, and there is no backward memory without training");
    const bool shared = run.arena.plan().request(buffer.booking.request).copies == 1;
    return run.arena.get(buffer.booking, shared ? 0 : copy);
  }

  /// The numbers of a parameter; null if the layer does not have it, and for a stored matrix.
  const T* weight(const ParameterSlot& slot) const noexcept { return parameter(slot).numbers; }
  /// A parameter that may be a stored matrix: the weight of a linear map, a table of tokens.
  Weight<T> parameter(const ParameterSlot& slot) const noexcept {
    if (!slot.exists()) return {};
    if (run.parameters != nullptr) return run.parameters[first_tensor + slot.tensor];
    return {weights + slot.offset};
  }
  /// A matrix parameter [rows, columns].
  MatrixView<const T> matrix(const ParameterSlot& slot) const noexcept {
    return {weight(slot), slot.rows, slot.columns};
  }

  /// The place for the gradient of a parameter; call it once for each parameter in each backward.
  /// Null for a parameter that the layer does not have, and for a frozen one.
  OCTAVO_ONE_COPY GradientPlace<T> gradient(const ParameterSlot& slot) const {
    if (!slot.exists() || run.gradients == nullptr) return {};
    return run.gradients->place(first_tensor + slot.tensor);
  }

  /// As above for layers that only add: a place that would be overwritten is set to zero first. May
  /// be null.
  OCTAVO_ONE_COPY T* gradient_to_add_to(const ParameterSlot& slot) const {
    const GradientPlace<T> place = gradient(slot);
    if (place && place.output == Output::overwrite) {
      set_zero<T>(run.worker, std::span(place.numbers, static_cast<std::size_t>(slot.count())));
      run.worker.barrier();
    }
    return place.numbers;
  }

  /// Call at the end of a layer's backward, after a barrier: reports that the gradients of the
  /// unit's `count` tensors from `first` on are complete and that their weights are not needed any
  /// more. Layers that do not report this only use more memory.
  void complete(const ParameterSlot& first, Index count) const {
    if (run.gradients != nullptr) run.gradients->complete(first_tensor + first.tensor, count);
  }

  /// Calls body(row) for this worker's share of the rows, then waits at a barrier.
  template <typename Body>
  void for_each_row(Body body) const {
    const Range mine = run.worker.split(rows.count());
    for (Index row = mine.begin; row < mine.end; ++row) body(row);
    run.worker.barrier();
  }
};

}  // namespace OCTAVO_NAMESPACE
