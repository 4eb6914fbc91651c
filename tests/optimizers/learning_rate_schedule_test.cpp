// SPDX-License-Identifier: MIT
#include <limits>

#include <doctest/doctest.h>

#include <octavo/optimizers/learning_rate_schedule.hpp>

using namespace octavo;

TEST_CASE("the schedule rises linearly and falls along half a cosine") {
  const LearningRateSchedule cosine{LearningRateSchedule::Shape::cosine, 1.0, 0.1, 10, 110};
  CHECK(cosine.at(0) == doctest::Approx(1.0 / 11));
  CHECK(cosine.at(9) == doctest::Approx(10.0 / 11));
  CHECK(cosine.at(10) == 1);
  CHECK(cosine.at(60) == doctest::Approx(0.55));
  CHECK(cosine.at(110) == doctest::Approx(0.1));
  CHECK(cosine.at(100'000) == doctest::Approx(0.1));
  const LearningRateSchedule linear{LearningRateSchedule::Shape::linear, 1.0, 0.0, 0, 100};
  CHECK(linear.at(25) == doctest::Approx(0.75));
  LearningRateSchedule wsd{LearningRateSchedule::Shape::wsd, 1.0, 0.0, 10, 100, 0.25};
  CHECK(wsd.at(9) == doctest::Approx(10.0 / 11));
  for (const Index step : {10, 50, 75}) CHECK(wsd.at(step) == 1);
  CHECK(wsd.at(80) == doctest::Approx(0.8));
  CHECK(wsd.at(99) == doctest::Approx(0.04));
  CHECK(wsd.at(100) == 0);
  wsd.cooldown = 0;
  CHECK(wsd.at(99) == 1);
  wsd.cooldown = 1;  // the warm-up comes first
  CHECK(wsd.at(55) == doctest::Approx(0.5));
  const LearningRateSchedule constant{LearningRateSchedule::Shape::constant, 0.3, 0.0, 2, 5};
  CHECK(constant.at(99) == 0.3);
  const LearningRateSchedule rising{LearningRateSchedule::Shape::cosine, 1.0, 0.0,
                                    std::numeric_limits<Index>::max()};
  CHECK(rising.at(0) > 0);
  CHECK_THROWS_AS(check_schedule({LearningRateSchedule::Shape::cosine, -1}), ConfigError);
  CHECK_THROWS_AS(check_schedule({LearningRateSchedule::Shape::cosine, 1, 2}), ConfigError);
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
