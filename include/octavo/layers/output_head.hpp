// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/token_check.hpp>
#include <octavo/kernels/cross_entropy.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/soft_cap.hpp>
#include <octavo/kernels/weight.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/layer_configs.hpp>

namespace OCTAVO_NAMESPACE {

/// A table E [vocabulary, width] that a head shares with the embedding: its values, and the place
/// for its gradient. Default-constructed: the head has its own table.
template <Scalar T>
struct SharedTable {
  Weight<T> values{};
  GradientPlace<T> gradient{};
};

/// Rows whose logits OutputHead::backward_table computes at a time: enough for fast products.
inline constexpr Index most_table_logits_rows = 256;

/// Rows of the residual stream, their targets, and the results.
template <Scalar T>
struct LossRows {
  MatrixView<const T> y;           ///< [rows, width], after the final norm
  std::span<const Token> targets;  ///< [rows]; a negative one is ignored
  std::span<T> losses;             ///< [rows], is overwritten
  T scale;                         ///< gradients are of scale * (sum of losses)
  MatrixView<T> y_gradient;        ///< [rows, width], is overwritten by backward
  /// Where backward leaves [rows] what backward_table computes the gradient of the table from;
  /// none: backward computes it.
  SoftmaxStatistics<T> statistics{};
};

/// logits = y E^T + b with a table E [vocabulary, width] of its own, or tied to the token table
/// (Press, Wolf 2017; then without bias), softly capped if configured. It is not a Layer but the
/// end of a model: it computes the loss in slices of at most 64 rows, so that the logits of all
/// rows never exist at once.
template <Scalar T>
class OutputHead {
 public:
  using Value = T;
  static constexpr Index slice_rows = 64;

  /// Backward of a head runs within forward, so all of its memory is requested as forward's.
  OCTAVO_SETUP constexpr OutputHead(const Builder<T>& builder, Index vocabulary, Index width,
                                    const HeadConfig& config)
      : vocabulary_(vocabulary),
        width_(width),
        table_(config.tied ? ParameterSlot{} : builder.table("weight", vocabulary, width)),
        bias_(config.bias && !config.tied ? builder.vector("bias", vocabulary) : ParameterSlot{}),
        logits_(builder.forward_numbers("logits",
                                        std::min(builder.pass().rows(), slice_rows) * vocabulary)),
        cap_(config.cap) {}

  /// The table of its own, if it is not tied.
  constexpr const ParameterSlot& table() const noexcept { return table_; }

  /// logits [rows, vocabulary] = y E^T + b.
  void forward(const Pass<T>& pass, const SharedTable<T>& shared, MatrixView<const T> y,
               MatrixView<T> logits) const {
    forward(pass, table(pass, shared), pass.weight(bias_), y, logits);
  }
  /// Computes the losses of the rows; with pass.run.gradients also the gradients of table, bias and
  /// rows, without that of the table if statistics are wanted.
  void loss(const Pass<T>& pass, const SharedTable<T>& shared, const LossRows<T>& rows) const {
    const Worker& worker = pass.worker();
    const bool backward = pass.run.gradients != nullptr;
    OCTAVO_ASSERT(tokens_lie_in(rows.targets, vocabulary_, Negative::ignored));
    GradientPlace<T> of_table{};
    if (!rows.statistics) of_table = table_.exists() ? pass.gradient(table_) : shared.gradient;
    GradientPlace<T> of_bias = pass.gradient(bias_);
    for (Index first = 0; first < rows.y.rows; first += slice_rows) {
      const Index count = std::min(slice_rows, rows.y.rows - first);
      const auto from = static_cast<std::size_t>(first);
      const auto size = static_cast<std::size_t>(count);
      const MatrixView<T> logits(pass.numbers(logits_), count, vocabulary_);
      const MatrixView<const T> y = rows.y.row_block(first, count);
      forward(pass, shared, y, logits);
      softmax_cross_entropy<T>(worker, logits, rows.targets.subspan(from, size),
                               rows.losses.subspan(from, size), rows.scale, backward,
                               static_cast<T>(cap_), rows.statistics.from(first));
      worker.barrier();
      if (!backward) continue;
      if (of_table) {
        matmul_tn<T>(worker, logits, y, {of_table.numbers, vocabulary_, width_}, of_table.output,
                     pass.run.pack_buffer);
      }
      if (of_bias) sum_columns<T>(worker, logits, of_bias.numbers, of_bias.output);
      of_table.output = of_bias.output = Output::accumulate;
      multiply_table_backward<T>(worker, logits, table(pass, shared),
                                 rows.y_gradient.row_block(first, count), pass.run.pack_buffer);
      worker.barrier();
    }
  }

  /// Computes the gradient of some rows of the table, [table_rows.size(), width], whose numbers
  /// must not be stored ones, from what loss() has left. `rows`: all that loss() has got, in one or
  /// several calls. scratch: for the logits of at least one of them; empty: the head's own is free.
  void backward_table(const Pass<T>& pass, const SharedTable<T>& shared, const LossRows<T>& rows,
                      Range table_rows, std::span<T> scratch, T* gradient) const {
    const Worker& worker = pass.worker();
    if (scratch.empty()) scratch = pass.numbers(logits_);
    const MatrixView<T> logits(
        scratch.data(), std::min(most_table_logits_rows, std::ssize(scratch) / table_rows.size()),
        table_rows.size());
    const Weight<T> part{table(pass, shared).numbers + table_rows.begin * width_};
    const T* const bias = bias_.exists() ? pass.weight(bias_) + table_rows.begin : nullptr;
    Output output = Output::overwrite;
    for (Index first = 0; first < rows.y.rows; first += logits.rows) {
      const Index count = std::min(logits.rows, rows.y.rows - first);
      const MatrixView<T> of_rows = logits.row_block(0, count);
      const MatrixView<const T> y = rows.y.row_block(first, count);
      forward(pass, part, bias, y, of_rows);
      softmax_gradient<T>(worker, of_rows, table_rows,
                          rows.targets.subspan(static_cast<std::size_t>(first)),
                          rows.statistics.from(first), rows.scale, static_cast<T>(cap_));
      worker.barrier();
      matmul_tn<T>(worker, of_rows, y, {gradient, table_rows.size(), width_}, output,
                   pass.run.pack_buffer);
      output = Output::accumulate;
      worker.barrier();
    }
  }

 private:
  /// logits [rows, rows of the table].
  void forward(const Pass<T>& pass, const Weight<T>& table, const T* bias, MatrixView<const T> y,
               MatrixView<T> logits) const {
    multiply_table<T>(pass.worker(), y, table, logits,
                      bias == nullptr ? Output::overwrite : Output::bias, bias,
                      pass.run.pack_buffer);
    pass.worker().barrier();
    if (cap_ == 0) return;
    soft_cap<T>(pass.worker(), static_cast<T>(cap_), logits);
    pass.worker().barrier();
  }

  Weight<T> table(const Pass<T>& pass, const SharedTable<T>& shared) const {
    return table_.exists() ? pass.parameter(table_) : shared.values;
  }

  Index vocabulary_ = 0;
  Index width_ = 0;
  ParameterSlot table_;
  ParameterSlot bias_;
  Buffer<T> logits_;
  double cap_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
