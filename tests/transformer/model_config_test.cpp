// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/transformer/model_config.hpp>

#include "transformer/small_model.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

struct Without {};

static_assert(ModelConfig<RuntimeConfig> && ModelConfig<FixedConfig<small_config>>);
static_assert(!ModelConfig<Without> && !ModelConfig<int>);
static_assert(FixedConfig<small_config>{}.shape() == small_config);
static_assert(RuntimeConfig(small_config).shape() == small_config);

}  // namespace

TEST_CASE("fixed and run-time sizes make the same model") {
  const Transformer<float, FixedConfig<small_config>> fixed{FixedConfig<small_config>{}};
  const Model<float> given = model_of<float>(small_config);
  CHECK(fixed.parameter_count() == given.parameter_count());
  CHECK(fixed.tensor_count() == given.tensor_count());
  CHECK(sizeof(FixedConfig<small_config>) == 1);  // nothing is stored
}
