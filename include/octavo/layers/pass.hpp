// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/dropout.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/layers/gradient_consumer.hpp>
#include <octavo/layers/key_value_cache.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/builder.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE {

/// Who computes a pass, in which memory, and where its gradients go.
template <Scalar T>
struct PassRun {
  const Worker& worker;
  const Arena& arena;
  std::span<T> pack_buffer{};                ///< pack_buffer_elements for each worker
  GradientConsumer<T>* gradients = nullptr;  ///< null: forward only
  std::optional<DropoutDraw> dropout{};      ///< none: nothing is dropped
};

/// Which rows go through the model.
template <Scalar T>
struct PassRows {
  Index sequences = 1;
  Index sequence = 1;  ///< positions of each
  Index first = 0;     ///< rows of the step before these: dropout must not see micro-batches
  /// Forward only: the rows go on with these sequences, of which attention sees the past. Layers
  /// that look at each row alone need not care.
  const CachedSequences<T>* cached = nullptr;

  constexpr Index count() const noexcept { return sequences * sequence; }
};

/// What a layer is given when it runs. All workers of the thread pool call forward and backward
/// with the same arguments at the same time.
template <Scalar T>
struct Pass {
  PassRun<T> run;
  PassRows<T> rows;
  const T* weights = nullptr;  ///< of the part of the model that the layer belongs to
  Index first_tensor = 0;      ///< tensors of the model before that part
  Index block = 0;             ///< which block of the model this is
  Index copy = 0;              ///< whose saved memory it uses: its own in training, else block 0's

  const Worker& worker() const noexcept { return run.worker; }

  /// A layer's buffer, [rows, columns]. ConfigError where the layer did not ask for it.
  template <typename U>
  MatrixView<U> operator[](const Buffer<U>& buffer) const {
    return {numbers(buffer).data(), rows.count(), buffer.columns};
  }
  /// The same as a run of numbers.
  template <typename U>
  std::span<U> numbers(const Buffer<U>& buffer) const {
    require(buffer.booking.booked(),
            "a layer uses memory that it did not ask for: its constructor must ask the builder for "
            "each of its buffers, and there is no backward memory without training");
    const bool shared = run.arena.plan().request(buffer.booking.request).copies == 1;
    return run.arena.get(buffer.booking, shared ? 0 : copy);
  }

  /// The values of a parameter; null where the layer does without.
  const T* weight(const ParameterSlot& slot) const noexcept {
    return slot.exists() ? weights + slot.offset : nullptr;
  }
  /// [rows, columns] of a matrix.
  MatrixView<const T> matrix(const ParameterSlot& slot) const noexcept {
    return {weight(slot), slot.rows, slot.columns};
  }

  /// Where the gradient of a parameter goes in this pass: to be called once for each parameter in
  /// each backward. Nowhere for one that the layer does without or that is frozen.
  GradientPlace<T> gradient(const ParameterSlot& slot) const {
    if (!slot.exists() || run.gradients == nullptr) return {};
    return run.gradients->place(first_tensor + slot.tensor);
  }

  /// The same for layers that can only add: what is there is set to zero first. Null: nowhere.
  T* gradient_to_add_to(const ParameterSlot& slot) const {
    const GradientPlace<T> place = gradient(slot);
    if (place && place.output == Output::overwrite) {
      set_zero<T>(run.worker, std::span(place.numbers, static_cast<std::size_t>(slot.count())));
      run.worker.barrier();
    }
    return place.numbers;
  }

  /// At the end of a layer's backward, after a barrier: the gradients of the unit's `count` tensors
  /// from `first` on are complete, and their weights are not needed any more. Layers that do not
  /// say so lose nothing but memory.
  void complete(const ParameterSlot& first, Index count) const {
    if (run.gradients != nullptr) run.gradients->complete(first_tensor + first.tensor, count);
  }

  /// body(row) for this worker's share of the rows, then a barrier.
  template <typename Body>
  void for_each_row(Body body) const {
    const Range mine = run.worker.split(rows.count());
    for (Index row = mine.begin; row < mine.end; ++row) body(row);
    run.worker.barrier();
  }
};

}  // namespace OCTAVO_NAMESPACE
