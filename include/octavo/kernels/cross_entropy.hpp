// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_CROSS_ENTROPY_HPP)
#define OCTAVO_KERNELS_CROSS_ENTROPY_HPP

#include <cmath>
#include <limits>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE {

/// The number of targets that count.
inline Index count_targets(std::span<const Token> targets) noexcept {
  Index count = 0;
  for (const Token target : targets) count += target >= 0 ? 1 : 0;
  return count;
}

/// What the gradients of rows of logits are computed from: scale times a row's softmax is
/// exp(logit - largest) * factor. Rows whose target is ignored have none.
template <Scalar T>
struct SoftmaxStatistics {
  T* largest = nullptr;  ///< [rows], logit
  T* factors = nullptr;  ///< [rows], scale / (sum of exp(logit - largest))

  constexpr explicit operator bool() const noexcept { return largest != nullptr; }
  constexpr SoftmaxStatistics from(Index row) const noexcept {
    return {largest == nullptr ? nullptr : largest + row,
            factors == nullptr ? nullptr : factors + row};
  }
};

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/cross_entropy.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// losses[r] = log(sum over v of exp(logits[r, v])) - logits[r, target r], 0 for ignored targets.
/// With `write_gradient` the logits are overwritten by d(sum of losses * scale)/d logits =
/// (softmax - one_hot(target)) * scale.  logits [rows, vocabulary], targets and losses [rows].
/// `cap`: the logits come from soft_cap, and the gradient is that of the numbers before it; 0: they
/// do not. statistics: none, or [rows], are overwritten.
template <Scalar T>
void softmax_cross_entropy(const Worker& worker, MatrixView<T> logits,
                           std::span<const Token> targets, std::span<T> losses, T scale,
                           bool write_gradient, std::type_identity_t<T> cap = T{0},
                           const SoftmaxStatistics<T>& statistics = {})
    OCTAVO_KERNEL(softmax_cross_entropy<T>(worker, logits, targets, losses, scale, write_gradient,
                                           cap, statistics));

/// The gradient of softmax_cross_entropy for columns `columns` of the logits, with its bits:
/// overwrites their logits [rows, columns.size()]. statistics [rows]: of all columns.
template <Scalar T>
void softmax_gradient(const Worker& worker, MatrixView<T> logits, Range columns,
                      std::span<const Token> targets, const SoftmaxStatistics<T>& statistics,
                      T scale, std::type_identity_t<T> cap)
    OCTAVO_KERNEL(softmax_gradient<T>(worker, logits, columns, targets, statistics, scale, cap));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

/// Overwrites a part of a row of logits by their gradient. target: its column, counted from the
/// part's first one.
template <Scalar T>
void write_softmax_gradient(T* row, Index columns, Index target, T largest_logit, T row_factor,
                            T scale, T cap) {
  using P = Pack<T>;
  const bool has_target = target >= 0 && target < columns;
  const T target_logit = has_target ? row[target] : T{0};
  const P shift = P::broadcast(largest_logit), factor = P::broadcast(row_factor);
  if (cap == T{0}) {
    for_each_pack(columns, [&](Index j, Index n) {
      (exp(P::load(row + j, n) - shift) * factor).store(row + j, n);
    });
    if (has_target) row[target] -= scale;
    return;
  }
  const T inverse_cap = T{1} / cap;
  const P one = P::broadcast(T{1});
  for_each_pack(columns, [&](Index j, Index n) {
    const P logit = P::load(row + j, n);
    const P share = logit * P::broadcast(inverse_cap);
    (exp(logit - shift) * factor * fma(-share, share, one)).store(row + j, n);
  });
  if (!has_target) return;
  const T share = target_logit * inverse_cap;
  row[target] = std::fma(-scale, std::fma(-share, share, T{1}), row[target]);
}

}  // namespace detail

template <Scalar T>
void softmax_gradient(const Worker& worker, MatrixView<T> logits, Range columns,
                      std::span<const Token> targets, const SoftmaxStatistics<T>& statistics,
                      T scale, std::type_identity_t<T> cap) {
  const Range rows = worker.split(logits.rows);
  for (Index r = rows.begin; r < rows.end; ++r) {
    const Token target = targets[static_cast<std::size_t>(r)];
    if (target < 0) {
      std::fill_n(logits.row(r), logits.columns, T{0});
      continue;
    }
    detail::write_softmax_gradient<T>(logits.row(r), logits.columns, target - columns.begin,
                                      statistics.largest[r], statistics.factors[r], scale, cap);
  }
}

template <Scalar T>
void softmax_cross_entropy(const Worker& worker, MatrixView<T> logits,
                           std::span<const Token> targets, std::span<T> losses, T scale,
                           bool write_gradient, std::type_identity_t<T> cap,
                           const SoftmaxStatistics<T>& statistics) {
  using P = Pack<T>;
  const bool capped = cap != T{0};
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  const Range rows = worker.split(logits.rows);
  for (Index r = rows.begin; r < rows.end; ++r) {
    T* const row = logits.row(r);
    const Token target = targets[static_cast<std::size_t>(r)];
    T& loss = losses[static_cast<std::size_t>(r)];
    if (target < 0) {
      loss = T{0};
      if (write_gradient) std::fill_n(row, logits.columns, T{0});
      continue;
    }
    P top = P::broadcast(lowest);
    for_each_pack(logits.columns, [&](Index j, Index n) {
      top = max(top, P::load(row + j, n).mask_tail(n, lowest));
    });
    const T maximum = largest(top);
    const T target_logit = row[target];
    const P shift = P::broadcast(maximum);
    P total = P::broadcast(T{0});
    for_each_pack(logits.columns, [&](Index j, Index n) {
      const P e = exp(P::load(row + j, n) - shift).mask_tail(n, T{0});
      total = total + e;
      if (write_gradient && !capped) e.store(row + j, n);
    });
    const T denominator = sum(total);
    loss = logarithm(denominator) + (maximum - target_logit);
    const T row_factor = scale / denominator;
    if (statistics) statistics.largest[r] = maximum, statistics.factors[r] = row_factor;
    if (!write_gradient) continue;
    if (capped) {
      detail::write_softmax_gradient<T>(row, logits.columns, target, maximum, row_factor, scale,
                                        cap);
      continue;
    }
    const P factor = P::broadcast(row_factor);
    for_each_pack(logits.columns,
                  [&](Index j, Index n) { (P::load(row + j, n) * factor).store(row + j, n); });
    row[target] -= scale;
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
