// SPDX-License-Identifier: MIT
#include <limits>

#include <doctest/doctest.h>

#include <octavo/tensor/parameter_table.hpp>

using namespace octavo;

namespace {

constexpr ParameterPath root;

constexpr ParameterTable linear_and_norm() {
  ParameterTable table;
  const ParameterUnit linear = table.begin_unit();
  table.add(root / "fc" / "weight", 4, 3, InitialValue::normal, linear);
  table.add(root / "fc" / "bias", 0, 4, InitialValue::zeros, linear);
  table.add(root / "ln" / "weight", 0, 3, InitialValue::ones, table.begin_unit());
  return table;
}
static_assert(linear_and_norm().count() == 19 && linear_and_norm().size() == 3);

}  // namespace

TEST_CASE("a tensor keeps what it was added with") {
  const ParameterTable table = linear_and_norm();
  CHECK(table[0].path.joined() == "fc.weight");
  CHECK(table[0].initial == InitialValue::normal);
  CHECK(table[0].decays());
  CHECK_FALSE(table[1].decays());
  CHECK(table[2].path.joined() == "ln.weight");
  CHECK(table[2].offset == 16);
  CHECK(table.longest_side() == 4);
}

TEST_CASE("a slot knows its tensor's place") {
  ParameterTable table;
  table.add(root / "a", 0, 3, InitialValue::ones);
  const ParameterSlot slot = table.add(root / "b", 2, 5, InitialValue::zeros);
  CHECK(slot.exists());
  CHECK(slot.tensor == 1);
  CHECK(slot.offset == 3);
  CHECK(slot.count() == 10);
  CHECK_FALSE(ParameterSlot{}.exists());
}

TEST_CASE("sizes whose product or sum does not fit, and negative ones, are refused") {
  constexpr Index most = std::numeric_limits<Index>::max();
  ParameterTable table;
  CHECK_THROWS_AS(table.add(root / "w", most / 2, 3, InitialValue::zeros), ConfigError);
  CHECK_THROWS_AS(table.add(root / "w", -1, 3, InitialValue::zeros), ConfigError);
  CHECK_THROWS_AS(table.add(root / "b", 0, -1, InitialValue::zeros), ConfigError);
  CHECK(table.size() == 0);
  table.add(root / "b", 0, most, InitialValue::zeros);
  CHECK_THROWS_AS(table.add(root / "c", 0, 1, InitialValue::zeros), ConfigError);
  CHECK(table.count() == most);
  CHECK(table.size() == 1);
}

TEST_CASE("a part takes any number of tensors, of different names") {
  ParameterTable table;
  const char* digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  for (const char* tens : digits) {
    for (const char* ones : digits) table.add(root / tens / ones, 0, 1, InitialValue::zeros);
  }
  CHECK(table.size() == 100);
  CHECK_THROWS_WITH_AS(table.add(root / "4" / "2", 0, 1, InitialValue::zeros),
                       "two tensors have the name '4.2'", ConfigError);
}

TEST_CASE("a path has at most six names") {
  const ParameterPath path = root / "a" / "b" / "c" / "d" / "e" / "f";
  CHECK(path.joined() == "a.b.c.d.e.f");
  CHECK_THROWS_WITH_AS(path / "g", "a tensor's path has at most 6 names", ConfigError);
}

TEST_CASE("a path in parts, and as text in constant expressions") {
  const ParameterPath path = root / "attention" / "qkv" / "weight";
  CHECK(path.last() == "weight");
  CHECK(path.parent() == root / "attention" / "qkv");
  CHECK(root.last() == "");
  CHECK(root.parent() == root);
  static_assert((root / "a" / "b").with_text([](std::string_view text) { return text == "a.b"; }));
  static_assert(root.with_text([](std::string_view text) { return text.empty(); }));
  const std::string name(200, 'x');
  CHECK_THROWS_WITH_AS((root / name / name).with_text([](std::string_view) { return 0; }),
                       "a tensor's name has at most 256 letters", ConfigError);
}
