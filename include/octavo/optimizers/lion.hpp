// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_LION_HPP)
#define OCTAVO_OPTIMIZERS_LION_HPP

#include <cmath>
#include <string_view>

#include <octavo/optimizers/optimizer.hpp>

#define OCTAVO_FILE "octavo/optimizers/lion.hpp"
#include <octavo/numeric/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Lion (Chen et al. 2023, algorithm 2): w -= lr (sign(b1 m + (1-b1) g) + decay w);
/// m = b2 m + (1-b2) g. Keeps one number per parameter. Every step is as long as the learning rate,
/// so that wants to be 3 to 10 times smaller than AdamW's, and the decay as much larger.
struct Lion {
  static constexpr std::string_view name = "lion";
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
    OCTAVO_DISPATCH(update_lion<T>(*this, worker, step, parameters, weights, gradients, state))
  }
};

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T, typename Options>
void update_lion(const Options& options, const Worker& worker, const UpdateStep& step,
                 std::span<const Parameter> parameters, std::span<T> weights,
                 std::span<const T> gradients, std::span<std::byte> state) {
  using P = Pack<T>;
  T* const momenta = octavo::detail::state_block<T>(state, 0, weights.size());
  const P zero = P::broadcast(T{0});
  const P one = P::broadcast(T{1});
  const P b1 = P::broadcast(static_cast<T>(options.beta1));
  const P b2 = P::broadcast(static_cast<T>(options.beta2));
  const P rest1 = P::broadcast(static_cast<T>(1.0 - options.beta1));
  const P rest2 = P::broadcast(static_cast<T>(1.0 - options.beta2));
  const P clip = P::broadcast(static_cast<T>(step.gradient_factor));
  octavo::detail::for_each_trained_range(
      worker, parameters, [&](Range range, const Parameter& tensor) {
        const double rate = step.learning_rate * tensor.learning_rate_factor;
        const P shrink =
            P::broadcast(static_cast<T>(std::fma(-rate, tensor.decays ? options.decay : 0.0, 1.0)));
        const P length = P::broadcast(static_cast<T>(-rate));
        T* const w_from = weights.data() + range.begin;
        const T* const g_from = gradients.data() + (range.begin - step.first_gradient);
        T* const m_from = momenta + range.begin;
        for_each_pack(range.size(), [&](Index i, Index n) OCTAVO_INLINE_LAMBDA {
          const P w = P::load(w_from + i, n) * shrink;
          const P g = P::load(g_from + i, n) * clip;
          const P m = P::load(m_from + i, n);
          const P lean = fma(b1, m, rest1 * g);
          const P sign = select_greater(lean, zero, one, select_greater(zero, lean, -one, zero));
          fma(length, sign, w).store(w_from + i, n);
          fma(b2, m, rest2 * g).store(m_from + i, n);
        });
      });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
