// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_ADAMW_HPP)
#define OCTAVO_OPTIMIZERS_ADAMW_HPP

#include <array>
#include <cmath>
#include <string_view>
#include <type_traits>

#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/optimizers/optimizer.hpp>

namespace OCTAVO_NAMESPACE {

/// How weight decay is applied in Adam.
enum class WeightDecay {
  decoupled,  ///< AdamW (Loshchilov, Hutter 2019): w -= lr weight_decay w
  coupled,    ///< Adam with an L2 penalty: g += weight_decay w
};

namespace detail {

/// The update of both variants, in PyTorch's order of operations:
///   m = b1 m + (1-b1) g;   v = b2 v + (1-b2) g^2;
///   w -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + epsilon)
template <WeightDecay kind>
struct AdamUpdate {
  static constexpr std::string_view name = kind == WeightDecay::decoupled ? "adamw" : "adam";
  static constexpr std::array moments{MomentRange::finite, MomentRange::not_negative};
  double beta1 = 0.9;
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double weight_decay = kind == WeightDecay::decoupled ? 0.1 : 0.0;  ///< for matrices only

  static constexpr auto settings() {
    return std::array{Setting{"beta1", &AdamUpdate::beta1, share_range},
                      Setting{"beta2", &AdamUpdate::beta2, share_range},
                      Setting{"epsilon", &AdamUpdate::epsilon, positive_range},
                      Setting{"weight_decay", &AdamUpdate::weight_decay, not_negative_range}};
  }
};

}  // namespace detail

/// Adam with decoupled weight decay; keeps two moments per parameter.
using AdamW = detail::AdamUpdate<WeightDecay::decoupled>;
/// Adam (Kingma, Ba 2015) with weight decay as an L2 penalty on the loss.
using Adam = detail::AdamUpdate<WeightDecay::coupled>;

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/optimizers/adamw.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T, WeightDecay kind>
auto step_on_packs(const octavo::detail::AdamUpdate<kind>& rule, const UpdateRates& rates,
                   std::type_identity<Pack<T> >) {
  using P = Pack<T>;
  const auto power = static_cast<double>(rates.step);
  const double correction1 = 1.0 - std::pow(rule.beta1, power);
  const double correction2 = 1.0 - std::pow(rule.beta2, power);
  const double rate = rates.learning_rate;
  const double decay = rates.weight_decay(rule.weight_decay);
  const P b1 = P::broadcast(static_cast<T>(rule.beta1));
  const P b2 = P::broadcast(static_cast<T>(rule.beta2));
  const P rest1 = P::broadcast(static_cast<T>(1.0 - rule.beta1));
  const P rest2 = P::broadcast(static_cast<T>(1.0 - rule.beta2));
  const P tiny = P::broadcast(static_cast<T>(rule.epsilon));
  const P root = P::broadcast(static_cast<T>(1.0 / std::sqrt(correction2)));
  const P penalty = P::broadcast(static_cast<T>(decay));
  const P shrink = P::broadcast(static_cast<T>(std::fma(-rate, decay, 1.0)));
  const P length = P::broadcast(static_cast<T>(-rate / correction1));
  return [=](P w, P g, std::array<P, 2>& moments) OCTAVO_INLINE_LAMBDA {
    if constexpr (kind == WeightDecay::coupled) {
      g = fma(penalty, w, g);
    } else {
      w = w * shrink;
    }
    auto& [m, v] = moments;
    m = fma(b1, m, rest1 * g);
    v = fma(b2, v, rest2 * g * g);
    return fma(length, divide_by_positive(m, fma(sqrt(v), root, tiny)), w);
  };
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
