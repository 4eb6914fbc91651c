// SPDX-License-Identifier: MIT
#include <cstdint>

#include <doctest/doctest.h>

#include <octavo/numeric/scalar.hpp>

using namespace octavo;

static_assert(Scalar<float> && Scalar<double>);
static_assert(!Scalar<int> && !Scalar<long double> && !Scalar<std::int8_t>);
static_assert(!Scalar<const float> && !Scalar<float&>);

TEST_CASE("scalars carry the names that safetensors files use") {
  CHECK(scalar_name<float> == "F32");
  CHECK(scalar_name<double> == "F64");
}
