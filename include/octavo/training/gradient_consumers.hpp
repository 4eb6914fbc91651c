// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/layers/gradient_consumer.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/parameter_table.hpp>

// Consumers of a step's gradients. Each worker makes its own consumer for each step.
namespace OCTAVO_NAMESPACE {

/// The state of a tensor's gradient within a step. earlier: has gradients of all leaves from a part
/// of the model other than its own, as a tied token table from the head.
enum class GradientMark : std::uint8_t { none, begun, earlier, used };

namespace detail {

/// Marks `tensor` as begun, and returns whether its gradient is overwritten or accumulated.
inline Output begin_gradient(std::span<GradientMark> marks, Index tensor) {
  GradientMark& mark = marks[static_cast<std::size_t>(tensor)];
  require(mark != GradientMark::used,
          "a layer runs twice in one pass, but its gradients are used up after the first time: "
          "make it with builder.reused()");
  if (mark != GradientMark::none) return Output::accumulate;
  mark = GradientMark::begun;
  return Output::overwrite;
}

}  // namespace detail

/// The gradients of a part of a model in each slot of a sum over leaves (see SumTree).
template <Scalar T>
struct SlotNumbers {
  T* first = nullptr;  ///< in slot 0
  T* more = nullptr;   ///< in slot 1
  Index stride = 0;    ///< from slot 1 to slot 2, and so on
  Index count = 0;     ///< numbers of the part

  constexpr std::span<T> operator[](Index slot) const noexcept {
    return {slot == 0 ? first : more + (slot - 1) * stride, static_cast<std::size_t>(count)};
  }
};

/// A consumer of the gradients of a step's leaves, one leaf after the other.
template <Scalar T>
class LeafGradients : public GradientConsumer<T> {
 public:
  /// Gradients are now of leaf `leaf` of this process, and belong in `slot`. With fused_update
  /// called anew for each part of the model.
  virtual void begin_leaf(Index leaf, Index slot) = 0;
  /// The gradients of a part of the model are complete for the leaf.
  virtual void end_leaf(const ParameterRange& part) = 0;
  virtual SlotNumbers<T> slots(const ParameterRange& part) const = 0;
};

/// A reference to a function of a part of the model, or to none: one type for all of them, so that
/// what calls them is compiled once.
class PartComplete {
 public:
  PartComplete() = default;
  template <typename Function>
  explicit PartComplete(const Function& function)
      : function_(&function), call_([](const void* f, const ParameterRange& part) {
          (*static_cast<const Function*>(f))(part);
        }) {}

  void operator()(const ParameterRange& part) const {
    if (call_ != nullptr) call_(function_, part);
  }

 private:
  const void* function_ = nullptr;
  void (*call_)(const void*, const ParameterRange&) = nullptr;
};

/// The trained numbers of a part of the model, as a range of all gradients.
inline Range trained_numbers(std::span<const Parameter> parameters, const ParameterRange& part) {
  Range numbers;
  for (const Parameter& tensor : parameters.subspan(static_cast<std::size_t>(part.first_tensor),
                                                    static_cast<std::size_t>(part.tensors))) {
    if (!tensor.trains()) continue;
    if (numbers.empty()) numbers = {tensor.gradient_offset, tensor.gradient_offset};
    numbers.end += tensor.count();
  }
  return numbers;
}

/// Accumulates the gradients of all tensors in one block of memory, and in one for each further
/// slot.
template <Scalar T>
class AccumulateGradients final : public LeafGradients<T> {
 public:
  /// `gradients`: of all trained tensors. `marks`: one per tensor, of this worker only.
  /// `more_slots`: gradients of all trained tensors for each slot after the first.
  AccumulateGradients(std::span<const Parameter> parameters, std::span<T> gradients,
                      std::span<GradientMark> marks, std::span<T> more_slots = {})
      : parameters_(parameters), gradients_(gradients), marks_(marks), more_slots_(more_slots) {
    std::fill(marks.begin(), marks.end(), GradientMark::none);
  }

  void begin_leaf(Index, Index slot) override {
    slot_ = slot;
    std::fill(marks_.begin(), marks_.end(), GradientMark::none);
  }
  void end_leaf(const ParameterRange&) override {}
  SlotNumbers<T> slots(const ParameterRange& part) const override {
    const Range trained = trained_numbers(parameters_, part);
    return {gradients_.data() + trained.begin,
            more_slots_.empty() ? nullptr : more_slots_.data() + trained.begin,
            std::ssize(gradients_), trained.size()};
  }

