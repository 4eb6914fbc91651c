// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/transformer/families.hpp>
#include <octavo/transformer/lora_adapter.hpp>

using namespace octavo;

namespace {

const ModelConfig base = with_family({.vocabulary = 7,
                                      .context = 8,
                                      .layers = 2,
                                      .width = 8,
                                      .attention = {.heads = 4, .kv_heads = 2, .head_width = 4},
                                      .feed_forward = {.d_ff = 5}},
                                     Family::llama);
const std::string qkv = "blocks.1.attention.qkv.weight";  // [8, 16 + 8 + 8]

std::vector<float> numbers(std::size_t count, int start) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(std::sin(static_cast<double>(start) + static_cast<double>(i)));
  }
  return values;
}

/// What adding this map says; empty if nothing.
std::string refusal(LoraAdapter& adapter, const std::string& name, Index first, Index columns,
                    std::vector<float> a, std::vector<float> b, double alpha = 1) {
  try {
    adapter.add<float>(name, first, columns, alpha, a, b);
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE_TEMPLATE("an adapter adds the product of its factors to its columns", T, float, double) {
  for (const bool rank_stabilized : {false, true}) {
    LoraAdapter adapter(base, rank_stabilized);
    const std::vector<float> a = numbers(8 * 3, 1), b = numbers(3 * 8, 100);
    adapter.add<float>(qkv, 16, 8, 6, a, b);
    const double scale = rank_stabilized ? 6 / std::sqrt(3.0) : 2;
    CHECK(adapter.scale_of(adapter.maps()[0]) == doctest::Approx(scale));
    const Parameter& parameter = adapter.parameters().find(qkv);
    std::vector<T> weights(8 * 32, T{1}), pieces = weights;
    const std::vector<T> before = weights;
    adapter.add_to<T>(parameter, weights, 0.5);
    for (std::size_t i = 0; i < 8; ++i) {
      for (std::size_t j = 0; j < 32; ++j) {
        double expected = 1;
        for (std::size_t r = 0; r < 3 && j >= 16 && j < 24; ++r) {
          expected += 0.5 * scale * static_cast<double>(a[i * 3 + r]) *
                      static_cast<double>(b[r * 8 + j - 16]);
        }
        CHECK(static_cast<double>(weights[i * 32 + j]) == doctest::Approx(expected).epsilon(1e-6));
      }
    }
    for (const auto& [first, rows] : {std::pair{0u, 1u}, {1u, 4u}, {5u, 3u}}) {
      adapter.add_to<T>(ParameterBlock(parameter, Index{first}, Index{rows}, 0, 32),
                        std::span(pieces).subspan(first * 32, rows * 32), 0.5);
    }
    CHECK(pieces == weights);
    // Some columns, one after the other.
    std::vector<T> columns(8 * 5);
    for (std::size_t j = 0; j < 5; ++j) {
      for (std::size_t i = 0; i < 8; ++i) columns[j * 8 + i] = before[i * 32 + 14 + j];
    }
    adapter.add_to<T>(ParameterBlock(parameter, 0, 8, 14, 5, true), std::span(columns), 0.5);
    for (std::size_t j = 0; j < 5; ++j) {
      for (std::size_t i = 0; i < 8; ++i) CHECK(columns[j * 8 + i] == weights[i * 32 + 14 + j]);
    }
    std::vector<T> other(8 * 32, T{1});
    adapter.add_to<T>(adapter.parameters().find("blocks.0.attention.qkv.weight"), other);
    CHECK(other == std::vector<T>(8 * 32, T{1}));
  }
}

TEST_CASE("adapters of all weights, one after the other") {
  LoraAdapter one(base), two(base);
  one.add<float>("blocks.0.feed_forward.down.weight", 0, 8, 2, numbers(5, 3), numbers(8, 4));
  two.add<double>("embedding.tokens.weight", 2, 3, 1, std::vector<double>(7, 0.5),
                  std::vector<double>(3, 4));
  const auto count = static_cast<std::size_t>(one.parameters().count());
  std::vector<float> weights(count), expected(count);
  const ScaledAdapter adapters[] = {{one, 1}, {two, -1}, {two, 3}};
  add_adapters<float>(adapters, weights);
  for (const Parameter& parameter : one.parameters()) {
    const auto part = std::span(expected).subspan(static_cast<std::size_t>(parameter.offset),
                                                  static_cast<std::size_t>(parameter.count()));
    add_adapters<float>(adapters, parameter, part);
  }
  CHECK(weights == expected);
  const Parameter& table = one.parameters().find("embedding.tokens.weight");
  CHECK(weights[static_cast<std::size_t>(table.offset)] == 0);
  CHECK(weights[static_cast<std::size_t>(table.offset) + 2] == 4);
  CHECK_THROWS_AS(add_adapters<float>(adapters, std::span(weights).first(3)), ConfigError);
  CHECK_THROWS_AS(one.add_to<float>(one.parameters().find("blocks.0.feed_forward.down.weight"),
                                    std::span(weights).first(7)),
                  ConfigError);
}

TEST_CASE("maps that do not fit are refused") {
  LoraAdapter adapter(base);
  const auto a = numbers(8 * 2, 0), b = numbers(2 * 16, 0);
  const std::string start = "adapter of '" + qkv + "': ";
  CHECK(refusal(adapter, qkv, 0, 16, a, b) == "");
  CHECK(refusal(adapter, "blocks.2.attention.qkv.weight", 0, 16, a, b) ==
        "there is no parameter 'blocks.2.attention.qkv.weight'");
  CHECK(refusal(adapter, "final_norm.weight", 0, 8, a, b) ==
        "adapter of 'final_norm.weight': expected a matrix of linear maps");
  CHECK(refusal(adapter, qkv, 20, 16, a, b) == start + "got columns 20 to 35, expected 0 to 31");
  CHECK(refusal(adapter, qkv, 12, 16, a, b) == start + "column 12 has an adapter already");
  CHECK(refusal(adapter, qkv, 16, 8, a, b) ==
        start + "got factors of 16 and 32 numbers, expected [8, rank] and [rank, 8]");
  CHECK(refusal(adapter, qkv, 16, 16, {}, {}) ==
        start + "got factors of 0 and 0 numbers, expected [8, rank] and [rank, 16]");
  CHECK(refusal(adapter, qkv, 16, 16, a, b, 0) == start + "alpha: expected a finite number > 0");
  auto spoiled = b;
  spoiled[5] = std::numeric_limits<float>::infinity();
  CHECK(refusal(adapter, qkv, 16, 16, a, spoiled) == start + "a number is not a finite float");
  CHECK(adapter.maps().size() == 1);
}
