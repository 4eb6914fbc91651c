// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/optimizers/optimizer.hpp>

namespace octavo {

/// Stochastic gradient descent with momentum, as PyTorch defines it: u = momentum u + g + decay w;
/// w -= lr u. Keeps one number per parameter.
struct Sgd {
  double momentum = 0.9;
  double decay = 0;  ///< L2 penalty on matrices

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
    const P keep = P::broadcast(static_cast<T>(momentum));
    const P clip = P::broadcast(static_cast<T>(step.gradient_factor));
    detail::for_each_trained_pack<T>(
        worker, parameters, [&](Index i, Index n, const Parameter& tensor) {
          const double rate = step.learning_rate * tensor.learning_rate_factor;
          const P w = P::load(weights.data() + i, n);
          const P penalty = P::broadcast(static_cast<T>(tensor.decays ? decay : 0.0));
          const P g =
              fma(penalty, w, P::load(gradients.data() + (i - step.first_gradient), n) * clip);
          const P u = fma(keep, P::load(momenta + i, n), g);
          fma(P::broadcast(static_cast<T>(-rate)), u, w).store(weights.data() + i, n);
          u.store(momenta + i, n);
        });
  }
};

}  // namespace octavo