  GradientPlace<T> place(Index tensor) override {
    if (!parameters_[static_cast<std::size_t>(tensor)].trains()) return {};
    return {of(tensor).data(), detail::begin_gradient(marks_, tensor)};
  }
  void complete(Index, Index) override {}

  /// Call after the last pass of a step, when slot 0 has the sum: sets the gradients of tensors
  /// that no pass has used to zero.
  void finish(const Worker& worker) {
    slot_ = 0;
    for (Index tensor = 0; tensor < std::ssize(parameters_); ++tensor) {
      const auto i = static_cast<std::size_t>(tensor);
      if (parameters_[i].trains() && marks_[i] == GradientMark::none) {
        set_zero<T>(worker, of(tensor));
      }
    }
  }

 private:
  std::span<T> of(Index tensor) const {
    const Parameter& parameter = parameters_[static_cast<std::size_t>(tensor)];
    const std::span<T> slot =
        slot_ == 0 ? gradients_
                   : more_slots_.subspan(static_cast<std::size_t>(slot_ - 1) * gradients_.size(),
                                         gradients_.size());
    return slot.subspan(static_cast<std::size_t>(parameter.gradient_offset),
                        static_cast<std::size_t>(parameter.count()));
  }

  std::span<const Parameter> parameters_;
  std::span<T> gradients_;
  std::span<GradientMark> marks_;
  std::span<T> more_slots_;
  Index slot_ = 0;
};

/// Memory for the gradients of one part of a model at a time, each for all slots.
template <Scalar T>
struct PartGradients {
  std::span<T> embedding;
  std::span<T> block;  ///< of one block
  std::span<T> head;
  /// Whether the units of a block use the memory in turn: each starts at 0, and tensors without a
  /// unit lie after the largest one.
  bool units_take_turns = false;
  Index largest_unit = 0;  ///< trained numbers in it
  Index slots = 1;
  /// 0, or the leaves of a process, each of which has a slot for the embedding: the tied token
  /// table gets gradients of all leaves at the head, before any at the embedding.
  Index tied_leaves = 0;
};

/// Calls update(parameter, gradient) for each tensor as soon as its gradient is complete; for a
/// table in rows (Transformer::in_rows) with memory for some rows of its gradient.
template <Scalar T, typename Model, typename Update>
class UpdateAtOnce final : public LeafGradients<T> {
 public:
  UpdateAtOnce(const Worker& worker, const Model& model, std::span<const Parameter> parameters,
               const PartGradients<T>& gradients, std::span<GradientMark> marks, Update update)
      : worker_(worker),
        model_(model),
        parameters_(parameters),
        gradients_(gradients),
        marks_(marks),
        update_(std::move(update)) {
    std::fill(marks.begin(), marks.end(), GradientMark::none);
  }

  GradientPlace<T> place(Index tensor) override {
    if (!parameters_[static_cast<std::size_t>(tensor)].trains()) return {};
    return {of(tensor).data(), detail::begin_gradient(marks_, tensor)};
  }

  void complete(Index first_tensor, Index count) override {
    if (!gradients_.units_take_turns || !in_blocks(first_tensor)) return;
    if (model_.block_table()[within_block(first_tensor)].unit < 0) return;
    use({first_tensor, count, 0, 0});
  }

  void begin_leaf(Index leaf, Index slot) override {
    leaf_ = leaf;
    slot_ = slot;
    std::replace(marks_.begin(), marks_.end(), GradientMark::begun, GradientMark::none);
  }
  /// A leaf's embedding moves to its slot, where no leaf is any more.
  void end_leaf(const ParameterRange& part) override {
    if (gradients_.tied_leaves == 0 || part.first_tensor != 0 || leaf_ == slot_) return;
    const SlotNumbers<T> numbers = slots(part);
    const Range mine = worker_.split(numbers.count);
    worker_.barrier();
    std::copy_n(numbers[leaf_].data() + mine.begin, mine.size(),
                numbers[slot_].data() + mine.begin);
    worker_.barrier();
  }
  SlotNumbers<T> slots(const ParameterRange& part) const override {
    const bool block = in_blocks(part.first_tensor);
    const std::span<T> memory = block                    ? gradients_.block
                                : part.first_tensor == 0 ? gradients_.embedding
                                                         : gradients_.head;
    const Index stride =
        std::ssize(memory) / (part.first_tensor == 0 ? embedding_slots() : gradients_.slots);
    return {memory.data(), memory.data() + stride, stride,
            trained_numbers(parameters_, part).size()};
  }

