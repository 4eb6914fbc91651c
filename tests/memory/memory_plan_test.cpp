// SPDX-License-Identifier: MIT
#include <cstdint>
#include <heap_guard/heap_guard.hpp>

#include <doctest/doctest.h>

#include <octavo/memory/arena.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/memory/memory_report.hpp>
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
  for (int i = 0; i < MemoryPlan::capacity; ++i) {
    plan.book<float>("p", "x", MemoryKind::scratch, 1, {0, 0});
  }
  CHECK_THROWS_AS(plan.book<float>("p", "x", MemoryKind::scratch, 1, {0, 0}), ConfigError);
  MemoryPlan placed;
  placed.place();
  CHECK_THROWS_AS(placed.book<float>("p", "x", MemoryKind::scratch, 1, {0, 0}), ConfigError);
  CHECK(placed.total_bytes() == 0);
  MemoryPlan huge;
  CHECK_THROWS_AS(huge.book<double>("p", "x", MemoryKind::scratch, Index{1} << 62, {0, 0}),
                  ConfigError);
}

TEST_CASE("byte arithmetic refuses to overflow") {
  constexpr std::size_t most = ~std::size_t{0};
  CHECK_THROWS_AS(checked_add(most, 1), ConfigError);
  CHECK_THROWS_AS(checked_multiply(most / 2, 3), ConfigError);
  CHECK_THROWS_AS(align_up(most - 3), ConfigError);
  CHECK_THROWS_AS(bytes_of<float>(-1), ConfigError);
  CHECK(align_up(0) == 0);
  CHECK(align_up(1) == 64);
  CHECK(align_up(64) == 64);
}

TEST_CASE("bytes are told with three digits") {
  CHECK(readable_bytes(0) == "0 B");
  CHECK(readable_bytes(999) == "999 B");
  CHECK(readable_bytes(1000) == "1.00 kB");
  CHECK(readable_bytes(4'970'123) == "4.97 MB");
  CHECK(readable_bytes(49'970'123) == "50.0 MB");
  CHECK(readable_bytes(999'900) == "1.00 MB");
  CHECK(readable_bytes(~std::size_t{0}) == "18.4 EB");
}

TEST_CASE("an arena is one zeroed, aligned block of exactly the planned size") {
  const MemoryPlan plan = three_buffers(true);
  Arena arena(plan);
  CHECK(arena.size() == plan.total_bytes());
  const auto doubles = arena.get(Booking<double>{2, 10}, 1);
  CHECK(doubles.size() == 10);
  CHECK(reinterpret_cast<std::uintptr_t>(doubles.data()) % 64 == 0);
  for (const std::byte b : arena.bytes()) CHECK(b == std::byte{0});
  doubles[9] = 4.0;
  const Arena moved = std::move(arena);
  CHECK(moved.get(Booking<double>{2, 10}, 1)[9] == 4.0);
  CHECK(moved.get(Booking<float>{}).empty());
}

TEST_CASE("an arena works inside memory of the caller, if that is large enough and aligned") {
  alignas(64) static std::byte memory[1024];
  const MemoryPlan plan = three_buffers(true);
  const Arena arena(plan, memory);
  CHECK(arena.bytes().data() == memory);
  CHECK_THROWS_WITH_AS(Arena(plan, std::span(memory).first(700)),
                       "arena: got 700 bytes, expected at least 768", ConfigError);
  CHECK_THROWS_AS(Arena(plan, std::span(memory).subspan(8)), ConfigError);
}

TEST_CASE("memory that the machine does not have is an error with the number") {
  if (!octavo_test::heap_guard_active())
    return;  // a sanitizer's allocator ends the program instead
  MemoryPlan plan;
  plan.book<std::byte>("run", "weights", MemoryKind::parameters, Index{1} << 60, {0, 0});
  plan.place();
  CHECK_THROWS_AS(Arena{plan}, Error);
}

TEST_CASE("the table tells every buffer and the total") {
  const std::string table = memory_table(three_buffers(true));
  CHECK(table.find("run: weights\n") != table.npos);
  CHECK(table.find("b: scratch (x 2)\n") != table.npos);
  CHECK(table.find("total 768 bytes (768 B)\n") != table.npos);
}
