// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_WEIGHT_AVERAGE_HPP)
#define OCTAVO_OPTIMIZERS_WEIGHT_AVERAGE_HPP

#include <algorithm>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

/// The decay of the weights' moving average in update `step`, counted from 1:
///   min(decay, (step - 1) / (step + 8)) = 0, 1/10, 2/11, 3/12, ...
/// This is the warm-up of TensorFlow's ExponentialMovingAverage, which reaches back over about the
/// last ninth of the updates until `decay` is less. The first decay is 0: the average begins as the
/// weights after the first update.
constexpr double average_decay(double decay, Index step) noexcept {
  return std::min(decay, static_cast<double>(step - 1) / static_cast<double>(step + 8));
}

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/optimizers/weight_average.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// a += (1 - decay) (w - a) for this worker's share of the tensors that train; a = w if decay is 0.
/// weights [all parameters], averages [the numbers of all that train, without gaps].
template <Scalar T>
void update_averages(const Worker& worker, std::span<const Parameter> tensors, double decay,
                     std::span<const T> weights, std::span<T> averages)
    OCTAVO_KERNEL(update_averages<T>(worker, tensors, decay, weights, averages));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
void update_averages(const Worker& worker, std::span<const Parameter> tensors, double decay,
                     std::span<const T> weights, std::span<T> averages) {
  using P = Pack<T>;
  const P rest = P::broadcast(static_cast<T>(1.0 - decay));
  for (const Parameter& tensor : tensors) {
    if (!tensor.trains()) continue;
    const Range share = worker.split(tensor.count(), P::lanes);
    const T* const w = weights.data() + tensor.offset + share.begin;
    T* const a = averages.data() + tensor.gradient_offset + share.begin;
    if (decay == 0) {
      std::copy_n(w, share.size(), a);
      continue;
    }
    for_each_pack(share.size(), [&](Index i, Index n) OCTAVO_INLINE_LAMBDA {
      const P average = P::load(a + i, n);
      fma(rest, P::load(w + i, n) - average, average).store(a + i, n);
    });
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
