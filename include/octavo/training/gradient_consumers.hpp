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

/// The state of a tensor's gradient within a step.
enum class GradientMark : std::uint8_t { none, begun, used };

namespace detail {

/// Marks `tensor` as begun, and returns whether its gradient is overwritten or accumulated.
inline Output begin_gradient(std::span<GradientMark> marks, Index tensor) {
  GradientMark& mark = marks[static_cast<std::size_t>(tensor)];
  require(mark != GradientMark::used,
          "a layer runs twice in one pass, but its gradients are used up after the first time: "
          "make it with builder.reused()");
  return std::exchange(mark, GradientMark::begun) == GradientMark::none ? Output::overwrite
                                                                        : Output::accumulate;
}

}  // namespace detail

/// Accumulates the gradients of all tensors in one block of memory.
template <Scalar T>
class AccumulateGradients final : public GradientConsumer<T> {
 public:
  /// `gradients`: of all trained tensors. `marks`: one per tensor, of this worker only.
  AccumulateGradients(std::span<const Parameter> parameters, std::span<T> gradients,
                      std::span<GradientMark> marks)
      : parameters_(parameters), gradients_(gradients), marks_(marks) {
    std::fill(marks.begin(), marks.end(), GradientMark::none);
  }

  GradientPlace<T> place(Index tensor) override {
    if (!parameters_[static_cast<std::size_t>(tensor)].trains()) return {};
    return {of(tensor).data(), detail::begin_gradient(marks_, tensor)};
  }
  void complete(Index, Index) override {}

  /// Call after the last pass of a step: sets the gradients of tensors that no pass has used to
  /// zero.
  void finish(const Worker& worker) {
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
    return gradients_.subspan(static_cast<std::size_t>(parameter.gradient_offset),
                              static_cast<std::size_t>(parameter.count()));
  }

  std::span<const Parameter> parameters_;
  std::span<T> gradients_;
  std::span<GradientMark> marks_;
};

/// Memory for the gradients of one part of a model at a time.
template <Scalar T>
struct PartGradients {
  std::span<T> embedding;
  std::span<T> block;  ///< of one block
  std::span<T> head;
  /// Whether the units of a block use the memory in turn: each starts at 0, and tensors without a
  /// unit lie after the largest one.
  bool units_take_turns = false;
  Index largest_unit = 0;  ///< trained numbers in it
};

/// Calls update(parameter, gradient) for each tensor as soon as its gradient is complete.
template <Scalar T, typename Model, typename Update>
class UpdateAtOnce final : public GradientConsumer<T> {
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

  /// The gradients of a part of the model are complete.
  void complete_part(const ParameterRange& part) { use(part); }

 private:
  /// Updates the tensors of the range that were not updated before. Ends with a barrier, because
  /// the next gradients use the same memory.
  void use(const ParameterRange& range) {
    for (Index tensor = range.first_tensor; tensor < range.first_tensor + range.tensors; ++tensor) {
      if (!parameters_[static_cast<std::size_t>(tensor)].trains()) continue;
      GradientMark& mark = marks_[static_cast<std::size_t>(tensor)];
      if (mark == GradientMark::none) {  // no pass has used the tensor
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
    const auto part = [&](std::span<T> memory, Index offset) {
      return memory.subspan(static_cast<std::size_t>(offset),
                            static_cast<std::size_t>(parameter.count()));
    };
    if (in_blocks(tensor)) {
      return part(gradients_.block, gradients_.units_take_turns
                                        ? turn_offset(tensor)
                                        : within_part(parameter, tensor - within_block(tensor)));
    }
    const ParameterRange head = model_.head_range();
    if (tensor < head.first_tensor) return part(gradients_.embedding, within_part(parameter, 0));
    return part(gradients_.head, within_part(parameter, head.first_tensor));
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

  /// The number of trained parameters before `parameter` in its part, which starts with
  /// `first_tensor`.
  Index within_part(const Parameter& parameter, Index first_tensor) const {
    Index first = first_tensor;
    while (!parameters_[static_cast<std::size_t>(first)].trains()) ++first;
    return parameter.gradient_offset - parameters_[static_cast<std::size_t>(first)].gradient_offset;
  }

  const Worker& worker_;
  const Model& model_;
  std::span<const Parameter> parameters_;
  PartGradients<T> gradients_;
  std::span<GradientMark> marks_;
  Update update_;
};

}  // namespace OCTAVO_NAMESPACE
