// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <heap_guard/heap_guard.hpp>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/memory/arena.hpp>

using namespace octavo;

static_assert(!std::is_copy_constructible_v<Arena> && !std::is_copy_assignable_v<Arena>);
static_assert(std::is_nothrow_move_constructible_v<Arena>);

namespace {

MemoryPlan three_buffers(bool with_last) {
  MemoryPlan plan;
  plan.book<float>("run", "weights", MemoryKind::parameters, 100, {0, 9});  // 400 -> 448
  plan.book<float>("a", "scratch", MemoryKind::scratch, 10, {1, 2});        // 40 -> 64
  if (with_last) plan.book<double>("b", "scratch", MemoryKind::scratch, 10, {2, 3}, 2);
  plan.place();
  return plan;
}

}  // namespace

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

TEST_CASE("a large arena begins with a huge page, and hands it back as it was given") {
  MemoryPlan plan;
  plan.book<std::byte>("run", "weights", MemoryKind::parameters,
                       static_cast<Index>(2 * huge_page_bytes + 5), {0, 0});
  plan.place();
  Arena arena(plan);
  CHECK(reinterpret_cast<std::uintptr_t>(arena.bytes().data()) % huge_page_bytes == 0);
  CHECK(arena.size() == plan.total_bytes());
  for (const std::byte b : arena.bytes()) REQUIRE(b == std::byte{0});
  const Arena moved = std::move(arena);
  CHECK(reinterpret_cast<std::uintptr_t>(moved.bytes().data()) % huge_page_bytes == 0);
}

TEST_CASE("an arena works inside memory of the caller, if that is large enough and aligned") {
  alignas(64) static std::byte memory[1024];
  const MemoryPlan plan = three_buffers(true);
  const Arena arena(plan, memory);
  CHECK(arena.bytes().data() == memory);
  CHECK_THROWS_WITH_AS(Arena(plan, std::span(memory).first(700)),
                       "arena: got 700 bytes, expected at least 768", ConfigError);
  try {
    Arena(plan, std::span(memory).first(700));
  } catch (const Error& error) {
    CHECK(error.hint().find("number of threads") != std::string::npos);
  }
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

TEST_CASE("borrowed memory is cleared as far as the plan reaches, and is not released") {
  alignas(64) std::byte memory[1024];
  std::fill_n(memory, sizeof(memory), std::byte{0xff});
  const MemoryPlan plan = three_buffers(true);
  { const Arena arena(plan, memory); }
  for (std::size_t i = 0; i < sizeof(memory); ++i) {
    CHECK(memory[i] == (i < plan.total_bytes() ? std::byte{0} : std::byte{0xff}));
  }
}

TEST_CASE("no two buffers that live together, and no two copies, share a number") {
  const MemoryPlan plan = three_buffers(true);
  const Arena arena(plan);
  const auto weights = arena.get(Booking<float>{0, 100});
  const auto scratch = arena.get(Booking<float>{1, 10});
  const auto first = arena.get(Booking<double>{2, 10}, 0);
  const auto second = arena.get(Booking<double>{2, 10}, 1);
  std::fill(weights.begin(), weights.end(), 1.0f);
  std::fill(scratch.begin(), scratch.end(), 2.0f);
  std::fill(first.begin(), first.end(), 3.0);
  std::fill(second.begin(), second.end(), 4.0);
  const auto all = [](auto span, auto value) {
    return std::all_of(span.begin(), span.end(), [&](auto x) { return x == value; });
  };
  CHECK(all(weights, 1.0f));
  CHECK(all(scratch, 2.0f));
  CHECK(all(first, 3.0));
  CHECK(all(second, 4.0));
}

TEST_CASE("moving hands the block over and leaves nothing behind") {
  Arena first(three_buffers(true));
  const std::byte* const block = first.bytes().data();
  Arena second(std::move(first));
  CHECK(second.bytes().data() == block);
  CHECK(first.size() == 0);
  CHECK(first.bytes().empty());
  Arena third(three_buffers(false));
  third = std::move(second);
  CHECK(third.bytes().data() == block);
  CHECK(third.size() == three_buffers(true).total_bytes());
  CHECK(third.plan().size() == 3);
  CHECK(second.bytes().empty());
}

TEST_CASE("an arena for nothing is empty") {
  MemoryPlan plan;
  plan.place();
  CHECK(Arena(plan).bytes().empty());
  CHECK(Arena(plan, std::span<std::byte>{}).bytes().empty());
  CHECK_THROWS_AS(Arena{MemoryPlan{}}, ConfigError);
}
