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

TEST_CASE("local layers are counted as they are told apart") {
  for (const AttentionConfig& attention : {AttentionConfig{},
                                           {.window = 3},
                                           {.window_pattern = 3},
                                           {.window = 3, .window_pattern = 1},
                                           {.window = 3, .window_pattern = 2},
                                           {.window = 3, .window_pattern = 6}}) {
    Index count = 0;
    for (Index layer = 0; layer < 20; ++layer) {
      CHECK(attention.local_layers(layer) == count);
      count += attention.is_local(layer) ? 1 : 0;
    }
  }
}
