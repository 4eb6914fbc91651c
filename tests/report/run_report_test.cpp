// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include <octavo/report/run_report.hpp>

using octavo::SettingGroup;

namespace {

template <typename Value>
std::string told(const Value& value) {
  SettingGroup group;
  group.add("name", value);
  CHECK(group.settings.at(0).name == "name");
  return group.settings.at(0).value;
}

}  // namespace

TEST_CASE("settings: truths are yes and no, texts as they are") {
  CHECK(told(true) == "yes");
  CHECK(told(false) == "no");
  CHECK(told("a, b") == "a, b");
  CHECK(told(std::string("text")) == "text");
}

TEST_CASE("settings: whole numbers are plain, counts have groups of three digits") {
  CHECK(told(0) == "0");
  CHECK(told(-1234567) == "-1234567");
  CHECK(told(std::uint64_t{18'446'744'073'709'551'615u}) == "18446744073709551615");
  SettingGroup group;
  group.add_count("steps", 1'234'567);
  CHECK(group.settings.at(0).value == "1,234,567");
}

TEST_CASE(
    "settings: fractions have the digits that a float has, without powers of ten where few do") {
  CHECK(told(0.1) == "0.1");
  CHECK(told(0.1f) == "0.1");
  CHECK(told(3e-4) == "0.0003");
  CHECK(told(1e-5) == "0.00001");
  CHECK(told(1e-8) == "1e-08");
  CHECK(told(123456.0) == "123456");
  CHECK(told(1e9) == "1e+09");
  CHECK(told(-0.25) == "-0.25");
}

TEST_CASE("a run of which nothing is known says so by numbers that are none") {
  const octavo::RunReport run;
  CHECK(std::isnan(run.loss));
  CHECK(std::isnan(run.validation_loss));
  CHECK(std::isnan(run.best_validation));
  CHECK(std::isnan(run.whole_validation));
  CHECK(std::isnan(run.tokens_per_second));
  CHECK(run.plan == nullptr);
  CHECK(run.stage == octavo::RunReport::Stage::running);
}
