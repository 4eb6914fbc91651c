// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/parameter_table.hpp>

namespace OCTAVO_NAMESPACE {

/// The size and kind of one pass through a model.
struct PassShape {
  Index sequences = 1;
  Index sequence = 1;  ///< positions per sequence, at most the model's context
  Index workers = 1;
  bool training = true;
  bool dropout = false;
  /// Save only each block's input, and run the block again in backward.
  bool recompute = false;
  /// 0: every pass of a step runs forward and backward before the next pass starts. Otherwise the
  /// number of passes in a step: backward starts after all of them have run forward, and goes block
  /// by block, so that one block's gradients are complete and can be used before those of the next
  /// block are computed.
  Index passes_in_flight = 0;
  /// The lowest block that backward goes through; blocks below it save nothing.
  Index first_block = 0;
  /// 0: every pass computes the gradients of whole tables. Otherwise those of the token table and
  /// the head's table are computed after all passes, of so many rows at a time.
  Index table_rows = 0;

  constexpr bool by_block() const noexcept { return passes_in_flight > 0; }
  constexpr Index rows() const noexcept { return sequences * sequence; }
};

/// Memory that a layer requested: a matrix [rows of the pass, columns], or, if `columns` is 0, a
/// flat range of numbers. Pass::operator[] and Pass::numbers give the memory.
template <typename T>
struct Buffer {
  Booking<T> booking;
  Index columns = 0;
};

/// When a layer runs within a pass, and how often its saved memory is needed.
struct BuildTimes {
  std::string_view part;  ///< names the layer in reports
  Lifetime forward;       ///< phases in which the layer's forward runs
  Lifetime backward;      ///< ... and its backward
  /// Lifetime of buffers saved for backward. One layer object serves all blocks, so it covers the
  /// phases of all of them: the second block runs its first half after the first block's second.
  Lifetime saved;
  Index copies = 1;            ///< blocks that share the layer, times passes in flight
  Overlay* overlay = nullptr;  ///< where copies after the first may lie; null: nowhere
};

/// What a layer's constructor gets: a table for its parameters, a plan for its memory, and the path
/// of its names. A small value; `builder / "name"` is the builder for an inner layer.
template <Scalar T>
class Builder {
 public:
  constexpr Builder(ParameterTable& parameters, MemoryPlan& plan, const PassShape& pass,
                    const BuildTimes& times)
      : parameters_(&parameters), plan_(&plan), pass_(pass), times_(times) {}

  constexpr const PassShape& pass() const noexcept { return pass_; }
  constexpr const BuildTimes& times() const noexcept { return times_; }

  OCTAVO_SETUP constexpr Builder operator/(std::string_view name) const {
    Builder builder = *this;
    builder.path_ = path_ / name;
    return builder;
  }

  /// This builder with other times.
  constexpr Builder at(const BuildTimes& times) const {
    Builder builder = *this;
    builder.times_ = times;
    return builder;
  }

  /// This builder for layers whose maps have adapters, if `config`, which must outlive it, has.
  constexpr Builder with_adapters(const LoraConfig& config) const {
    Builder builder = *this;
    builder.lora_ = config.rank > 0 ? &config : nullptr;
    return builder;
  }
  /// Whether map `map` of a linear layer that is made with this builder has an adapter.
  constexpr bool adapts_map(std::size_t map) const {
    return lora_ != nullptr && adapts(*lora_, path_, map);
  }
  /// The adapters; of rank 0 if there are none.
  constexpr LoraConfig adapters() const { return lora_ == nullptr ? LoraConfig{} : *lora_; }

  /// This builder for a layer that runs more than once in a pass: its gradients are complete only
  /// when the gradients of the whole block are.
  constexpr Builder reused() const {
    Builder builder = *this;
    builder.reused_ = true;
    return builder;
  }

  /// See ParameterUnit.
  constexpr ParameterUnit begin_unit() const {
    return reused_ ? ParameterUnit{} : parameters_->begin_unit();
  }

