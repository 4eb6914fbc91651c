// SPDX-License-Identifier: MIT
// What makes a struct an optimizer, and what one is told.
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/optimizers/optimizer.hpp>

using namespace octavo;

namespace {

struct Rule {
  static constexpr std::string_view name = "rule";
  static constexpr std::array moments{MomentRange::finite};
  double momentum = 0.9;
  static constexpr auto settings() {
    return std::array{Setting{"momentum", &Rule::momentum, share_range}};
  }
};

struct Stateful {
  static constexpr std::string_view name = "stateful";
  static constexpr std::array<Setting<Stateful>, 0> settings() { return {}; }
  static constexpr std::array<StateSection, 1> state_sections(const TrainedSizes& sizes) {
    return {StateSection{StateSection::Number::code, sizes.count}};
  }
  template <Scalar T>
  void update(const Worker&, const UpdateInfo&, std::span<const Parameter>, std::span<T>,
              std::span<const T>, std::span<std::byte>) const {}
};

struct WithoutName {
  static constexpr std::array moments{MomentRange::finite};
  static constexpr std::array<Setting<WithoutName>, 0> settings() { return {}; }
};

struct WithoutSettings {
  static constexpr std::string_view name = "without-settings";
  static constexpr std::array moments{MomentRange::finite};
};

struct WithoutUpdate {
  static constexpr std::string_view name = "without-update";
  static constexpr std::array<Setting<WithoutUpdate>, 0> settings() { return {}; }
  static constexpr std::array<StateSection, 1> state_sections(const TrainedSizes&) { return {}; }
};

static_assert(UpdateRule<Rule> && Optimizer<Rule> && !StatefulOptimizer<Rule>);
static_assert(StatefulOptimizer<Stateful> && Optimizer<Stateful> && !UpdateRule<Stateful>);
static_assert(!Optimizer<WithoutName> && !Optimizer<WithoutSettings> && !Optimizer<WithoutUpdate>);
static_assert(!Optimizer<int>);
static_assert(WithoutName::moments.size() == 1);  // all else is there

}  // namespace

TEST_CASE("weight decay is a tensor's own: the setting for a matrix, 0 for a vector") {
  CHECK(UpdateRates{1, 0.1, true}.weight_decay(0.25) == 0.25);
  CHECK(UpdateRates{1, 0.1, false}.weight_decay(0.25) == 0.0);
}

TEST_CASE("a section of state has the bytes of its numbers, whatever the weights are") {
  using Number = StateSection::Number;
  CHECK(StateSection{Number::scalar, 7}.bytes<float>() == 28);
  CHECK(StateSection{Number::scalar, 7}.bytes<double>() == 56);
  CHECK(StateSection{Number::float32, 7}.bytes<float>() == 28);
  CHECK(StateSection{Number::float32, 7}.bytes<double>() == 28);
  CHECK(StateSection{Number::code, 7}.bytes<double>() == 7);
  CHECK(StateSection{}.bytes<float>() == 0);
}

TEST_CASE("an update that is not told otherwise is the first, unclipped, and learns nothing") {
  const UpdateInfo info;
  CHECK(info.step == 1);
  CHECK(info.learning_rate == 0.0);
  CHECK(info.scale == 1.0);
  CHECK(info.first_gradient == 0);
}
