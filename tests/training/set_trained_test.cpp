// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/training/set_trained.hpp>
#include <octavo/transformer/presets.hpp>
#include <octavo/transformer/transformer.hpp>

using namespace octavo;

TEST_CASE("what trains is what no pattern freezes, in the last blocks") {
  ParameterList parameters = Transformer<float>{presets::tiny}.parameters();
  const Index layers = presets::tiny.layers;
  set_trained(parameters, {.freeze = "norm", .train_last = 1}, layers);
  for (const Parameter& tensor : parameters) {
    const bool frozen = tensor.name.find("norm") != std::string::npos;
    CHECK(tensor.trains() == (!frozen && tensor.block >= layers - 1));
  }
  CHECK_THROWS_WITH_AS(set_trained(parameters, {.freeze = "norn"}, layers),
                       "freeze: no tensor's name contains 'norn'", ConfigError);
  CHECK_THROWS_WITH_AS(set_trained(parameters, {.freeze = "*"}, layers),
                       "freeze: nothing is left to train", ConfigError);
  CHECK_THROWS_WITH_AS(set_trained(parameters, {.train_too = "norm"}, layers),
                       doctest::Contains("the model has no adapters"), ConfigError);
  CHECK_THROWS_WITH_AS(set_trained(parameters, {.train_last = layers + 1}, layers),
                       doctest::Contains("the model's blocks"), ConfigError);
}
