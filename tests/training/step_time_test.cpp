// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/optimizers/muon.hpp>
#include <octavo/training/step_time.hpp>

namespace {

constexpr octavo::ModelConfig config{.vocabulary = 10,
                                     .context = 8,
                                     .layers = 2,
                                     .width = 16,
                                     .attention = {.heads = 2},
                                     .feed_forward = {.d_ff = 32}};

}  // namespace

TEST_CASE("the operations of a step are those of its products") {
  octavo::TrainingOptions options{.batch = 3, .sequence = 8};
  // Per position: 4 width^2 + 2 width d_ff in each block, two products with half of the sequence's
  // keys (8 operations of 2 x 16 / 2), the head.
  const double per_position = 2 * (4 * 16 * 16 + 2 * 16 * 32) + 2 * 16 * 8 + 16 * 10;
  CHECK(octavo::step_operations(config, options) == 6 * 24 * per_position);
  options.accumulate = 2;
  CHECK(octavo::step_operations(config, options) == 6 * 48 * per_position);
  options.accumulate = 1;
  options.optimizer = octavo::Muon{};
  const double muon = 1.6 * 16 / 24 * 2 * (4 * 16 * 16 + 2 * 16 * 32);
  CHECK(octavo::step_operations(config, options) ==
        doctest::Approx(6 * 24 * (per_position + muon)));
  octavo::ModelConfig gated = config;
  gated.feed_forward.gated = true;
  CHECK(octavo::step_operations(gated, options) > octavo::step_operations(config, options));
}

TEST_CASE("a step is measured with any options, and takes longer if it has more work") {
  octavo::ThreadPool threads(1);
  octavo::TrainingOptions options{.batch = 1, .sequence = 8, .optimizer = octavo::Muon{}};
  const double one = octavo::measure_step<float>(config, options, threads, 0.02);
  CHECK(one > 0);
  CHECK(one < 1);
  options.batch = 200;
  CHECK(octavo::measure_step<float>(config, options, threads, 0.02) > 10 * one);
  options = {.batch = 1, .sequence = 8, .fused_update = true};
  CHECK(octavo::measure_step<double>(config, options, threads, 0.02) > 0);
}
