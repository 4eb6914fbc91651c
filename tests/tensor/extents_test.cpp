// SPDX-License-Identifier: MIT
#include <type_traits>

#include <doctest/doctest.h>

#include <octavo/tensor/extents.hpp>

using namespace octavo;

static_assert(Extents<2, 3, 4>().count() == 24 && Extents<2, 3, 4>::rank == 3);
static_assert(Extents<dynamic, 3>(2, 3).count() == 6);
static_assert(!std::is_constructible_v<Extents<2, 3>, int>);
static_assert(std::is_empty_v<Extent<7>>);

TEST_CASE("sizes are told per axis, fixed ones before they are given") {
  const Extents<dynamic, 3, dynamic> none;
  CHECK(none.size(0) == 0);
  CHECK(none.size(1) == 3);
  CHECK(none.count() == 0);
  const Extents<dynamic, 3, dynamic> some(2, 3, 5);
  CHECK(some.size(2) == 5);
  CHECK(some.count() == 30);
  CHECK(some == Extents<dynamic, 3, dynamic>(2, 3, 5));
  CHECK_FALSE(some == Extents<dynamic, 3, dynamic>(5, 3, 2));
}

TEST_CASE("a size that contradicts the type, or is negative, is refused with its axis") {
  using Sizes = Extents<dynamic, 3>;
  CHECK_THROWS_WITH_AS(Sizes(2, 4), "axis 1: got 4, expected 3", ConfigError);
  CHECK_THROWS_WITH_AS(Sizes(-2, 3), "a tensor's size is negative", ConfigError);
  CHECK_NOTHROW(Sizes(0, 3));
  CHECK_THROWS_WITH_AS(Extent<4>(5), "extent: got 5, expected 4 as fixed by the type", ConfigError);
  CHECK(Extent<dynamic>(5).value() == 5);
  CHECK(Extent<4>().value() == 4);
}
