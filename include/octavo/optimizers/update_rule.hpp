// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_UPDATE_RULE_HPP)
#define OCTAVO_OPTIMIZERS_UPDATE_RULE_HPP

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <octavo/numeric/pack.hpp>
#include <octavo/optimizers/optimizer.hpp>

// The pass over memory that applies an update rule. A rule computes either on single numbers, with
// the member `step` (see optimizer.hpp), or on packs of sixteen numbers, with a function in the
// namespace of each instruction set (see isa.hpp):
//
//   template <Scalar T>
//   auto step_on_packs(const Lion& rule, const UpdateRates& rates, std::type_identity<Pack<T>>);
//
// It returns a function step(weight, gradient, moments) that gives the new weights of a pack, for
// one tensor.
#define OCTAVO_FILE "octavo/optimizers/update_rule.hpp"
#include <octavo/numeric/each_isa.inc>

namespace OCTAVO_NAMESPACE {

namespace detail {

template <typename Rule, typename T>
concept StepsOnNumbers = requires(const Rule& rule, T number, const UpdateRates& rates,
                                  std::array<T, Rule::moments.size()>& moments) {
  { rule.template step<T>(number, number, moments, rates) } -> std::same_as<T>;
};

/// Whether a rule has one of the two kinds of step.
template <typename Rule>
concept Steps = OCTAVO_BASE_ISA::detail::StepsOnPacks<Rule, OCTAVO_BASE_ISA::Pack<float>> ||
    StepsOnNumbers<Rule, float>;

}  // namespace detail

/// Updates this worker's share of `tensors` by the rule. weights [all parameters], gradients [from
/// info.first_gradient on], state [moments, all parameters].
template <Scalar T, UpdateRule Rule>
void update_by_rule(const Rule& rule, const Worker& worker, const UpdateInfo& info,
                    std::span<const Parameter> tensors, std::span<T> weights,
                    std::span<const T> gradients, std::span<std::byte> state) {
  OCTAVO_DISPATCH(update_by_rule<T>(rule, worker, info, tensors, weights, gradients, state))
}

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

template <typename Rule, typename P>
concept StepsOnPacks = requires(const Rule& rule, const UpdateRates& rates) {
  step_on_packs(rule, rates, std::type_identity<P>{});
};

/// a * b, rounded: compilers must not fuse the product with a following sum.
template <Scalar T>
OCTAVO_ALWAYS_INLINE T rounded_product(T a, T b) {
#if defined(__clang__)
  return a * b;  // clang fuses only within one expression
#else
  return __builtin_assoc_barrier(a * b);
#endif
}

/// Updates `count` neighbouring numbers, in whole packs. A function of its own so that what a rule
/// computes is compiled once, for whole packs and for the last numbers.
template <Scalar T, typename Step, std::size_t moment_count>
[[gnu::noinline]] void update_packs(const Step& rule, Pack<T> clip, Index count, T* weights,
                                    const T* gradients,
                                    const std::array<T*, moment_count>& moments) {
  using P = Pack<T>;
  const Step step = rule;  // a copy that no store can change: it stays in registers
  for (Index i = 0; i < count; i += P::lanes) {
    std::array<P, moment_count> here;
    for (std::size_t k = 0; k < moment_count; ++k) here[k] = P::load(moments[k] + i);
    step(P::load(weights + i), P::load(gradients + i) * clip, here).store(weights + i);
    for (std::size_t k = 0; k < moment_count; ++k) here[k].store(moments[k] + i);
  }
}

/// Updates `count` neighbouring numbers; moments[k] points to the first of the k-th moment.
template <Scalar T, UpdateRule Rule, std::size_t moment_count>
void update_range(const Rule& rule, const UpdateRates& rates, double scale, Index count, T* weights,
                  const T* gradients, const std::array<T*, moment_count>& moments) {
  using P = Pack<T>;
  if constexpr (StepsOnPacks<Rule, P>) {
    const P clip = P::broadcast(static_cast<T>(scale));
    const auto step = step_on_packs(rule, rates, std::type_identity<P>{});
    const Index whole = count / P::lanes * P::lanes;
    update_packs<T>(step, clip, whole, weights, gradients, moments);
    const Index rest = count - whole;
    if (rest == 0) return;
    // The last numbers, padded with zeros.
    alignas(alignment_bytes) std::array<T, P::lanes> last[moment_count + 2] = {};
    std::array<T*, moment_count> last_moments;
    std::copy_n(weights + whole, rest, last[0].data());
    std::copy_n(gradients + whole, rest, last[1].data());
    for (std::size_t k = 0; k < moment_count; ++k) {
      last_moments[k] = last[k + 2].data();
      std::copy_n(moments[k] + whole, rest, last_moments[k]);
    }
    update_packs<T>(step, clip, P::lanes, last[0].data(), last[1].data(), last_moments);
    std::copy_n(last[0].data(), rest, weights + whole);
    for (std::size_t k = 0; k < moment_count; ++k) {
      std::copy_n(last_moments[k], rest, moments[k] + whole);
    }
  } else {
    const T clip = static_cast<T>(scale);
    for (Index i = 0; i < count; ++i) {
      std::array<T, moment_count> here;
      for (std::size_t k = 0; k < moment_count; ++k) here[k] = moments[k][i];
      weights[i] =
          rule.template step<T>(weights[i], rounded_product(gradients[i], clip), here, rates);
      for (std::size_t k = 0; k < moment_count; ++k) moments[k][i] = here[k];
    }
  }
}

}  // namespace detail

template <Scalar T, UpdateRule Rule>
void update_by_rule(const Rule& rule, const Worker& worker, const UpdateInfo& info,
                    std::span<const Parameter> tensors, std::span<T> weights,
                    std::span<const T> gradients, std::span<std::byte> state) {
  constexpr std::size_t moment_count = Rule::moments.size();
  for (const Parameter& tensor : tensors) {
    if (!tensor.learns()) continue;
    const Range share = worker.split(tensor.count(), Pack<T>::lanes);
    const Index first = tensor.gradient_offset + share.begin;
    const auto stride = static_cast<std::size_t>(info.moments_of(weights.size()));
    std::array<T*, moment_count> moments;
    for (std::size_t k = 0; k < moment_count; ++k) {
      moments[k] = reinterpret_cast<T*>(state.data()) + k * stride + first;
    }
    detail::update_range<T>(
        rule,
        UpdateRates{info.step, info.learning_rate * tensor.learning_rate_factor, tensor.decays},
        info.scale, share.size(), weights.data() + tensor.offset + share.begin,
        gradients.data() + (first - info.first_gradient), moments);
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
