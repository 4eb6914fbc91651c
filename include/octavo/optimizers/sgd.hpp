// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/optimizers/optimizer.hpp>

namespace octavo {

/// Stochastic gradient descent with momentum, as PyTorch defines it: u = momentum u + g + decay w;
/// w -= lr u. Keeps one number per parameter.
struct Sgd {
  double momentum = 0.9;
  double decay = 0;  ///< L2 penalty on matrices

  static constexpr Index state_per_parameter = 1;

  template <Scalar T>
  void update(const Worker& worker, const UpdateStep& step, std::span<const Parameter> parameters,
              std::span<T> weights, std::span<const T> gradients, std::span<T> state) const {
    using P = Pack<T>;
    const P keep = P::broadcast(static_cast<T>(momentum));
    const P clip = P::broadcast(static_cast<T>(step.gradient_factor));
    detail::for_each_trained_pack<T>(
        worker, parameters, [&](Index i, Index n, const Parameter& tensor) {
          const double rate = step.learning_rate * tensor.learning_rate_factor;
          const P w = P::load(weights.data() + i, n);
          const P penalty = P::broadcast(static_cast<T>(tensor.decays ? decay : 0.0));
          const P g = fma(penalty, w, P::load(gradients.data() + i, n) * clip);
          const P u = fma(keep, P::load(state.data() + i, n), g);
          fma(P::broadcast(static_cast<T>(-rate)), u, w).store(weights.data() + i, n);
          u.store(state.data() + i, n);
        });
  }
};

}  // namespace octavo
