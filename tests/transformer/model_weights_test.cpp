// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/transformer/model_weights.hpp>
#include <octavo/transformer/stored_weights.hpp>

using namespace octavo;

namespace {

struct Shape {
  Index parameter_count() const { return 7; }
  Index tensor_count() const { return 3; }
};

}  // namespace

TEST_CASE("weights are those of a model, or are refused") {
  const std::vector<float> seven(7), six(6);
  CHECK(ModelWeights<float>(seven).numbers() == seven.data());
  CHECK(ModelWeights<float>(seven).parameters() == nullptr);
  ModelWeights<float>(seven).require_model_of("x", Shape{});
  CHECK_THROWS_WITH_AS(ModelWeights<float>(six).require_model_of("x", Shape{}),
                       "x: got 6, expected 7", ConfigError);
  StoredWeightsPlan plan;
  for (int i = 0; i < 2; ++i) plan.add_numbers({.name = "a", .rows = 0, .columns = 1});
  const StoredWeights<float> two(plan);
  CHECK_THROWS_WITH_AS(ModelWeights<float>(two).require_model_of("x", Shape{}),
                       "x: got 2, expected 3", ConfigError);
}
