// SPDX-License-Identifier: MIT
// Options of DiLoCo that do not fit others.
#include <string>

#include <doctest/doctest.h>

#include <octavo/training/training_options.hpp>

using namespace octavo;

namespace {

std::string refusal(const TrainingOptions& options) {
  try {
    check_options<float>(options);
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("options that do not fit DiLoCo are refused") {
  TrainingOptions options{.evaluate_every = 20};
  options.diloco.steps = 10;
  CHECK(refusal(options) == "");
  options.diloco.steps = 30;
  CHECK(refusal(options) ==
        "evaluate_every: got 20, expected a multiple of diloco, 30: the processes have equal "
        "weights only then");
  options.diloco.steps = 0;
  CHECK(refusal(options) == "");
  options.diloco.steps = 10;
  options.ema = 0.9;
  CHECK(refusal(options).starts_with("diloco: processes have no common moving average"));
  options.ema = 0, options.stop_at_spike = true;
  CHECK(refusal(options).starts_with("diloco: processes cannot go back together"));
  options.stop_at_spike = false, options.zero = 1;
  CHECK(refusal(options).starts_with("diloco: each process has all"));
  options.zero = 0, options.leaves = 2, options.batch = 2, options.ranks = 2;
  CHECK(refusal(options).starts_with("diloco: the processes do not share steps"));
  options.ranks = 1;
  CHECK(refusal(options) == "");
  options.diloco.workers = 3;
  CHECK(options.all_sequences() == 6);
  options.diloco.workers = 0;
  CHECK(refusal(options).starts_with("workers is 0"));
  options.diloco.workers = 1;
  CHECK(options.diloco.rounded_up(0) == 0);
  CHECK(options.diloco.rounded_up(10) == 10);
  CHECK(options.diloco.rounded_up(11) == 20);
  options.diloco.momentum = 1;
  CHECK(refusal(options) == "outer_momentum is 1, expected 0 to less than 1");
}
