// SPDX-License-Identifier: MIT
#include <set>

#include <doctest/doctest.h>

#include <octavo/memory/memory_request.hpp>

using namespace octavo;

static_assert(!Booking<float>{}.booked() && Booking<float>{0, 1}.booked());

TEST_CASE("lifetimes overlap exactly where they have a phase in common") {
  for (int a = 0; a < 5; ++a) {
    for (int b = a; b < 5; ++b) {
      for (int c = 0; c < 5; ++c) {
        for (int d = c; d < 5; ++d) {
          bool common = false;
          for (int phase = 0; phase < 5; ++phase) {
            common = common || (a <= phase && phase <= b && c <= phase && phase <= d);
          }
          CHECK(Lifetime{a, b}.overlaps({c, d}) == common);
        }
      }
    }
  }
}

TEST_CASE("every kind has a name of its own") {
  std::set<std::string_view> names;
  for (const MemoryKind kind :
       {MemoryKind::parameters, MemoryKind::gradients, MemoryKind::optimizer_state,
        MemoryKind::saved, MemoryKind::scratch, MemoryKind::cache, MemoryKind::data}) {
    names.insert(name_of(kind));
  }
  CHECK(names.size() == 7);
  CHECK(names.count("unknown") == 0);
}
