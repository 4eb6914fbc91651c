// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/memory/plan_check.hpp>

using namespace octavo;

namespace {

// No public call makes a broken plan, so that a test must reach inside: an explicit instantiation
// may name private members.
std::size_t& offset_of(MemoryPlan& plan, int id);

template <auto entries>
struct Inside {
  friend std::size_t& offset_of(MemoryPlan& plan, int id) {
    return (plan.*entries)[static_cast<std::size_t>(id)].offset;
  }
};
template struct Inside<&MemoryPlan::entries_>;

MemoryPlan two_buffers() {
  MemoryPlan plan;
  plan.book<float>("a", "x", MemoryKind::scratch, 32, {0, 1});
  plan.book<float>("b", "y", MemoryKind::scratch, 32, {1, 2});
  plan.place();
  return plan;
}

}  // namespace

TEST_CASE("a sound plan has no defect") { CHECK(plan_defect(two_buffers()) == ""); }

TEST_CASE("buffers that live together and share a byte are reported") {
  MemoryPlan plan = two_buffers();
  CHECK(plan.offset(1) == 128);
  offset_of(plan, 1) = 64;
  CHECK(plan_defect(plan) == "b.y overlaps a.x");
  offset_of(plan, 1) = 0;
  offset_of(plan, 0) = 64;
  CHECK(plan_defect(plan) == "b.y overlaps a.x");
}

TEST_CASE("buffers of different phases may share every byte") {
  MemoryPlan plan;
  plan.book<float>("a", "x", MemoryKind::scratch, 32, {0, 1});
  plan.book<float>("b", "y", MemoryKind::scratch, 32, {2, 3});
  plan.place();
  CHECK(plan.offset(0) == plan.offset(1));
  CHECK(plan_defect(plan) == "");
}

TEST_CASE("a buffer behind the total, or off the alignment, is reported") {
  MemoryPlan plan = two_buffers();
  offset_of(plan, 1) = 192;
  CHECK(plan_defect(plan) == "b.y ends after the total");
  offset_of(plan, 1) = 132;
  CHECK(plan_defect(plan) == "b.y is not aligned");
}

TEST_CASE("a plan that was never placed cannot be proved") {
  MemoryPlan plan;
  plan.book<float>("a", "x", MemoryKind::scratch, 3, {0, 0});
  CHECK_THROWS_AS(plan_defect(plan), ConfigError);
}

TEST_CASE("copies that reach out of their host, or into each other, are reported") {
  const auto defect = [](Overlay first, Overlay second) {
    MemoryPlan plan;
    plan.book<float>("run", "host", MemoryKind::gradients, 64, {0, 3});
    first.host = second.host = 0;
    plan.book<float>("a", "x", MemoryKind::saved, 16, {1, 2}, 3, first);
    plan.book<float>("b", "y", MemoryKind::saved, 16, {2, 3}, 3, second);
    plan.place();
    return plan_defect(plan);
  };
  CHECK(defect({0, 0, 128, 0}, {0, 0, 128 + 63, 64}) == "b.y ends after run.host");
  CHECK(defect({0, 0, 127, 0}, {0, 0, 127, 0}) == "b.y overlaps a.x");
}
