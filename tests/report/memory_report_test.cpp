// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/report/memory_report.hpp>

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

namespace {

/// Phases 0 to 3; the fullest is 2, with 448 + 192 + 256 bytes.
MemoryPlan step_plan() {
  MemoryPlan plan;
  plan.book<float>("run", "weights", MemoryKind::parameters, 100, {0, 3});  // 400 -> 448
  plan.book<float>("block", "kept", MemoryKind::saved, 16, {1, 2}, 3);      // 3 x 64
  plan.book<float>("block", "early", MemoryKind::scratch, 32, {1, 1});      // 128
  plan.book<float>("block", "late", MemoryKind::scratch, 64, {2, 2});       // 256
  plan.book<float>("norm", "kept", MemoryKind::saved, 1, {3, 3}, 2);        // 2 x 64
  plan.place();
  return plan;
}

}  // namespace

TEST_CASE("the bytes of the kinds lead to the total") {
  CHECK(memory_by_kind(step_plan()) ==
        "         bytes  kind\n"
        "           448  parameters\n"
        "           320  saved\n"
        "           384  scratch\n"
        "          1152  sum of all buffers\n"
        "           256  less: shared by buffers that never live together\n"
        "           896  total (896 B)\n");
}

TEST_CASE("the bytes of the parts lead to the total") {
  CHECK(memory_by_part(step_plan()) ==
        "         bytes  part\n"
        "           448  run\n"
        "           576  block (up to x 3)\n"
        "           128  norm (x 2)\n"
        "          1152  sum of all buffers\n"
        "           256  less: shared by buffers that never live together\n"
        "           896  total (896 B)\n");
}

TEST_CASE("each phase tells what lives in it, and the fullest is marked") {
  constexpr std::string_view names[] = {"load", "forward", "backward"};
  CHECK(memory_by_phase(step_plan(), names) ==
        "         bytes   share  phase\n"
        "           448   50.0%  load\n"
        "           768   85.7%  forward\n"
        "           896  100.0%  backward <- peak\n"
        "           576   64.3%  phase 3\n"
        "           896          total (896 B)\n");
}

TEST_CASE("a plan of nothing makes tables of nothing") {
  MemoryPlan plan;
  plan.place();
  CHECK(memory_by_phase(plan, {}) ==
        "         bytes   share  phase\n"
        "             0          total (0 B)\n");
  CHECK(memory_by_kind(plan).starts_with("         bytes  kind\n             0  sum"));
  CHECK(memory_by_part(plan).starts_with("         bytes  part\n             0  sum"));
}

TEST_CASE("a report asks for a plan that is placed") {
  MemoryPlan plan;
  plan.book<float>("run", "weights", MemoryKind::parameters, 100, {0, 3});
  CHECK_THROWS_AS(memory_by_kind(plan), ConfigError);
  CHECK_THROWS_AS(memory_by_part(plan), ConfigError);
  CHECK_THROWS_AS(memory_by_phase(plan, {}), ConfigError);
}

TEST_CASE("every kind of memory is in the list of kinds") {
  for (std::size_t i = 0; i < memory_kinds.size(); ++i) {
    CHECK(memory_kinds[i] == static_cast<MemoryKind>(i));
  }
  CHECK(name_of(static_cast<MemoryKind>(memory_kinds.size())) == "unknown");
}
