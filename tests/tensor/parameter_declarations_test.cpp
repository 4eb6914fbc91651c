// SPDX-License-Identifier: MIT
#include <limits>

#include <doctest/doctest.h>

#include <octavo/tensor/parameter_declarations.hpp>

using namespace octavo;

namespace {

constexpr ParameterDeclarations linear_and_norm() {
  ParameterDeclarations block;
  block.begin_layer("fc");
  block.matrix("weight", 4, 3, InitialValue::normal);
  block.vector("bias", 4, InitialValue::zeros);
  block.begin_layer("ln");
  block.vector("weight", 3, InitialValue::ones);
  return block;
}
static_assert(linear_and_norm().count() == 19 && linear_and_norm().size() == 3);

}  // namespace

TEST_CASE("a declared tensor keeps what it was declared with") {
  const ParameterDeclarations block = linear_and_norm();
  CHECK(block[0].scope == "fc");
  CHECK(block[0].name == "weight");
  CHECK(block[0].initial == InitialValue::normal);
  CHECK(block[0].decays());
  CHECK_FALSE(block[1].decays());
  CHECK(block[2].scope == "ln");
  CHECK(block[2].offset == 16);
}

TEST_CASE("a slot finds its tensor in a block, and nothing where nothing was declared") {
  ParameterDeclarations block;
  block.vector("a", 3, InitialValue::ones);
  const ParameterSlot slot = block.matrix("b", 2, 5, InitialValue::zeros);
  float numbers[13] = {};
  CHECK(slot.declared());
  CHECK(slot.in(numbers) == numbers + 3);
  CHECK(slot.rows == 2);
  CHECK(slot.columns == 5);
  CHECK_FALSE(ParameterSlot{}.declared());
  CHECK(ParameterSlot{}.in(numbers) == nullptr);
}

TEST_CASE("sizes whose product or sum does not fit, and negative ones, are refused") {
  constexpr Index most = std::numeric_limits<Index>::max();
  ParameterDeclarations block;
  CHECK_THROWS_AS(block.matrix("w", most / 2, 3, InitialValue::zeros), ConfigError);
  CHECK_THROWS_AS(block.matrix("w", -1, 3, InitialValue::zeros), ConfigError);
  CHECK_THROWS_AS(block.vector("b", -1, InitialValue::zeros), ConfigError);
  CHECK(block.size() == 0);
  block.vector("b", most, InitialValue::zeros);
  CHECK_THROWS_AS(block.vector("c", 1, InitialValue::zeros), ConfigError);
  CHECK(block.count() == most);
  CHECK(block.size() == 1);
}

TEST_CASE("a block takes as many tensors as it says, and no more") {
  ParameterDeclarations block;
  for (int i = 0; i < ParameterDeclarations::capacity; ++i) {
    block.vector("x", 1, InitialValue::zeros);
  }
  CHECK_THROWS_WITH_AS(block.vector("x", 1, InitialValue::zeros),
                       "a block declares at most 32 parameters", ConfigError);
}
