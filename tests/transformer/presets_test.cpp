// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/transformer/presets.hpp>

#include "transformer/small_model.hpp"

using namespace octavo;
using namespace octavo_test;

static_assert(parameter_count(presets::tiny) == 46'307);
static_assert(parameter_count(presets::small) == 422'179);
static_assert(parameter_count(presets::medium) == 2'175'554);
static_assert(parameter_count(presets::large) == 8'545'346);
static_assert(parameter_count(presets::nano) == 804'096);
static_assert(parameter_count(presets::gpt2) == 124'439'808);  // as transformers counts GPT-2

TEST_CASE("every preset makes a model") {
  for (const Config& config : {presets::tiny, presets::small, presets::medium, presets::large,
                               presets::nano, presets::gpt2}) {
    const auto model = model_of<float>(config);
    CHECK(model.parameter_count() == parameter_count(config));
    CHECK(model.parameters().count() == parameter_count(config));
  }
}

TEST_CASE("nanoGPT's setting and GPT-2's share the token table with the head") {
  const auto has_head = [](const Config& config) {
    for (const Parameter& parameter : model_of<float>(config).parameters()) {
      if (parameter.name.starts_with("head")) return true;
    }
    return false;
  };
  CHECK_FALSE(has_head(presets::nano));
  CHECK_FALSE(has_head(presets::gpt2));
  CHECK(has_head(presets::tiny));
}
