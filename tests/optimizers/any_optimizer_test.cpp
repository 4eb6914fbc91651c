// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/optimizers/sgd.hpp>

#include "optimizers/two_tensors.hpp"

using namespace octavo;
using namespace octavo_test;

static_assert(Optimizer<AdamW8bit> && StatefulOptimizer<AdamW8bit> && !UpdateRule<AdamW8bit>);
static_assert(UpdateRule<AdamW> && UpdateRule<Adam> && UpdateRule<Lion> && UpdateRule<Sgd>);
static_assert(!Optimizer<int> && !Optimizer<AnyOptimizer>);

namespace {

constexpr AnyOptimizer optimizers[] = {AdamW{}, AdamW8bit{}, Adam{}, Lion{}, Sgd{}, Muon{}};

/// The optimizer with its setting of that name changed.
AnyOptimizer with(AnyOptimizer optimizer, std::string_view name, double value) {
  for_each_setting(optimizer, [&](std::string_view setting, double& number, const auto&) {
    if (setting == name) number = value;
  });
  return optimizer;
}

}  // namespace

TEST_CASE("optimizers compare by rule and settings, also at compile time") {
  static_assert(optimizers[0] == AnyOptimizer(AdamW{}));
  static_assert(optimizers[0] != AnyOptimizer(AdamW{.beta1 = 0.5}));
  static_assert(optimizers[0] != AnyOptimizer(Adam{}));
  static_assert(optimizers[0].same_rule(AdamW{.beta1 = 0.5}) && !optimizers[0].same_rule(Adam{}));
  CHECK(name_of(optimizers[1]) == "adamw-8bit");
  CHECK(with(Lion{}, "beta2", 0.5) == AnyOptimizer(Lion{.beta2 = 0.5}));
  CHECK(updated(Sgd{.momentum = 0.3}, 3) == updated(with(Sgd{}, "momentum", 0.3), 3));
}

TEST_CASE("every setting of every optimizer has a range, and its defaults lie in it") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const AnyOptimizer& optimizer : optimizers) {
    CHECK_NOTHROW(check_optimizer<float>(optimizer));
    for_each_setting(optimizer, [&](std::string_view name, double, const auto&) {
      INFO(std::string(name), " of ", std::string(name_of(optimizer)));
      for (const double bad : {std::nan(""), infinity, -infinity, -1e-300, -0.1}) {
        CHECK_THROWS_AS(check_optimizer<float>(with(optimizer, name, bad)), ConfigError);
        CHECK_THROWS_AS(check_optimizer<double>(with(optimizer, name, bad)), ConfigError);
      }
      if (name == "ns_steps") return;  // has a test of its own
      const bool share = name.starts_with("beta") || name == "momentum";
      for (const double big : {1.0, 2.0}) {
        if (share) {
          CHECK_THROWS_AS(check_optimizer<float>(with(optimizer, name, big)), ConfigError);
        } else {
          CHECK_NOTHROW(check_optimizer<float>(with(optimizer, name, big)));
        }
      }
      if (name != "epsilon") CHECK_NOTHROW(check_optimizer<float>(with(optimizer, name, 0)));
    });
  }
}

TEST_CASE("a setting that is refused is named, with its value and range") {
  CHECK_THROWS_WITH_AS(check_optimizer<float>(AdamW{.beta1 = 2}),
                       "adamw: beta1 is 2, expected 0 to less than 1", ConfigError);
  CHECK_THROWS_WITH_AS(check_optimizer<float>(Lion{.beta2 = -0.5}),
                       "lion: beta2 is -0.5, expected 0 to less than 1", ConfigError);
  CHECK_THROWS_WITH_AS(check_optimizer<float>(AdamW8bit{.epsilon = 0}),
                       "adamw-8bit: epsilon is 0, expected a finite number > 0", ConfigError);
  CHECK_THROWS_WITH_AS(check_optimizer<float>(Sgd{.momentum = 1}),
                       "sgd: momentum is 1, expected 0 to less than 1", ConfigError);
  CHECK_THROWS_WITH_AS(check_optimizer<float>(Adam{.weight_decay = std::nan("")}),
                       "adam: weight_decay is nan, expected a finite number, 0 or more",
                       ConfigError);
}

