// SPDX-License-Identifier: MIT
// What a pool's workers compute in is tried by tests/parallel/shared_pool_test.cpp.
#include <cfenv>

#include <doctest/doctest.h>

#include <octavo/base/float_environment.hpp>

using namespace octavo;

namespace {

/// 1.0 / 3 as the processor rounds it now.
double third() {
  volatile double three = 3.0;
  return 1.0 / three;
}

/// Another rounding mode, and the one before at the end.
struct Rounding {
  explicit Rounding(int mode) : before(std::fegetround()) { std::fesetround(mode); }
  ~Rounding() { std::fesetround(before); }
  int before;
};

}  // namespace

TEST_CASE("numbers are rounded to nearest while it lives, as the host has it afterwards") {
  const double nearest = third();
  const Rounding upward(FE_UPWARD);
  const double up = third();
  REQUIRE(up > nearest);
  {
    const FloatEnvironment usual;
    CHECK(third() == nearest);
    CHECK(std::fegetround() == FE_TONEAREST);
    {
      const FloatEnvironment within;
      CHECK(third() == nearest);
    }
    CHECK(third() == nearest);
  }
  CHECK(third() == up);
  CHECK(std::fegetround() == FE_UPWARD);
}

TEST_CASE("where the environment is the usual one nothing changes") {
  const double nearest = third();
  {
    const FloatEnvironment usual;
    CHECK(third() == nearest);
  }
  CHECK(std::fegetround() == FE_TONEAREST);
}

#if defined(__x86_64__)
TEST_CASE("denormal numbers are kept while it lives, whatever the host does with its own") {
  const auto least = [] {
    volatile double tiny = 0x1p-1073, half = 0.5;
    return tiny * half;
  };
  const unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040);  // flushed, and taken for zero
  const double flushed = least();
  double kept = 0;
  {
    const FloatEnvironment usual;
    kept = least();
  }
  const double again = least();
  const unsigned after = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before);
  CHECK(flushed == 0);
  CHECK(kept > 0);
  CHECK(again == 0);
  CHECK((after & 0x8040) == 0x8040);
}
#endif
