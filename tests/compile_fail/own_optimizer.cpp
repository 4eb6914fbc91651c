// SPDX-License-Identifier: MIT
// Update rules of a user's own that lack something: compilers say what.
// refused with -DNO_STEP: the rule needs: template <Scalar T> T step
// refused with -DSTEP_CONST=: the rule needs: template <Scalar T> T step.* const
// refused with -DUNLISTED: an optimizer's members are its settings, all of them doubles
// refused with -DNO_NAME: the optimizer needs a name in files
// refused with -DNO_MOMENTS: the rule needs its moments

#include <octavo/optimizers/any_optimizer.hpp>

#if !defined(STEP_CONST)
#define STEP_CONST const
#endif

struct Mine {
#if !defined(NO_NAME)
  static constexpr std::string_view name = "mine";
#endif
#if !defined(NO_MOMENTS)
  static constexpr std::array<octavo::MomentRange, 0> moments{};
#endif
  double rate = 1;
#if defined(UNLISTED)
  double forgotten = 1;
#endif
  static constexpr auto settings() {
    return std::array{octavo::Setting{"rate", &Mine::rate, octavo::positive_range}};
  }
#if !defined(NO_STEP)
  template <octavo::Scalar T>
  T step(T weight, T, std::array<T, 0>&, const octavo::UpdateRates&) STEP_CONST {
    return weight;
  }
#endif
};

constexpr octavo::AnyOptimizer optimizer = Mine{};
static_assert(octavo::name_of(optimizer) == "mine");
