// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <optional>
#include <span>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/dropout.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/layers/key_value_cache.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/parameter_declarations.hpp>

// The contract between layers and whoever runs them. A layer is a description: it knows its sizes,
// where its parameters lie within their block, and which memory it booked. It owns no numbers, so
// one layer object serves every block of a model and every thread.
namespace OCTAVO_NAMESPACE {

/// Where a layer books its memory, before anything is allocated.
struct BookingScope {
  MemoryPlan& plan;
  std::string_view part;  ///< names the layer in reports
  Index sequences = 1;    ///< sequences in one pass
  Index sequence = 1;     ///< positions of each
  Index workers = 1;
  Lifetime forward;   ///< phases in which the layer's forward runs
  Lifetime backward;  ///< ... and its backward
  /// Of what is kept for backward. Where a description serves many blocks this spans all of them:
  /// the second block runs its first half after the first block has kept its second.
  Lifetime kept;
  bool training = true;        ///< without training nothing is kept for backward
  Index copies = 1;            ///< how many blocks of a model share this description
  Lodging* lodging = nullptr;  ///< where copies behind the first may lie

  constexpr Index rows() const noexcept { return sequences * sequence; }

  /// Kept from forward to backward, once per block.
  template <typename T>
  constexpr Booking<T> saved(std::string_view name, Index count) {
    if (!training) return plan.book<T>(part, name, MemoryKind::saved, count, forward);
    if (lodging == nullptr) return plan.book<T>(part, name, MemoryKind::saved, count, kept, copies);
    return plan.book<T>(part, name, MemoryKind::saved, count, kept, copies, *lodging);
  }
  /// For the length of one forward call.
  template <typename T>
  constexpr Booking<T> forward_scratch(std::string_view name, Index count) {
    return plan.book<T>(part, name, MemoryKind::scratch, count, forward);
  }
  /// For the length of one backward call.
  template <typename T>
  constexpr Booking<T> backward_scratch(std::string_view name, Index count) {
    if (!training) return {};
    return plan.book<T>(part, name, MemoryKind::scratch, count, backward);
  }
};

/// Takes the gradients of layers one by one, as soon as they are complete.
template <Scalar T>
class GradientSink {
 public:
  explicit GradientSink(std::span<T> room) : room_(room) {}
  virtual ~GradientSink() = default;

  /// Where the layers leave their gradients in turn, the first one in front.
  std::span<T> room() const noexcept { return room_; }

  /// All workers call it: room() holds the gradients of the parameters [first, first + count) of
  /// the layer's block. The next layer may overwrite them when it returns.
  virtual void take(const Worker& worker, Index first, Index count) = 0;

 private:
  std::span<T> room_;
};

/// What a layer is given when it runs.
template <Scalar T>
struct LayerContext {
  const Worker& worker;
  const Arena& arena;
  const T* weights = nullptr;  ///< the block of parameters in which the layer declared its own
  T* gradients = nullptr;      ///< of the same layout; see gradient_start
  Index block = 0;             ///< which block of the model this is
  Index copy = 0;              ///< whose saved memory it uses: its own in training, else block 0's
  Index sequences = 1;
  Index sequence = 1;
  std::span<T> pack_buffer;            ///< pack_buffer_elements for each worker
  Index first_row = 0;                 ///< of this pass within the whole step
  std::optional<DropoutDraw> dropout;  ///< none: nothing is dropped
  /// Output::overwrite: the gradients hold nothing yet, and our layers overwrite them instead of
  /// adding.
  Output gradient_start = Output::accumulate;
  GradientSink<T>* sink = nullptr;  ///< who takes the gradients of each layer; none: they stay
  /// Forward only: the rows go on with these sequences, of which attention sees the past. Layers
  /// that look at each row alone need not care.
  const CachedSequences<T>* cached = nullptr;

  /// Where a layer's gradient of `slot` goes; its parameters begin with the slot `first`.
  T* gradient(const ParameterSlot& slot, const ParameterSlot& first) const {
    if (sink == nullptr) return slot.in(gradients);
    return slot.declared() ? sink->room().data() + (slot.offset - first.offset) : nullptr;
  }