  /// The gradients of a part of the model are complete, in slot 0.
  void complete_part(const ParameterRange& part) {
    slot_ = leaf_ = 0;
    use(part);
    std::replace(marks_.begin(), marks_.end(), GradientMark::begun, GradientMark::earlier);
  }

 private:
  /// Updates the tensors of the range that were not updated before. Ends with a barrier, because
  /// the next gradients use the same memory.
  void use(const ParameterRange& range) {
    for (Index tensor = range.first_tensor; tensor < range.first_tensor + range.tensors; ++tensor) {
      if (!parameters_[static_cast<std::size_t>(tensor)].trains()) continue;
      GradientMark& mark = marks_[static_cast<std::size_t>(tensor)];
      if (mark == GradientMark::none && !model_.in_rows(tensor)) {  // no pass has used it
        set_zero<T>(worker_, of(tensor));
        worker_.barrier();
      }
      if (std::exchange(mark, GradientMark::used) == GradientMark::used) continue;
      update_(parameters_[static_cast<std::size_t>(tensor)], of(tensor));
    }
    worker_.barrier();
  }

  bool in_blocks(Index tensor) const {
    return tensor >= model_.embedding_range().tensors && tensor < model_.head_range().first_tensor;
  }
  Index within_block(Index tensor) const {
    return (tensor - model_.embedding_range().tensors) % model_.block_table().size();
  }

  std::span<T> of(Index tensor) const {
    const Parameter& parameter = parameters_[static_cast<std::size_t>(tensor)];
    const auto part = [&](std::span<T> memory, Index slot, Index slots, Index offset) {
      return memory.subspan(static_cast<std::size_t>(std::ssize(memory) / slots * slot + offset),
                            static_cast<std::size_t>(numbers(parameter)));
    };
    if (in_blocks(tensor)) {
      return part(gradients_.block, slot_, gradients_.slots,
                  gradients_.units_take_turns
                      ? turn_offset(tensor)
                      : within_part(parameter, tensor - within_block(tensor)));
    }
    const ParameterRange head = model_.head_range();
    if (tensor < head.first_tensor) {
      return part(gradients_.embedding, gradients_.tied_leaves > 0 ? leaf_ : slot_,
                  embedding_slots(), within_part(parameter, 0));
    }
    return part(gradients_.head, slot_, gradients_.slots,
                within_part(parameter, head.first_tensor));
  }
  Index embedding_slots() const noexcept {
    return gradients_.tied_leaves > 0 ? gradients_.tied_leaves : gradients_.slots;
  }

  /// The number of trained parameters before `tensor` in its unit; without a unit, those of the
  /// largest unit and of tensors without a unit before it in its block.
  Index turn_offset(Index tensor) const {
    const ParameterTable& table = model_.block_table();
    const Index within = within_block(tensor);
    const int unit = table[within].unit;
    Index offset = unit < 0 ? gradients_.largest_unit : 0;
    for (Index i = 0; i < within; ++i) {
      const bool trains = parameters_[static_cast<std::size_t>(tensor - within + i)].trains();
      if (trains && table[i].unit == unit) offset += table[i].count();
    }
    return offset;
  }

  /// The numbers of a tensor's gradient for which there is memory.
  Index numbers(const Parameter& tensor) const {
    if (!model_.in_rows(tensor.index)) return tensor.count();
    return std::min(tensor.rows, model_.table_rows()) * tensor.columns;
  }
  /// ... and those before `parameter` in its part, which starts with `first_tensor`.
  Index within_part(const Parameter& parameter, Index first_tensor) const {
    Index before = 0;
    for (Index tensor = first_tensor; tensor < parameter.index; ++tensor) {
      const Parameter& other = parameters_[static_cast<std::size_t>(tensor)];
      if (other.trains()) before += numbers(other);
    }
    return before;
  }

  const Worker& worker_;
  const Model& model_;
  std::span<const Parameter> parameters_;
  PartGradients<T> gradients_;
  std::span<GradientMark> marks_;
  Update update_;
  Index leaf_ = 0;
  Index slot_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
