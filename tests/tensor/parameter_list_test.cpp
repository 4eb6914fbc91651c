// SPDX-License-Identifier: MIT
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tensor/parameter_list.hpp>

using namespace octavo;

TEST_CASE("parameters are found by name, and unknown names are refused") {
  ParameterTable block;
  const ParameterPath root;
  block.add(root / "ln_1" / "weight", 0, 4, InitialValue::ones);
  block.add(root / "mlp" / "c_fc" / "weight", 4, 3, InitialValue::normal);
  ParameterList list;
  list.append("h.0.", block);
  list.append("h.1.", block);
  CHECK(list.count() == 32);
  CHECK(list.find("h.1.mlp.c_fc.weight").offset == 20);
  CHECK(list.find("h.1.mlp.c_fc.weight").decays);
  CHECK_FALSE(list.find("h.0.ln_1.weight").decays);
  std::vector<double> values(32);
  list.map<double>(values, "h.1.mlp.c_fc.weight")(2, 1) = 5;
  CHECK(values[20 + 7] == 5);
  CHECK_THROWS_WITH_AS(list.find("h.2.x"), "there is no parameter 'h.2.x'", ConfigError);
  CHECK(list.set_learning_rate_factor("ln_1", 0.5) == 2);
}

TEST_CASE("parameters follow each other without gaps, in the order of declaration") {
  ParameterTable block;
  const ParameterPath root;
  block.add(root / "plain", 0, 2, InitialValue::ones);  // before any layer: a name without scope
  block.add(root / "fc" / "weight", 3, 5, InitialValue::normal_residual);
  ParameterList list;
  list.append("h.0.", block);
  list.append("h.1.", block);
  std::vector<std::string> names;
  Index next = 0;
  for (const Parameter& parameter : list) {
    CHECK(parameter.offset == next);
    next += parameter.count();
    names.push_back(parameter.name);
  }
  CHECK(next == list.count());
  CHECK(names ==
        std::vector<std::string>{"h.0.plain", "h.0.fc.weight", "h.1.plain", "h.1.fc.weight"});
  CHECK(list[3].initial == InitialValue::normal_residual);
  CHECK(list.span().size() == list.size());
}

TEST_CASE("a learning-rate factor reaches exactly the parameters whose names contain the part") {
  ParameterTable block;
  const ParameterPath root;
  block.add(root / "ln" / "weight", 0, 2, InitialValue::ones);
  block.add(root / "ln" / "bias", 0, 2, InitialValue::zeros);
  ParameterList list;
  list.append("h.", block);
  CHECK(list.set_learning_rate_factor("bias", 0) == 1);
  CHECK(list[0].learning_rate_factor == 1);
  CHECK(list[1].learning_rate_factor == 0);
  CHECK(list.set_learning_rate_factor("", 2) == 2);
  CHECK(list.set_learning_rate_factor("nothing of that name", 3) == 0);
  CHECK_THROWS_AS(list.set_learning_rate_factor("ln", -1), ConfigError);
  CHECK_THROWS_AS(list.set_learning_rate_factor("ln", std::numeric_limits<double>::quiet_NaN()),
                  ConfigError);
  CHECK(list[0].learning_rate_factor == 2);
}

TEST_CASE("a map shows one tensor of the whole block, a vector as one row") {
  ParameterTable block;
  const ParameterPath root;
  block.add(root / "w", 2, 3, InitialValue::zeros);
  block.add(root / "b", 0, 3, InitialValue::zeros);
  ParameterList list;
  list.append("", block);
  const std::vector<float> values{0, 1, 2, 3, 4, 5, 6, 7, 8};
  const auto w = list.map<const float>(values, "w");
  CHECK(w.rows() == 2);
  CHECK(w(1, 0) == 3);
  const auto b = list.map<const float>(values, "b");
  CHECK(b.rows() == 1);
  CHECK(b(0, 2) == 8);
  const std::vector<float> short_by_one(8);
  CHECK_THROWS_WITH_AS(list.map<const float>(short_by_one, "b"),
                       "parameters: numbers in the block: got 8, expected 9", ConfigError);
  CHECK_THROWS_AS(list.map<const float>(values, "c"), ConfigError);
}
