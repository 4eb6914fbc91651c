// SPDX-License-Identifier: MIT
#include <cmath>

#include <doctest/doctest.h>

#include <octavo/optimizers/setting.hpp>

using namespace octavo;

TEST_CASE("a setting that is out of its range is named, with its value and range") {
  CHECK_NOTHROW(check_setting("dropout", 0, share_range));
  CHECK_NOTHROW(check_setting("dropout", share_range.most, share_range));
  CHECK_THROWS_WITH_AS(check_setting("dropout", 1, share_range),
                       "dropout is 1, expected 0 to less than 1", ConfigError);
  CHECK_THROWS_WITH_AS(check_setting("clip", std::nan(""), not_negative_range),
                       "clip is nan, expected a finite number, 0 or more", ConfigError);
  CHECK_THROWS_AS(check_setting("epsilon", 0, positive_range), ConfigError);
}
