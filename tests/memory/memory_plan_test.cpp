// SPDX-License-Identifier: MIT
#include <cstdint>

#include <doctest/doctest.h>

#include <octavo/memory/memory_plan.hpp>
#include <octavo/memory/plan_check.hpp>

using namespace octavo;

namespace {

constexpr MemoryPlan three_buffers(bool with_last) {
  MemoryPlan plan;
  plan.book<float>("run", "weights", MemoryKind::parameters, 100, {0, 9});  // 400 -> 448
  plan.book<float>("a", "scratch", MemoryKind::scratch, 10, {1, 2});        // 40 -> 64
  if (with_last) plan.book<double>("b", "scratch", MemoryKind::scratch, 10, {2, 3}, 2);
  plan.place();
  return plan;
}
static_assert(three_buffers(true).total_bytes() == 448 + 64 + 2 * 128);
static_assert(three_buffers(false).total_bytes() == 448 + 64);

}  // namespace

TEST_CASE("buffers that never live together share memory, others do not") {
  MemoryPlan plan;
  const auto a = plan.book<float>("p", "a", MemoryKind::scratch, 16, {0, 1});
  const auto b = plan.book<float>("p", "b", MemoryKind::scratch, 16, {2, 3});
  const auto c = plan.book<float>("p", "c", MemoryKind::scratch, 16, {1, 2});
  plan.place();
  CHECK(plan.total_bytes() == 128);
  CHECK(plan.offset(a.request) == plan.offset(b.request));
  CHECK(plan.offset(a.request) != plan.offset(c.request));
  CHECK(plan_defect(plan) == "");
}

TEST_CASE("a gap that is just large enough is taken") {
  MemoryPlan plan;
  const auto book = [&](Lifetime lifetime) {
    return plan.book<float>("p", "x", MemoryKind::scratch, 16, lifetime).request;
  };
  book({0, 1});
  book({1, 2});
  const int last = book({2, 3});
  plan.place();
  CHECK(plan.offset(last) == 0);
  CHECK(plan.total_bytes() == 128);
}

TEST_CASE("copies behind the first lie in a host that is idle, where there is room") {
  MemoryPlan plan;
  const auto host = plan.book<float>("run", "host", MemoryKind::gradients, 105, {0, 9});
  // Two rooms of 160 bytes, 100 bytes into the host; they begin at multiples of 64: 128 and 320.
  Overlay overlay{host.request, 100, 160, 0};
  const auto saved = [&](Index count) {
    return plan.book<float>("block", "saved", MemoryKind::saved, count, {1, 2}, 3, overlay);
  };
  const auto overlaid = saved(16);  // 64 of the 97 bytes that are left by the alignment
  const auto too_large = saved(9);  // 64 of the remaining 33
  plan.place();
  CHECK(overlay.used == 64);
  CHECK(plan.request(overlaid.request).own_copies() == 1);
  CHECK(plan.request(too_large.request).own_copies() == 3);
  CHECK(plan.total_bytes() == 448 + 64 + 3 * 64);
  CHECK(plan.offset(overlaid.request, 0) == plan.offset(overlaid.request));
  CHECK(plan.offset(overlaid.request, 1) == plan.offset(host.request) + 128);
  CHECK(plan.offset(overlaid.request, 2) == plan.offset(host.request) + 320);
  CHECK(plan.offset(too_large.request, 2) == plan.offset(too_large.request) + 128);
  CHECK(plan_defect(plan) == "");
}

TEST_CASE("the bytes alive in a phase are those that buffers take, rounded to the alignment") {
  const MemoryPlan plan = three_buffers(true);
  CHECK(plan.live_bytes(0) == 448);
  CHECK(plan.live_bytes(1) == 448 + 64);
  CHECK(plan.live_bytes(2) == 448 + 64 + 2 * 128);
  CHECK(plan.live_bytes(3) == 448 + 2 * 128);
  CHECK(plan.live_bytes(10) == 0);
  CHECK(plan.peak_live_bytes() == 448 + 64 + 2 * 128);
}

TEST_CASE("random plans are sound and near the lower bound") {
  std::uint32_t state = 1;
  const auto random = [&](std::uint32_t bound) {
    state = state * 1664525u + 1013904223u;
    return static_cast<int>((state >> 8) % bound);
  };
  for (int round = 0; round < 300; ++round) {
    MemoryPlan plan;
    const int count = 1 + random(40);
    for (int i = 0; i < count; ++i) {
      const int first = random(8);
      plan.book<std::byte>("p", "x", MemoryKind::scratch, 1 + random(5000),
                           {first, first + random(4)}, 1 + random(3));
    }
    plan.place();
    CHECK(plan_defect(plan) == "");
    CHECK(plan.total_bytes() >= plan.peak_live_bytes());
    CHECK(plan.total_bytes() <= plan.peak_live_bytes() * 3 / 2);
  }
}

TEST_CASE("a plan refuses what it cannot hold or is too late") {
  MemoryPlan plan;
  CHECK_THROWS_AS(plan.total_bytes(), ConfigError);
  for (int i = 0; i < 1000; ++i) plan.book<float>("p", "x", MemoryKind::scratch, 1, {i, i});
  plan.place();
  CHECK(plan.size() == 1000);
  CHECK(plan.total_bytes() == alignment_bytes);
  MemoryPlan placed;
  placed.place();
  CHECK_THROWS_AS(placed.book<float>("p", "x", MemoryKind::scratch, 1, {0, 0}), ConfigError);
  CHECK(placed.total_bytes() == 0);
  MemoryPlan huge;
  CHECK_THROWS_AS(huge.book<double>("p", "x", MemoryKind::scratch, Index{1} << 62, {0, 0}),
                  ConfigError);
}

TEST_CASE("a negative count and a life that ends before it begins are refused") {
  MemoryPlan plan;
  const auto book = [&](Index count, Lifetime lifetime, Index copies) {
    return plan.book<float>("p", "x", MemoryKind::scratch, count, lifetime, copies);
  };
  CHECK_THROWS_WITH_AS(book(-1, {0, 0}, 1), "a memory plan: a count of numbers is negative",
                       ConfigError);
  CHECK_THROWS_AS(book(1, {0, 0}, -1), ConfigError);
  CHECK_THROWS_WITH_AS(book(1, {3, 2}, 1),
                       "a memory plan: a buffer's last phase is before its first", ConfigError);
  CHECK_FALSE(book(0, {0, 0}, 1).booked());
  CHECK_FALSE(book(1, {0, 0}, 0).booked());
  CHECK(plan.size() == 0);
}
