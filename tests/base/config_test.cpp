// SPDX-License-Identifier: MIT

#include <cstdint>
#include <type_traits>

#include <Eigen/Core>
#include <doctest/doctest.h>

#include <octavo/base/config.hpp>

TEST_CASE("config: sizes are those of Eigen") {
  static_assert(std::is_same_v<octavo::Index, Eigen::Index>);
}

TEST_CASE("config: the alignment is a power of two that suits every vector register") {
  static_assert((octavo::alignment_bytes & (octavo::alignment_bytes - 1)) == 0);
  static_assert(octavo::alignment_bytes >= 64);
  static_assert(octavo::alignment_bytes % EIGEN_DEFAULT_ALIGN_BYTES == 0);
}

TEST_CASE("config: the macros compile where they are meant to stand") {
  struct Local {
    OCTAVO_ALWAYS_INLINE static int twice(int number) { return 2 * number; }
  };
  int sum = 0;
  OCTAVO_UNROLL
  for (int i = 0; i < 4; ++i) sum += Local::twice(i);
  CHECK(sum == 12);
}
