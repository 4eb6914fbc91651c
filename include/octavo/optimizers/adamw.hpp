// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_ADAMW_HPP)
#define OCTAVO_OPTIMIZERS_ADAMW_HPP

#include <cmath>
#include <string_view>

#include <octavo/numeric/elementary.hpp>
#include <octavo/optimizers/optimizer.hpp>

namespace OCTAVO_NAMESPACE {

/// How weight decay enters Adam.
enum class WeightDecay {
  decoupled,  ///< AdamW (Loshchilov, Hutter 2019): w -= lr decay w
  coupled,    ///< Adam with an L2 penalty: g += decay w
};

namespace detail {

/// What the kernel takes, so that one serves both.
struct AdamOptions {
  WeightDecay weight_decay;
  double beta1;
  double beta2;
  double epsilon;
  double decay;
};

}  // namespace detail

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/optimizers/adamw.hpp"
#include <octavo/numeric/each_isa.inc>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// The update of both, as PyTorch orders it:
///   m = b1 m + (1-b1) g;   v = b2 v + (1-b2) g^2;
///   w -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + epsilon)
template <WeightDecay kind>
struct AdamUpdate {
  static constexpr std::string_view name = kind == WeightDecay::decoupled ? "adamw" : "adam";
  double beta1 = 0.9;
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double decay = kind == WeightDecay::decoupled ? 0.1 : 0.0;  ///< of matrices only

  template <Scalar T>
  static constexpr std::size_t state_bytes(Index parameters, Index) {
    return bytes_of<T>(2 * parameters);
  }

  template <Scalar T>
  void update(const Worker& worker, const UpdateStep& step, std::span<const Parameter> parameters,
              std::span<T> weights, std::span<const T> gradients,
              std::span<std::byte> state) const {
    const AdamOptions options{kind, beta1, beta2, epsilon, decay};
    OCTAVO_DISPATCH(update_adam<T>(options, worker, step, parameters, weights, gradients, state))
  }
};

}  // namespace detail

/// Adam with decoupled weight decay; keeps two moments per parameter.
using AdamW = detail::AdamUpdate<WeightDecay::decoupled>;
/// Adam (Kingma, Ba 2015), its decay an L2 penalty on the loss.
using Adam = detail::AdamUpdate<WeightDecay::coupled>;

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
void update_adam(const octavo::detail::AdamOptions& options, const Worker& worker,
                 const UpdateStep& step, std::span<const Parameter> parameters,
                 std::span<T> weights, std::span<const T> gradients, std::span<std::byte> state) {
  using P = Pack<T>;
  T* const m = octavo::detail::state_block<T>(state, 0, weights.size());
  T* const v = octavo::detail::state_block<T>(state, 1, weights.size());
  const auto power = static_cast<double>(step.number);
  const double correction1 = 1.0 - std::pow(options.beta1, power);
  const double correction2 = 1.0 - std::pow(options.beta2, power);
  const P b1 = P::broadcast(static_cast<T>(options.beta1));
  const P b2 = P::broadcast(static_cast<T>(options.beta2));
  const P rest1 = P::broadcast(static_cast<T>(1.0 - options.beta1));
  const P rest2 = P::broadcast(static_cast<T>(1.0 - options.beta2));
  const P tiny = P::broadcast(static_cast<T>(options.epsilon));
  const P root = P::broadcast(static_cast<T>(1.0 / std::sqrt(correction2)));
  const P clip = P::broadcast(static_cast<T>(step.gradient_factor));
  const bool coupled = options.weight_decay == WeightDecay::coupled;
  octavo::detail::for_each_trained_range(
      worker, parameters, [&](Range range, const Parameter& tensor) {
        const double rate = step.learning_rate * tensor.learning_rate_factor;
        const double tensor_decay = tensor.decays ? options.decay : 0.0;
        const P penalty = P::broadcast(static_cast<T>(tensor_decay));
        const P shrink = P::broadcast(static_cast<T>(std::fma(-rate, tensor_decay, 1.0)));
        const P length = P::broadcast(static_cast<T>(-rate / correction1));
        T* const w_from = weights.data() + range.begin;
        const T* const g_from = gradients.data() + (range.begin - step.first_gradient);
        T* const m_from = m + range.begin;
        T* const v_from = v + range.begin;
        for_each_pack(range.size(), [&](Index i, Index n) OCTAVO_INLINE_LAMBDA {
          P w = P::load(w_from + i, n);
          P g = P::load(g_from + i, n) * clip;
          if (coupled) {
            g = fma(penalty, w, g);
          } else {
            w = w * shrink;
          }
          const P m_i = fma(b1, P::load(m_from + i, n), rest1 * g);
          const P v_i = fma(b2, P::load(v_from + i, n), rest2 * g * g);
          const P direction = divide_by_positive(m_i, fma(sqrt(v_i), root, tiny));
          fma(length, direction, w).store(w_from + i, n);
          m_i.store(m_from + i, n);
          v_i.store(v_from + i, n);
        });
      });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
