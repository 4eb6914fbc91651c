// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_SGD_HPP)
#define OCTAVO_OPTIMIZERS_SGD_HPP

#include <string_view>

#include <octavo/optimizers/optimizer.hpp>

#define OCTAVO_FILE "octavo/optimizers/sgd.hpp"
#include <octavo/numeric/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Stochastic gradient descent with momentum, as PyTorch defines it: u = momentum u + g + decay w;
/// w -= lr u. Keeps one number per parameter.
struct Sgd {
  static constexpr std::string_view name = "sgd";
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
    OCTAVO_DISPATCH(update_sgd<T>(*this, worker, step, parameters, weights, gradients, state))
  }
};

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T, typename Options>
void update_sgd(const Options& options, const Worker& worker, const UpdateStep& step,
                std::span<const Parameter> parameters, std::span<T> weights,
                std::span<const T> gradients, std::span<std::byte> state) {
  using P = Pack<T>;
  T* const momenta = octavo::detail::state_block<T>(state, 0, weights.size());
  const P keep = P::broadcast(static_cast<T>(options.momentum));
  const P clip = P::broadcast(static_cast<T>(step.gradient_factor));
  octavo::detail::for_each_trained_range(
      worker, parameters, [&](Range range, const Parameter& tensor) {
        const P length =
            P::broadcast(static_cast<T>(-step.learning_rate * tensor.learning_rate_factor));
        const P penalty = P::broadcast(static_cast<T>(tensor.decays ? options.decay : 0.0));
        T* const w_from = weights.data() + range.begin;
        const T* const g_from = gradients.data() + (range.begin - step.first_gradient);
        T* const u_from = momenta + range.begin;
        for_each_pack(range.size(), [&](Index i, Index n) OCTAVO_INLINE_LAMBDA {
          const P w = P::load(w_from + i, n);
          const P g = fma(penalty, w, P::load(g_from + i, n) * clip);
          const P u = fma(keep, P::load(u_from + i, n), g);
          fma(length, u, w).store(w_from + i, n);
          u.store(u_from + i, n);
        });
      });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