  /// A layer's gradients from the slot `first` to the slot `last` are complete, and none of its
  /// weights is needed any more. Begins behind a barrier.
  void complete(const ParameterSlot& first, const ParameterSlot& last) const {
    if (sink != nullptr) sink->take(worker, first.offset, last.end() - first.offset);
  }

  Index rows() const noexcept { return sequences * sequence; }

  /// Saved memory of this context's block. ConfigError where the layer has not booked it.
  template <typename U>
  U* saved(Booking<U> booking) const {
    check_booked(booking.booked());
    return arena.get(booking, copy).data();
  }
  /// Scratch memory; likewise.
  template <typename U>
  std::span<U> scratch(Booking<U> booking) const {
    check_booked(booking.booked());
    return arena.get(booking);
  }
  template <typename U>
  MatrixView<U> scratch_matrix(Booking<U> booking, Index columns) const {
    return MatrixView<U>(scratch(booking).data(), rows(), columns);
  }

  static void check_booked(bool booked) {
    require(booked,
            "a layer uses memory that was not booked: its book() must book what it uses, and call "
            "book() of every layer that it is made of");
  }
  static void check_declared(const ParameterSlot& slot) {
    require(slot.declared(),
            "a layer uses a tensor that was not declared: its declare() must call declare() of "
            "every layer that it is made of");
  }
};

namespace detail {

// What a layer must have, each by itself: compilers then name what is missing.

template <typename L>
concept HasValue = Scalar<typename L::Value>;

template <typename L>
concept HasInputWidth = requires(const L layer) {
  { layer.input_width() } -> std::same_as<Index>;
};

template <typename L>
concept HasOutputWidth = requires(const L layer) {
  { layer.output_width() } -> std::same_as<Index>;
};

template <typename L>
concept HasDeclare = requires(L layer, ParameterDeclarations& declarations) {
  layer.declare(declarations);
};

template <typename L>
concept LayerBooks = requires(L layer, BookingScope& scope) {
  layer.book(scope);
};

template <typename L>
concept LayerForward = requires(const L layer, const LayerContext<typename L::Value>& context,
                                MatrixView<const typename L::Value> input,
                                MatrixView<typename L::Value> output) {
  layer.forward(context, input, output);
};

template <typename L>
concept LayerBackward = requires(const L layer, const LayerContext<typename L::Value>& context,
                                 MatrixView<const typename L::Value> input,
                                 MatrixView<typename L::Value> input_gradient) {
  layer.backward(context, input, input, input_gradient);
};

}  // namespace detail

/// From [rows, input_width] to [rows, output_width], forward and backward.
///
/// - declare() adds the parameters, book() the memory; both are called once, in this order, and
///   remember the slots and bookings they get. Both are constexpr in this library's layers, so that
///   the bytes of a run are known when it is compiled.
/// - forward(context, input, output) overwrites output.
/// - backward(context, input, output_gradient, input_gradient) gets the input of forward again,
///   overwrites input_gradient and adds to the parameters' gradients (or, where gradient_start
///   says so, may overwrite them).
/// - forward and backward are called by all workers of the crew at the same time with the same
///   arguments. Each does its share, and they end with context.worker.barrier(): when a layer
///   returns, all of its output is there. Neither may throw or allocate.
/// - A feed-forward part may also offer keep(context, input), the part of forward that keeps what
///   backward needs: recomputation then skips the rest.
/// - A feed-forward part with `static constexpr bool overwrites_gradients = true` promises to obey
///   context.gradient_start and context.sink (using each of our layers in it once will do): its
///   gradients are then not set to zero before a step, and need no memory beyond those of one
///   layer where they are used up at once. Others always get Output::accumulate and no sink. A
///   class derived from FeedForward inherits the promise.
/// - Every output must be computed in an order that does not depend on the number of workers.
template <typename L>
concept Layer = detail::HasValue<L> && detail::HasInputWidth<L> && detail::HasOutputWidth<L> &&
    detail::HasDeclare<L> && detail::LayerBooks<L> && detail::LayerForward<L> &&
    detail::LayerBackward<L>;

}  // namespace OCTAVO_NAMESPACE
