// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/interop/lora_tensors.hpp>

#include "interop/adapters.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("a factor in a file is its transpose, or has its heads in pairs") {
  const Parameter parameter{.name = "x", .rows = 2, .columns = 8};
  detail::LoraTensors map{&parameter, 0, 8, {"a", true, true}, {"b", false, true, 4}};
  CHECK(map.sizes_of(map.down, 3) == std::array<Index, 2>{3, 2});
  CHECK(map.sizes_of(map.up, 3) == std::array<Index, 2>{8, 3});
  CHECK(map.axis_of_rank(map.down) == 0);
  CHECK(map.axis_of_rank(map.up) == 1);
  const LoraMap factors{"x", 0, 8, 1, 1, {1, 2}, {0, 1, 2, 3, 4, 5, 6, 7}};
  CHECK(detail::numbers_of(map, map.down, factors) == std::vector<float>{1, 2});
  const auto paired = detail::numbers_of(map, map.up, factors);
  CHECK(paired == std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7});
  CHECK(detail::factor_of(map, map.up, 1, paired) == factors.b);
  map.down.transposed = false;
  CHECK(map.sizes_of(map.down, 3) == std::array<Index, 2>{2, 3});
  CHECK(map.axis_of_rank(map.down) == 1);
}

TEST_CASE("maps of neighbouring columns become one, and one becomes several") {
  LoraAdapter parts(adapted_llama), whole(adapted_llama);
  const std::string name = "blocks.0.attention.qkv.weight";
  add_some(parts, name, 0, 16, 2, 4);
  add_some(parts, name, 24, 8, 1, 3);
  const Parameter& parameter = parts.parameters().find(name);
  const auto fused = detail::lora_of(parts, parameter, 0, 32);
  REQUIRE(fused.has_value());
  CHECK(fused->rank == 3);
  CHECK(fused->alpha == 6);
  whole.add<float>(name, 0, 32, fused->alpha, fused->a, fused->b);
  CHECK(distance(parts, whole) < 1e-6);
  LoraAdapter again(adapted_llama);
  for (const auto& [first, columns] : {std::pair{0, 16}, {16, 8}, {24, 8}}) {
    const auto part = detail::lora_of(whole, parameter, first, columns);
    REQUIRE(part.has_value());
    CHECK(part->rank == 3);
    again.add<float>(name, first, columns, part->alpha, part->a, part->b);
  }
  CHECK(distance(again, whole) == 0);
  CHECK(!detail::lora_of(parts, parameter, 16, 8).has_value());
  CHECK(*detail::lora_of(parts, parameter, 24, 8) == parts.maps()[1]);

  LoraAdapter stable(adapted_llama, true), one(adapted_llama, true);
  add_some(stable, name, 0, 16, 2, 4);
  add_some(stable, name, 16, 8, 2, 4);
  const auto sum = detail::lora_of(stable, parameter, 0, 32);
  one.add<float>(name, 0, 32, sum->alpha, sum->a, sum->b);
  CHECK(distance(stable, one) < 1e-12);
}
