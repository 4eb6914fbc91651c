// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/tensor/lora_config.hpp>

using namespace octavo;

namespace {

constexpr ParameterPath path(std::string_view first, std::string_view second) {
  return ParameterPath() / first / second;
}

constexpr bool adapts(const char* targets, const ParameterPath& layer, std::size_t map = 0) {
  return octavo::adapts({.rank = 1, .targets = targets}, layer, map);
}

constexpr ParameterPath qkv = path("attention", "qkv"), output = path("attention", "output"),
                        gate_up = path("feed_forward", "gate_up"), up = path("feed_forward", "up"),
                        down = path("feed_forward", "down");

static_assert(adapts("", qkv, 2) && adapts("all-linear", down) && adapts("", path("my", "own")));
static_assert(!octavo::adapts({}, qkv, 0));
static_assert(adapts("q_proj,v_proj", qkv, 0) && !adapts("q_proj,v_proj", qkv, 1) &&
              adapts("q_proj,v_proj", qkv, 2) && !adapts("q_proj,v_proj", output));
static_assert(adapts("o_proj", output) && !adapts("o_proj", qkv) && !adapts("o_proj", down));
static_assert(adapts("up_proj", gate_up, 1) && !adapts("up_proj", gate_up, 0));
static_assert(adapts("gate_proj", gate_up, 0) && adapts("up_proj", up) && adapts("c_fc", up));
static_assert(adapts("c_attn", qkv, 1) && adapts("c_proj", output) && adapts("c_proj", down));
static_assert(adapts("self_attn", output) && adapts("mlp", down) && !adapts("mlp", qkv));
static_assert(adapts("attention.qkv", qkv, 1) && adapts("own", path("my", "own")));

ParameterTable block() {
  ParameterTable table;
  table.add(qkv / "weight", 4, 12, InitialValue::normal, {}, {4, 4, 4});
  table.add(qkv / "bias", 0, 12, InitialValue::zeros);
  table.add(up / "weight", 4, 9, InitialValue::normal, {}, {9, 0, 0});
  return table;
}

}  // namespace

TEST_CASE("adapters: a target that no linear layer has is an error") {
  const ParameterTable table = block();
  CHECK_NOTHROW(check_targets({}, table));
  CHECK_NOTHROW(check_targets({.rank = 2}, table));
  CHECK_NOTHROW(check_targets({.rank = 2, .targets = "k_proj, c_fc"}, table));
  CHECK_THROWS_WITH_AS(check_targets({.rank = 2, .targets = "q_proj,gate_proj"}, table),
                       "lora_targets: no linear layer of a block is called 'gate_proj'",
                       ConfigError);
  CHECK_THROWS_WITH_AS(check_targets({.rank = 2, .targets = "bias"}, table),
                       "lora_targets: no linear layer of a block is called 'bias'", ConfigError);
  CHECK_THROWS_WITH_AS(check_targets({.rank = 2}, ParameterTable()),
                       "lora_rank: the model's blocks have no linear layers", ConfigError);
}

TEST_CASE("adapters: the scale") {
  CHECK(LoraConfig{.rank = 16, .alpha = 32}.scale() == 2);
  CHECK(LoraConfig{.rank = 16}.scale() == 2);
  CHECK(LoraConfig{.rank = 16, .alpha = 8, .rank_stable = true}.scale() == 2);
}

TEST_CASE("adapters: which tensors are theirs") {
  CHECK(is_adapter("blocks.0.attention.qkv.lora_a"));
  CHECK(is_adapter("lora_b"));
  CHECK_FALSE(is_adapter("blocks.0.attention.qkv.weight"));
}
