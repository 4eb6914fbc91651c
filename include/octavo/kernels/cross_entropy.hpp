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

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/cross_entropy.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// losses[r] = log(sum over v of exp(logits[r, v])) - logits[r, target r], 0 for ignored targets.
/// With `write_gradient` the logits are overwritten by d(sum of losses * scale)/d logits =
/// (softmax - one_hot(target)) * scale.  logits [rows, vocabulary], targets and losses [rows].
/// `cap`: the logits come from soft_cap, and the gradient is that of the numbers before it; 0: they
/// do not.
template <Scalar T>
void softmax_cross_entropy(const Worker& worker, MatrixView<T> logits,
                           std::span<const Token> targets, std::span<T> losses, T scale,
                           bool write_gradient, std::type_identity_t<T> cap = T{0})
    OCTAVO_KERNEL(softmax_cross_entropy<T>(worker, logits, targets, losses, scale, write_gradient,
                                           cap));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
void softmax_cross_entropy(const Worker& worker, MatrixView<T> logits,
                           std::span<const Token> targets, std::span<T> losses, T scale,
                           bool write_gradient, std::type_identity_t<T> cap) {
  using P = Pack<T>;
  const bool capped = cap != T{0};
  const T inverse_cap = capped ? T{1} / cap : T{0};
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
    if (!write_gradient) continue;
    const P factor = P::broadcast(scale / denominator);
    if (!capped) {
      for_each_pack(logits.columns,
                    [&](Index j, Index n) { (P::load(row + j, n) * factor).store(row + j, n); });
      row[target] -= scale;
      continue;
    }
    const P one = P::broadcast(T{1});
    for_each_pack(logits.columns, [&](Index j, Index n) {
      const P logit = P::load(row + j, n);
      const P share = logit * P::broadcast(inverse_cap);
      (exp(logit - shift) * factor * fma(-share, share, one)).store(row + j, n);
    });
    const T share = target_logit * inverse_cap;
    row[target] = std::fma(-scale, std::fma(-share, share, T{1}), row[target]);
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
