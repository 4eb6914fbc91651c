// SPDX-License-Identifier: MIT
#include <limits>

#include <doctest/doctest.h>

#include <octavo/training/run_state.hpp>

using octavo::Index;
using octavo::RunState;

namespace {

/// A run whose losses were all `loss`.
RunState steady(double loss, int steps = 400) {
  RunState state;
  for (int i = 0; i < steps; ++i) state.observe_loss(loss);
  return state;
}

}  // namespace

TEST_CASE("the moving average begins with the first loss and looks back 16 steps") {
  RunState state;
  const double losses[] = {4, 3, 5, 1};
  double average = 4;
  for (const double loss : losses) {
    state.observe_loss(loss);
    average += (loss - average) / 16;
    CHECK(state.average_loss == average);
  }
  CHECK(state.steps_done == 4);
  CHECK(state.average_loss > 3.5);  // and not 1, nor 3 and a bit
  CHECK(state.lowest_average == state.average_loss);
  state.observe_loss(9);
  CHECK(state.lowest_average == average);
  CHECK(state.average_loss > average);
}

TEST_CASE("a spike is twice the lowest average and half a nat above it") {
  const auto spikes_at = [](double lowest, double average) {
    RunState state = steady(lowest);
    CHECK(state.lowest_average == doctest::Approx(lowest));
    state.average_loss = average;
    return state.spiked();
  };
  CHECK_FALSE(RunState().spiked());
  CHECK_FALSE(spikes_at(2, 3.9));  // less than twice
  CHECK(spikes_at(2, 4.1));
  CHECK_FALSE(spikes_at(0.1, 0.3));  // three times, and yet little
  CHECK_FALSE(spikes_at(0.1, 0.59));
  CHECK(spikes_at(0.1, 0.61));
  CHECK_FALSE(spikes_at(0.1, 0.05));
}

TEST_CASE("a state that no run can be in is refused") {
  CHECK_NOTHROW(octavo::check_state(RunState()));
  CHECK_NOTHROW(octavo::check_state(steady(2)));
  const auto refused = [](auto change) {
    RunState state = steady(2);
    change(state);
    CHECK_THROWS_AS(octavo::check_state(state), octavo::ConfigError);
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  refused([](RunState& state) { state.steps_done = -1; });
  refused([](RunState& state) { state.steps_done = Index{1} << 62; });
  refused([](RunState& state) { state.lr_scale = 1.5; });
  refused([](RunState& state) { state.lr_scale = nan; });
  refused([](RunState& state) { state.best_step = 401; });
  refused([](RunState& state) { state.evaluations_since_best = -1; });
  refused([](RunState& state) { state.average_loss = std::numeric_limits<double>::infinity(); });
  refused([](RunState& state) { state.lowest_average = nan; });
  refused([](RunState& state) { state.best_validation = nan; });
}

TEST_CASE("a single large loss is no spike, several in a row are") {
  RunState state = steady(2);
  state.observe_loss(20);
  CHECK_FALSE(state.spiked());
  state.observe_loss(20);
  CHECK(state.spiked());
}

TEST_CASE("the best evaluation is the first of the lowest, and its step is kept") {
  RunState state = steady(2, 10);
  CHECK(state.observe_validation(3));
  CHECK(state.best_step == 10);
  state.observe_loss(2);
  CHECK_FALSE(state.observe_validation(3));
  CHECK(state.evaluations_since_best == 1);
  state.observe_loss(2);
  CHECK(state.observe_validation(2.5));
  CHECK(state.best_step == 12);
  CHECK(state.best_validation == 2.5);
  CHECK(state.evaluations_since_best == 0);
}
