// SPDX-License-Identifier: MIT
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include <octavo/base/field.hpp>

using namespace octavo;

namespace {

enum class Color { red, green };
constexpr std::array<std::string_view, 2> choice_names(Color) noexcept { return {"red", "green"}; }

std::string refusal(const Field& field, auto value, auto range) {
  try {
    FieldCheck{}(field, value, range);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("fields: choices have the names of their values") {
  static_assert(Choice<Color>);
  static_assert(!Choice<FieldGroup>);
  CHECK(name_of(Color::green) == "green");
  CHECK(value_text(Color::red) == "red");
}

TEST_CASE("fields: values in a word") {
  CHECK(value_text(Index{-3}) == "-3");
  CHECK(value_text(true) == "yes");
  CHECK(value_text(false) == "no");
  CHECK(value_text(0.1) == "0.1");
}

TEST_CASE("fields: a value out of its range is refused by its name, with what is expected") {
  const Field field{"heads"};
  CHECK(refusal(field, Index{1}, size_range) == "");
  CHECK(refusal(field, Index{0}, size_range) == "heads is 0, expected 1 to 2147483647");
  CHECK(refusal(field, Index{-1}, count_range) == "heads is -1, expected 0 or more");
  CHECK(refusal(field, 1.0, share_range) == "heads is 1, expected 0 to less than 1");
  CHECK(refusal(field, std::numeric_limits<double>::quiet_NaN(), share_range) != "");
  CHECK(refusal(Field{.name = "rate", .negative_is_default = true}, -1.0, positive_range) == "");
  CHECK(refusal(Field{.name = "rate", .negative_is_default = true}, 0.0, positive_range) != "");
}

TEST_CASE("fields: reports and options say the short name where there is one") {
  CHECK(Field{"heads"}.label() == "heads");
  CHECK(Field{"learning_rate", "lr"}.label() == "lr");
}
