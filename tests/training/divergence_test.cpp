// SPDX-License-Identifier: MIT
// What an exception says about a step that diverged.
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/training/divergence.hpp>

using namespace octavo;

TEST_CASE("the step, the quantity, and a hint") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<float> weights{1, 2};
  const auto hint = [&](Index steps) {
    return std::string(divergence<float>(steps, "loss", infinity, weights).hint());
  };
  CHECK(std::string(divergence<float>(7, "loss", infinity, weights).what()) ==
        "training diverged at step 7: loss is infinite");
  CHECK(
      std::string(divergence<float>(7, "gradient norm", -(infinity - infinity), weights).what()) ==
      "training diverged at step 7: gradient norm is not a number");
  CHECK(hint(7) == "lower the learning rate");
  CHECK(hint(0) == "no step was done yet: the initial weights are too large");
  weights[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(hint(0) == "no step was done yet: the initial weights are not all finite");
}
