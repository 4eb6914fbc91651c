// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/tensor/parameter_block.hpp>

using namespace octavo;

namespace {

ParameterList two_parameters() {
  ParameterList list;
  list.append("matrix", ParameterEntry{.path = {}, .rows = 3, .columns = 4});
  list.append("vector", ParameterEntry{.path = {}, .rows = 0, .columns = 5});
  return list;
}

}  // namespace

TEST_CASE("a parameter is its largest block; a vector is one row") {
  const ParameterList list = two_parameters();
  const ParameterBlock matrix = list[0], vector = list[1];
  CHECK(matrix.rows == 3);
  CHECK(matrix.columns == 4);
  CHECK(matrix.count() == 12);
  CHECK(vector.rows == 1);
  CHECK(vector.count() == 5);
}

TEST_CASE("the steps say where a number lies in either order") {
  const ParameterList list = two_parameters();
  const ParameterBlock rows(list[0], 1, 2, 1, 3), columns(list[0], 1, 2, 1, 3, true);
  CHECK(rows.row_step() == 3);
  CHECK(rows.column_step() == 1);
  CHECK(columns.row_step() == 1);
  CHECK(columns.column_step() == 2);
}

TEST_CASE("a block of another model, or with room for other numbers, is refused") {
  const ParameterList list = two_parameters();
  CHECK_NOTHROW(detail::check_block(list[1], list, 5));
  CHECK_THROWS_WITH_AS(detail::check_block(list[1], list, 4),
                       "numbers in the block: got 4, expected 5", ConfigError);
  Parameter other = list[1];
  other.columns = 6;
  CHECK_THROWS_WITH_AS(detail::check_block(other, list, 6),
                       "'vector' is a parameter of another model", ConfigError);
  other = list[1];
  other.index = 2;
  CHECK_THROWS_AS(detail::check_block(other, list, 5), ConfigError);
}