TEST_CASE("Newton-Schulz steps are 1 to 6") {
  for (const double good : {1, 6}) CHECK_NOTHROW(check_optimizer<float>(Muon{.ns_steps = good}));
  CHECK_THROWS_WITH_AS(check_optimizer<float>(Muon{.ns_steps = 7}),
                       "muon: ns_steps is 7, expected a whole number from 1 to 6", ConfigError);
  for (const double bad : {0.0, 2.5, std::nan("")}) {
    CHECK_THROWS_AS(check_optimizer<float>(Muon{.ns_steps = bad}), ConfigError);
  }
}

TEST_CASE("what a double can say and the weights' float cannot is refused") {
  CHECK_NOTHROW(check_optimizer<double>(AdamW{.epsilon = 1e-60}));
  CHECK_THROWS_AS(check_optimizer<float>(AdamW{.epsilon = 1e-60}), ConfigError);
  CHECK_NOTHROW(check_optimizer<double>(Sgd{.weight_decay = 1e60}));
  CHECK_THROWS_AS(check_optimizer<float>(Sgd{.weight_decay = 1e60}), ConfigError);
}

TEST_CASE_TEMPLATE("a number without a gradient is decayed, and else stays to the bit", Chosen,
                   AdamW, Adam, Sgd, Lion, AdamW8bit, Muon) {
  const ParameterList list = two_tensors();
  const Chosen optimizer;
  std::vector<double> w(56), state(56 * 2 + 1);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<double>(i) - 20;
  std::vector<double> decayed = w;
  for (int t = 1; t <= 3; ++t) {
    const std::vector<double> g(56, t == 2 ? -0.0 : 0.0);
    update_tensors<double>(Worker{}, optimizer, list.span(), w, g,
                           std::as_writable_bytes(std::span(state)), {t, 0.01, 0.25});
    const double shrink = std::fma(-0.01 * 0.5, optimizer.weight_decay, 1.0);
    for (std::size_t i = 0; i < 35; ++i) decayed[i] *= shrink;
  }
  // The matrix; Adam's and SGD's decay is part of the gradient.
  constexpr bool coupled = std::is_same_v<Chosen, Adam> || std::is_same_v<Chosen, Sgd>;
  const std::ptrdiff_t first = coupled ? 35 : 0;
  CHECK(std::equal(w.begin() + first, w.end(), decayed.begin() + first));
}

TEST_CASE("the state that an optimizer asks for") {
  CHECK(optimizer_state_bytes<float>(AdamW{}, {1000, 3}) == 8000);
  CHECK(optimizer_state_bytes<double>(Sgd{}, {1000, 3}) == 8000);
  CHECK(optimizer_state_bytes<float>(Lion{}, {1000, 3}) == 4000);
  // Two planes of bytes, each padded to 64, and a scale of 4 bytes per begun 256 of every tensor.
  CHECK(optimizer_state_bytes<float>(AdamW8bit{}, {1000, 3}) == 2 * 1024 + 4 * (3 + 3));
  static_assert(optimizer_state_bytes<float>(AdamW{}, {1000, 3}) == 8000);
  CHECK_THROWS_AS(optimizer_state_bytes<float>(AdamW{}, {Index{1} << 62, 3}), ConfigError);
}

TEST_CASE("updates have the same bits with any number of workers") {
  for (const Index workers : {2, 3, 4}) {
    for (const AnyOptimizer& optimizer : optimizers) {
      CHECK(updated(optimizer, 5, workers) == updated(optimizer, 5, 1));
    }
  }
}

TEST_CASE("tensors updated one by one, from gradients of their own, have the bits of all at once") {
  const ParameterList list = two_tensors();
  for (const AnyOptimizer& optimizer : optimizers) {
    std::vector<float> together(56, 0.5F), apart = together;
    std::vector<double> state(56 * 2 + 1), other = state;
    for (Index t = 1; t <= 3; ++t) {
      std::vector<float> g(56);
      for (std::size_t i = 0; i < 56; ++i) g[i] = static_cast<float>(std::sin(t * 100 + Index(i)));
      update_tensors<float>(Worker{}, optimizer, list.span(), together, g,
                            std::as_writable_bytes(std::span(state)), {t, 0.01});
      for (const Parameter& tensor : list) {
        const auto own = std::span<const float>(g).subspan(
            static_cast<std::size_t>(tensor.offset), static_cast<std::size_t>(tensor.count()));
        update_tensors<float>(Worker{}, optimizer, {&tensor, 1}, apart, own,
                              std::as_writable_bytes(std::span(other)),
                              {t, 0.01, 1, tensor.offset});
      }
    }
    CHECK(together == apart);
    CHECK(state == other);
  }
}
