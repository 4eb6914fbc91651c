// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_LION_HPP)
#define OCTAVO_OPTIMIZERS_LION_HPP

#include <array>
#include <cmath>
#include <string_view>
#include <type_traits>

#include <octavo/numeric/pack.hpp>
#include <octavo/optimizers/optimizer.hpp>

namespace OCTAVO_NAMESPACE {

/// Lion (Chen et al. 2023, algorithm 2): w -= lr (sign(b1 m + (1-b1) g) + weight_decay w); m = b2 m
/// + (1-b2) g. Stores one number per parameter. Every weight moves by the learning rate in each
/// step: use a learning rate 3 to 10 times smaller than for AdamW, and a weight decay larger by the
/// same factor.
struct Lion {
  static constexpr std::string_view name = "lion";
  static constexpr std::array moments{MomentRange::finite};
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0.1;  ///< for matrices only

  static constexpr auto settings() {
    return std::array{Setting{"beta1", &Lion::beta1, share_range},
                      Setting{"beta2", &Lion::beta2, share_range},
                      Setting{"weight_decay", &Lion::weight_decay, not_negative_range}};
  }
};

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/optimizers/lion.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
auto step_on_packs(const Lion& rule, const UpdateRates& rates, std::type_identity<Pack<T> >) {
  using P = Pack<T>;
  const double rate = rates.learning_rate;
  const P zero = P::broadcast(T{0});
  const P one = P::broadcast(T{1});
  const P b1 = P::broadcast(static_cast<T>(rule.beta1));
  const P b2 = P::broadcast(static_cast<T>(rule.beta2));
  const P rest1 = P::broadcast(static_cast<T>(1.0 - rule.beta1));
  const P rest2 = P::broadcast(static_cast<T>(1.0 - rule.beta2));
  const P shrink =
      P::broadcast(static_cast<T>(std::fma(-rate, rates.weight_decay(rule.weight_decay), 1.0)));
  const P length = P::broadcast(static_cast<T>(-rate));
  return [=](P w, P g, std::array<P, 1>& moments) OCTAVO_INLINE_LAMBDA {
    P& m = moments[0];
    const P lean = fma(b1, m, rest1 * g);
    const P sign = select_greater(lean, zero, one, select_greater(zero, lean, -one, zero));
    m = fma(b2, m, rest2 * g);
    return fma(length, sign, w * shrink);
  };
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
