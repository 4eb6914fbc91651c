// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <string>
#include <variant>

#include <doctest/doctest.h>

#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/learning_rate_schedule.hpp>

using namespace octavo;

namespace {

template <typename Body>
void for_each_optimizer(Body body) {
  for (const AnyOptimizer& one :
       {AnyOptimizer(AdamW{}), AnyOptimizer(AdamW8bit{}), AnyOptimizer(Adam{}),
        AnyOptimizer(Lion{}), AnyOptimizer(Sgd{})}) {
    body(one);
  }
}

/// The optimizer with its setting of that name changed.
AnyOptimizer with(AnyOptimizer optimizer, std::string_view name, double value) {
  const auto change = [&](auto& chosen) {
    for_each_setting(chosen, [&](std::string_view setting, double& number) {
      if (setting == name) number = value;
    });
  };
  std::visit(change, optimizer);
  return optimizer;
}

}  // namespace

TEST_CASE("every setting of every optimizer has a range, and its defaults lie in it") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for_each_optimizer([&](const AnyOptimizer& optimizer) {
    CHECK_NOTHROW(check_optimizer<float>(optimizer));
    const auto try_out = [&](const auto& chosen) {
      for_each_setting(chosen, [&](std::string_view name, double) {
        INFO(std::string(name), " of ", std::string(chosen.name));
        for (const double bad : {std::nan(""), infinity, -infinity, -1e-300, -0.1}) {
          CHECK_THROWS_AS(check_optimizer<float>(with(optimizer, name, bad)), ConfigError);
          CHECK_THROWS_AS(check_optimizer<double>(with(optimizer, name, bad)), ConfigError);
        }
        const bool share = name != "decay" && name != "epsilon";
        for (const double big : {1.0, 2.0}) {
          if (share) {
            CHECK_THROWS_AS(check_optimizer<float>(with(optimizer, name, big)), ConfigError);
          } else {
            CHECK_NOTHROW(check_optimizer<float>(with(optimizer, name, big)));
          }
        }
        if (name != "epsilon") CHECK_NOTHROW(check_optimizer<float>(with(optimizer, name, 0)));
      });
    };
    std::visit(try_out, optimizer);
  });
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
  CHECK_THROWS_WITH_AS(check_optimizer<float>(Adam{.decay = std::nan("")}),
                       "adam: decay is nan, expected a finite number, 0 or more", ConfigError);
}

TEST_CASE("what a double can say and the weights' float cannot is refused") {
  CHECK_NOTHROW(check_optimizer<double>(AdamW{.epsilon = 1e-60}));
  CHECK_THROWS_AS(check_optimizer<float>(AdamW{.epsilon = 1e-60}), ConfigError);
  CHECK_NOTHROW(check_optimizer<double>(Sgd{.decay = 1e60}));
  CHECK_THROWS_AS(check_optimizer<float>(Sgd{.decay = 1e60}), ConfigError);
}

TEST_CASE("a warm-up that outlasts the run is told, with what the rate reaches") {
  using Shape = LearningRateSchedule::Shape;
  CHECK(schedule_warning({Shape::cosine, 1e-3, 1e-4, 100, 20}) ==
        "the warm-up of 100 steps is not shorter than the run of 20: the learning rate reaches 19% "
        "of what was asked; choose a shorter warm-up");
  CHECK(schedule_warning({Shape::constant, 1e-3, 1e-4, 100, 100}) != "");
  CHECK(schedule_warning({Shape::cosine, 1e-3, 1e-4, 100, 101}) == "");
  CHECK(schedule_warning({Shape::linear, 1e-3, 1e-4, 0, 1}) == "");
  CHECK(schedule_warning({Shape::linear, 1e-3, 1e-4, 100, 0}) == "");
}
