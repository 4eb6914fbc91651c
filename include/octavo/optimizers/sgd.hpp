// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_SGD_HPP)
#define OCTAVO_OPTIMIZERS_SGD_HPP

#include <array>
#include <string_view>
#include <type_traits>

#include <octavo/numeric/pack.hpp>
#include <octavo/optimizers/optimizer.hpp>

namespace OCTAVO_NAMESPACE {

/// Stochastic gradient descent with momentum, as PyTorch defines it: u = momentum u + g +
/// weight_decay w; w -= lr u. Stores one number per parameter.
struct Sgd {
  static constexpr std::string_view name = "sgd";
  static constexpr std::array moments{MomentRange::finite};
  double momentum = 0.9;
  double weight_decay = 0;  ///< L2 penalty on matrices

  static constexpr auto settings() {
    return std::array{Setting{"momentum", &Sgd::momentum, share_range},
                      Setting{"weight_decay", &Sgd::weight_decay, not_negative_range}};
  }
};

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/optimizers/sgd.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
auto step_on_packs(const Sgd& rule, const UpdateRates& rates, std::type_identity<Pack<T> >) {
  using P = Pack<T>;
  const P keep = P::broadcast(static_cast<T>(rule.momentum));
  const P length = P::broadcast(static_cast<T>(-rates.learning_rate));
  const P penalty = P::broadcast(static_cast<T>(rates.weight_decay(rule.weight_decay)));
  return [=](P w, P g, std::array<P, 1>& moments) OCTAVO_INLINE_LAMBDA {
    P& u = moments[0];
    u = fma(keep, u, fma(penalty, w, g));
    return fma(length, u, w);
  };
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
