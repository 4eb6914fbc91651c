// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/transformer/model_shape.hpp>

#include "transformer/small_model.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

void refused(Index ModelShape::*size, Index value, const char* message) {
  ModelShape shape = small_config;
  shape.*size = value;
  CHECK_THROWS_WITH_AS(check_shape(shape), message, ConfigError);
}

}  // namespace

TEST_CASE("a size that makes no model is named with its value") {
  CHECK_NOTHROW(check_shape(small_config));
  refused(&ModelShape::vocabulary, 0, "model shape: vocabulary is 0, expected 1 to 2^31 - 1");
  refused(&ModelShape::context, -1, "model shape: context is -1, expected 1 to 2^31 - 1");
  refused(&ModelShape::layers, 0, "model shape: layers is 0, expected 1 to 2^31 - 1");
  refused(&ModelShape::heads, 0, "model shape: heads is 0, expected 1 to 2^31 - 1");
  refused(&ModelShape::d_ff, Index{1} << 31,
          "model shape: d_ff is 2147483648, expected 1 to 2^31 - 1");
  refused(&ModelShape::width, 0, "model shape: width is 0, expected 1 to 2^31 - 1");
  refused(&ModelShape::heads, 4, "model shape: width 6 is not a multiple of heads 4");
}

TEST_CASE("more parameters than memory could have are refused before anything is counted") {
  ModelShape shape = small_config;
  shape.width = 1 << 30;
  CHECK_THROWS_WITH_AS(check_shape(shape), "model shape: expected less than 2^50 parameters",
                       ConfigError);
}

TEST_CASE("a shape in words") {
  CHECK(describe(small_config) ==
        "layers 3, heads 2, width 6, d_ff 10, context 8, vocabulary 11, relu, biases, untied");
  ModelShape shape = small_config;
  shape.bias = false;
  shape.tied = true;
  shape.activation = Activation::gelu_tanh;
  CHECK(describe(shape).ends_with(", gelu-tanh, no biases, tied"));
  CHECK(shape != small_config);
  CHECK(shape.head_width() == 3);
}
