// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/optimizers/lion.hpp>

#include "optimizers/two_tensors.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("Lion follows its paper") {
  check_close(updated(Lion{}, 7),
              expected(7, [](double& w, double& m, double&, double g, int, double rate, bool d) {
                const double lean = 0.9 * m + 0.1 * g;
                w -= rate * ((lean > 0 ? 1 : lean < 0 ? -1 : 0) + (d ? 0.1 * w : 0));
                m = 0.99 * m + 0.01 * g;
              }));
}
