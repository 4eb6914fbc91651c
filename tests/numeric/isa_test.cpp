// SPDX-License-Identifier: MIT
// That the bits are the same on every set is tried by tests/plain and by elementary_test.cpp.
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/numeric/isa.hpp>

using namespace octavo;

namespace {

constexpr Isa all[] = {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512};

}  // namespace

TEST_CASE("instruction sets have names") {
  CHECK(name_of(Isa::portable) == "portable");
  CHECK(name_of(Isa::neon) == "neon");
  CHECK(name_of(Isa::avx2) == "avx2");
  CHECK(name_of(Isa::avx512) == "avx512");
}

TEST_CASE("the set in use is supported, and any other that is can be chosen") {
  const Isa usual = isa_in_use();
  CHECK(supports(usual));
  CHECK_NOTHROW(require_kernels());
  for (const Isa isa : all) {
    if (supports(isa)) {
      use_isa(isa);
      CHECK(isa_in_use() == isa);
      continue;
    }
    const Isa before = isa_in_use();
    CHECK_THROWS_AS(use_isa(isa), ConfigError);
    CHECK(isa_in_use() == before);
  }
  use_isa(usual);
}

TEST_CASE("the widest set that is supported is in use, unless another is chosen") {
  Isa widest = isa_in_use();
  for (const Isa isa : all) {
    if (supports(isa) && isa > widest) widest = isa;
  }
  CHECK(isa_in_use() == widest);
}
