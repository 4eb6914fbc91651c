// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>

#include "optimizers/two_tensors.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("the first update of 8-bit AdamW is AdamW's, later ones stay close") {
  const std::vector<double> start = updated(AdamW{}, 0);
  check_close(updated(AdamW8bit{}, 1), updated(AdamW{}, 1));
  const std::vector<double> exact = updated(AdamW{}, 40);
  const std::vector<double> eight = updated(AdamW8bit{}, 40);
  double moved = 0, apart = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    moved += (exact[i] - start[i]) * (exact[i] - start[i]);
    apart += (exact[i] - eight[i]) * (exact[i] - eight[i]);
  }
  CHECK(apart > 0);
  CHECK(std::sqrt(apart / moved) < 0.05);
}