  /// A parameter [rows, columns]: the weight of a linear map, x [.., rows] to [.., columns].
  OCTAVO_SETUP constexpr ParameterSlot matrix(std::string_view name, Index rows, Index columns,
                                              InitialValue initial = InitialValue::normal,
                                              ParameterUnit unit = {}) const {
    return matrix(name, rows, MapColumns{columns}, initial, unit);
  }
  /// The weights of several linear maps of one input, side by side: [rows, sum of the columns].
  OCTAVO_SETUP constexpr ParameterSlot matrix(std::string_view name, Index rows,
                                              const MapColumns& columns, InitialValue initial,
                                              ParameterUnit unit) const {
    const Index all = columns[0] + columns[1] + columns[2];
    return parameters_->add(path_ / name, rows, all, initial, unit, columns);
  }
  /// A parameter [rows, columns] of which each row belongs to a token, a position or a tap.
  OCTAVO_SETUP constexpr ParameterSlot table(std::string_view name, Index rows, Index columns,
                                             InitialValue initial = InitialValue::normal,
                                             ParameterUnit unit = {}) const {
    return parameters_->add(path_ / name, rows, columns, initial, unit);
  }
  /// A parameter [size].
  OCTAVO_SETUP constexpr ParameterSlot vector(std::string_view name, Index size,
                                              InitialValue initial = InitialValue::zeros,
                                              ParameterUnit unit = {}) const {
    return parameters_->add(path_ / name, 0, size, initial, unit);
  }

  /// A buffer [rows of the pass, columns], saved from forward to backward for each block.
  OCTAVO_SETUP constexpr Buffer<T> saved(std::string_view name, Index columns) const {
    const Index count = pass_.rows() * columns;
    if (!pass_.training) return {scratch(name, count, times_.forward, MemoryKind::saved), columns};
    if (times_.overlay == nullptr) {
      return {
          plan_->book<T>(times_.part, name, MemoryKind::saved, count, times_.saved, times_.copies),
          columns};
    }
    return {plan_->book<T>(times_.part, name, MemoryKind::saved, count, times_.saved, times_.copies,
                           *times_.overlay),
            columns};
  }

  /// A buffer [rows of the pass, columns] that lives during one forward call.
  OCTAVO_SETUP constexpr Buffer<T> forward_scratch(std::string_view name, Index columns) const {
    return {scratch(name, pass_.rows() * columns, times_.forward), columns};
  }
  /// A buffer [rows of the pass, columns] that lives during one backward call; nothing without
  /// training.
  OCTAVO_SETUP constexpr Buffer<T> backward_scratch(std::string_view name, Index columns) const {
    if (!pass_.training) return {};
    return {scratch(name, pass_.rows() * columns, times_.backward), columns};
  }

  /// A buffer of [count] numbers that lives during one forward call.
  OCTAVO_SETUP constexpr Buffer<T> forward_numbers(std::string_view name, Index count) const {
    return {scratch(name, count, times_.forward)};
  }
  /// A buffer of [count] numbers that lives during one backward call; nothing without training.
  OCTAVO_SETUP constexpr Buffer<T> backward_numbers(std::string_view name, Index count) const {
    if (!pass_.training) return {};
    return {scratch(name, count, times_.backward)};
  }

 private:
  OCTAVO_SETUP constexpr Booking<T> scratch(std::string_view name, Index count, Lifetime lifetime,
                                            MemoryKind kind = MemoryKind::scratch) const {
    return plan_->book<T>(times_.part, name, kind, count, lifetime);
  }

  ParameterTable* parameters_;
  MemoryPlan* plan_;
  PassShape pass_;
  BuildTimes times_;
  ParameterPath path_;
  const LoraConfig* lora_ = nullptr;  ///< null: no adapters
  bool reused_ = false;
};

}  // namespace OCTAVO_NAMESPACE
