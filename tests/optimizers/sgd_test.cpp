// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/optimizers/sgd.hpp>

#include "optimizers/two_tensors.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("SGD with momentum is PyTorch's") {
  check_close(updated(Sgd{.weight_decay = 0.2}, 7),
              expected(7, [](double& w, double& m, double&, double g, int, double rate, bool d) {
                m = 0.9 * m + g + (d ? 0.2 * w : 0);
                w -= rate * m;
              }));
}
