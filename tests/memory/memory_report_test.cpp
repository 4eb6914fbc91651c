// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/memory/memory_report.hpp>

using namespace octavo;

TEST_CASE("the table tells every buffer and the total") {
  MemoryPlan plan;
  plan.book<float>("run", "weights", MemoryKind::parameters, 100, {0, 9});
  plan.book<double>("b", "scratch", MemoryKind::scratch, 10, {2, 3}, 2);
  plan.place();
  CHECK(memory_table(plan) ==
        "      offset         bytes  phases  kind             buffer\n"
        "           0           448  0 to 9  parameters       run: weights\n"
        "         448           256  2 to 3  scratch          b: scratch (x 2)\n"
        "total 704 bytes (704 B)\n");
}
