// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/layers/output_head.hpp>
#include <octavo/layers/pass.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/tensor/builder.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/phases.hpp>

namespace OCTAVO_NAMESPACE {

/// The memory between the final norm of a model and its head. With PassShape::table_rows it also
/// keeps, for all rows of a step, what the gradient of the head's table is computed from after all
/// passes.
template <Scalar T>
class HeadMemory {
 public:
  OCTAVO_SETUP constexpr HeadMemory(MemoryPlan& plan, const PassShape& pass,
                                    const ModelConfig& config)
      : width_(config.width), keeps_(pass.training && pass.table_rows > 0) {
    constexpr Lifetime head{phase::head, phase::head};
    const Index in_flight = std::max<Index>(pass.passes_in_flight, 1);
    const Index rows = pass.rows() * (keeps_ ? in_flight : 1);
    const int last = config.head.tied ? phase::embed_backward : phase::head;
    // A later pass runs forward while the rows of an earlier one are kept. With a single pass a
    // tied head's could begin later; as long-lived buffers they leave no gaps.
    const bool early = in_flight > 1 || config.head.tied;
    const Lifetime kept{early ? phase::embed_forward : phase::head, last};
    const MemoryKind kind = keeps_ ? MemoryKind::saved : MemoryKind::scratch;
    const auto book = [&](const char* name, MemoryKind of, Index count, Lifetime lifetime) {
      return plan.book<T>("head", name, of, count, lifetime);
    };
    input_ = book("input", kind, rows * width_, keeps_ ? kept : head);
    if (pass.training) {
      input_gradient_ = book("input gradient", MemoryKind::scratch, pass.rows() * width_, head);
    }
    if (!keeps_) return;
    largest_ = book("largest logits", kind, rows, kept);
    factors_ = book("softmax factors", kind, rows, kept);
    if (!config.head.tied) return;
    table_logits_ = book("logits of table rows", MemoryKind::scratch,
                         std::min(rows, most_table_logits_rows) * pass.table_rows, {last, last});
  }

  /// What the head gets for the rows of the pass, [rows, width].
  MatrixView<T> input(const Pass<T>& pass) const {
    return {pass.run.arena.get(input_).data() + first(pass) * width_, pass.rows.count(), width_};
  }
  /// The gradient of the above.
  MatrixView<T> input_gradient(const Pass<T>& pass) const {
    return {pass.run.arena.get(input_gradient_).data(), pass.rows.count(), width_};
  }
  /// Where the head keeps the statistics of the rows of the pass; nowhere in a pass without
  /// gradients.
  SoftmaxStatistics<T> statistics(const Pass<T>& pass) const {
    if (!keeps_ || pass.run.gradients == nullptr) return {};
    return {pass.run.arena.get(largest_).data() + first(pass),
            pass.run.arena.get(factors_).data() + first(pass)};
  }
  /// Scratch for backward_table of a tied head; another's own scratch is free then.
  std::span<T> table_logits(const Pass<T>& pass) const { return pass.run.arena.get(table_logits_); }

 private:
  Index first(const Pass<T>& pass) const noexcept { return keeps_ ? pass.rows.first : 0; }

  Index width_ = 0;
  bool keeps_ = false;
  Booking<T> input_, input_gradient_, largest_, factors_, table_logits_;
};

}  // namespace OCTAVO_NAMESPACE
