// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/optimizers/optimizer.hpp>

namespace octavo {

/// Lion (Chen et al. 2023, algorithm 2): w -= lr (sign(b1 m + (1-b1) g) + decay w);
/// m = b2 m + (1-b2) g. Keeps one number per parameter. Every step is as long as the learning rate,
/// so that wants to be 3 to 10 times smaller than AdamW's, and the decay as much larger.
struct Lion {
  double beta1 = 0.9;
  double beta2 = 0.99;
  double decay = 0.1;  ///< of matrices only

  template <Scalar T>
  static constexpr std::size_t state_bytes(Index parameters, Index) {
    return bytes_of<T>(parameters);
  }

  template <Scalar T>
  void update(const Worker& worker, const UpdateStep& step, std::span<const Parameter> parameters,
              std::span<T> weights, std::span<const T> gradients,
              std::span<std::byte> state) const {
    using P = Pack<T>;
    T* const momenta = detail::state_block<T>(state, 0, weights.size());
    const P zero = P::broadcast(T{0});
    const P one = P::broadcast(T{1});
    const P b1 = P::broadcast(static_cast<T>(beta1));
    const P b2 = P::broadcast(static_cast<T>(beta2));
    const P rest1 = P::broadcast(static_cast<T>(1.0 - beta1));
    const P rest2 = P::broadcast(static_cast<T>(1.0 - beta2));
    const P clip = P::broadcast(static_cast<T>(step.gradient_factor));
    detail::for_each_trained_pack<T>(
        worker, parameters, [&](Index i, Index n, const Parameter& tensor) {
          const double rate = step.learning_rate * tensor.learning_rate_factor;
          const double shrink = 1.0 - rate * (tensor.decays ? decay : 0.0);
          const P w = P::load(weights.data() + i, n) * P::broadcast(static_cast<T>(shrink));
          const P g = P::load(gradients.data() + (i - step.first_gradient), n) * clip;
          const P m = P::load(momenta + i, n);
          const P lean = fma(b1, m, rest1 * g);
          const P sign = select_greater(lean, zero, one, select_greater(zero, lean, -one, zero));
          fma(P::broadcast(static_cast<T>(-rate)), sign, w).store(weights.data() + i, n);
          fma(b2, m, rest2 * g).store(momenta + i, n);
        });
  }
};

}  // namespace octavo
