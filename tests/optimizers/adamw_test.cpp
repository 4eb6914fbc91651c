// SPDX-License-Identifier: MIT
#include <cmath>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw.hpp>

#include "optimizers/two_tensors.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("AdamW and Adam follow their papers") {
  const auto adam = [](bool decoupled, double weight_decay) {
    return [=](double& w, double& m, double& v, double g, int t, double rate, bool matrix) {
      const double d = matrix ? weight_decay : 0;
      if (decoupled) {
        w -= rate * d * w;
      } else {
        g += d * w;
      }
      m = 0.9 * m + 0.1 * g;
      v = 0.99 * v + 0.01 * g * g;
      const double m_hat = m / (1 - std::pow(0.9, t));
      const double v_hat = v / (1 - std::pow(0.99, t));
      w -= rate * m_hat / (std::sqrt(v_hat) + 1e-8);
    };
  };
  check_close(updated(AdamW{}, 7), expected(7, adam(true, 0.1)));
  check_close(updated(Adam{.weight_decay = 0.3}, 7), expected(7, adam(false, 0.3)));
}
