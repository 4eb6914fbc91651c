// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/base/field.hpp>
#include <octavo/layers/layer_configs.hpp>

using namespace octavo;

static_assert(NormConfig{} == NormConfig{.epsilon = 1e-5, .bias = true});
static_assert(AttentionConfig{.heads = 2} != AttentionConfig{.heads = 2, .bias = false});

TEST_CASE("kinds have the names that files give them") {
  CHECK(name_of(NormKind::layer) == "layer");
  CHECK(name_of(NormKind::rms) == "rms");
  CHECK(name_of(PositionKind::learned) == "learned");
  CHECK(name_of(Activation::gelu_tanh) == "gelu-tanh");
}
