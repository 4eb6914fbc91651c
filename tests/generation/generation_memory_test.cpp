// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/generation_memory.hpp>
#include <octavo/generation/generator.hpp>
#include <octavo/memory/plan_check.hpp>
#include <octavo/transformer/families.hpp>

#include "generation/some_model.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;

namespace {

constexpr ModelConfig config{.vocabulary = 23,
                             .context = 48,
                             .layers = 2,
                             .width = 36,
                             .attention = {.heads = 3},
                             .feed_forward = {.d_ff = 50}};
static_assert(generation_bytes<float>(config, 48) > 2 * 2 * 48 * 36 * sizeof(float));
static_assert(generation_bytes<Transformer<double>>(config, 48) ==
              generation_bytes<double>(config, 48));

/// Every buffer begins at a multiple of 64 bytes.
template <typename T>
std::size_t room(Index count) {
  return (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
}

/// Rows of all layers' caches, written down by hand from docs/memory.md.
Index cached_rows(const ModelConfig& m, Index length) {
  Index rows = 0;
  for (Index layer = 0; layer < m.layers; ++layer) {
    const Index w = m.attention.window, pattern = m.attention.window_pattern;
    const bool sees_all = w == 0 || (pattern > 0 && (layer + 1) % pattern == 0);
    const Index block = 32 * (w / 256 + (w % 256 == 0 ? 0 : 1));
    rows += sees_all ? length : std::min(length, w - 1 + block);
  }
  return rows;
}

/// The bytes of generation, written down by hand from docs/memory.md.
template <typename T>
std::size_t closed_formula(const ModelConfig& m, Index length, Index workers, Index sequences,
                           Sliding sliding) {
  const bool rotary = m.positions.kind == PositionKind::rotary;
  const bool twice = !rotary && sliding == Sliding::ahead;
  const Index s = sequences, v = m.vocabulary, c = m.width, h = m.attention.heads;
  const Index q = m.query_width(), k = m.kv_width(), f = m.feed_forward.d_ff;
  const Index n = (sequences + length - 1) / length * length;
  const Index up = m.feed_forward.gated ? 2 * f : f;
  const bool post = m.arrangement == Arrangement::pre_post_norm;
  const std::size_t always =
      room<T>((twice ? 2 : 1) * s * 2 * k * cached_rows(m, length)) +
      (m.conv_taps > 1 ? room<T>((twice ? 2 : 1) * s * m.layers * 2 * (m.conv_taps - 1) * c) : 0) +
      room<T>(s * v) + room<Token>(s * length) + room<Token>(s) + room<CachedRows>(s) +
      room<Token>(v) + room<double>(v) +
      (rotary  ? 2
       : twice ? 3
               : 1) *
          room<Index>(s) +
      (twice ? room<T>(v) : 0);
  const Index panel =
      std::min<Index>(std::max({c, m.conv_taps, q + 2 * k, up, f, v, n}), 256) * 192;  // bytes
  const std::size_t norm = room<T>(n * c) + room<T>(n);
  const std::size_t heads =
      room<T>(n * q) + room<T>(n * h) + room<T>(n * k) + room<T>(n * m.kv_heads());
  const bool windows = m.attention.window > 0 && m.attention.window_pattern == 0;
  const Index seen = windows ? std::min(length, m.attention.window + 46) : length;
  const std::size_t attention = (post ? 2 : 1) * norm + (m.attention.qk_norm ? heads : 0) +
                                room<T>(n * (q + 2 * k)) + room<T>(n * q) + room<T>(n * h) +
                                room<T>(workers * 32 * ((seen + 15) / 16 * 16));
  const std::size_t feed_forward = (post ? 2 : 1) * norm + room<T>(n * up) + room<T>(n * f);
  const std::size_t branch = 2 * room<T>(n * c);
  const std::size_t head = norm + room<T>(std::min<Index>(n, 64) * v) + room<T>(n * c);
  return always + room<std::byte>(workers * panel) + room<T>(n * c) +
         std::max({branch + attention, branch + feed_forward, head});
}

ModelConfig of_family(Family family, Index window) {
  ModelConfig model = octavo_test::small_families()[static_cast<std::size_t>(family)].config;
  model.context = 300;
  model.attention.window = window;
  return model;
}

// Layers with a window of 16, at a length of 128: 15 + 32 rows of keys and of values.
constexpr ModelConfig windows{.vocabulary = 23,
                              .context = 128,
                              .layers = 4,
                              .width = 32,
                              .attention = {.heads = 4, .window = 16},
                              .feed_forward = {.d_ff = 32}};
constexpr ModelConfig mixed = [] {
  ModelConfig some = windows;
  some.attention.window_pattern = 3;  // as Gemma 3's: the third layer of the four sees all
  return some;
}();
constexpr ModelConfig no_windows = [] {
  ModelConfig all = windows;
  all.attention.window_pattern = 1;
  return all;
}();
static_assert(generation_bytes<float>(no_windows, 128) - generation_bytes<float>(mixed, 128) ==
              3 * 2 * (128 - 47) * 32 * sizeof(float));
// The scores of a layer with a window take less scratch as well: 32 rows of 64 numbers, not 128.
static_assert(generation_bytes<float>(mixed, 128) - generation_bytes<float>(windows, 128) ==
              2 * (128 - 47) * 32 * sizeof(float) + 32 * (128 - 64) * sizeof(float));

}  // namespace

TEST_CASE("plans of generation are sound, and grow with sequences and with sliding ahead") {
  for (const Index workers : {1, 3}) {
    for (const Index sequences : {1, 5}) {
      for (const Sliding sliding : {Sliding::at_once, Sliding::ahead}) {
        const GenerationPlan<Transformer<float>> planned(config, 24, workers, sequences, sliding);
        CHECK(plan_defect(planned.plan) == "");
        CHECK(planned.plan.total_bytes() ==
              generation_bytes<float>(config, 24, workers, sequences, sliding));
        CHECK(planned.memory.prepared.booked() == (sliding == Sliding::ahead));
        CHECK(planned.memory.logits.count == sequences * config.vocabulary);
      }
      CHECK(generation_bytes<float>(config, 24, workers, sequences, Sliding::ahead) >
            generation_bytes<float>(config, 24, workers, sequences));
    }
    CHECK(generation_bytes<float>(config, 24, workers, 5) >
          generation_bytes<float>(config, 24, workers, 1));
  }
}

TEST_CASE_TEMPLATE("generation's plan is the closed formula to the byte", T, float, double) {
  for (const Family family : {Family::gpt2, Family::llama, Family::qwen3, Family::mistral,
                              Family::gemma2, Family::gemma3}) {
    for (const Index window : {0, 1, 16, 96, 97, 200, 260}) {
      ModelConfig model = of_family(family, window);
      model.conv_taps = window == 97 ? 1 : window == 200 ? 4 : 0;
      INFO(describe(model));
      for (const Index length : {1, 40, 128, 300}) {
        for (const Index sequences : {1, 3, 50}) {
          for (const Sliding sliding : {Sliding::at_once, Sliding::ahead}) {
            CHECK(generation_bytes<T>(model, length, 2, sequences, sliding) ==
                  closed_formula<T>(model, length, 2, sequences, sliding));
          }
        }
      }
    }
  }
}

TEST_CASE("a text touches every number of the caches") {
  for (const Family family : {Family::gpt2, Family::mistral, Family::gemma3}) {
    const ModelConfig model = of_family(family, 16);
    const GenerationPlan<Transformer<float>> planned(model, 128);
    const std::size_t count = static_cast<std::size_t>(2 * model.kv_width()) *
                              static_cast<std::size_t>(cached_rows(model, 128));
    REQUIRE(static_cast<std::size_t>(planned.memory.caches.count) == count);
    REQUIRE(planned.plan.offset(planned.memory.caches.request) == 0);
    const std::size_t bytes = planned.plan.total_bytes();
    std::vector<std::byte> memory(bytes + 64);
    auto* const base = reinterpret_cast<std::byte*>(
        (reinterpret_cast<std::uintptr_t>(memory.data()) + 63) / 64 * 64);
    const std::vector<float> weights = octavo_test::random_weights<float>(model);
    ThreadPool threads(1);
    Generator<float> generator(Transformer<float>{model}, weights, 128, threads, {base, bytes});
    std::fill_n(base, count * sizeof(float), std::byte{0xff});  // NaN
    generator.reset();
    generator.read(octavo_test::some_tokens(128));
    const std::span<const float> caches(reinterpret_cast<const float*>(base), count);
    const auto untouched =
        std::count_if(caches.begin(), caches.end(), [](float number) { return number != number; });
    CHECK(untouched == 0);
  }
}

TEST_CASE("sizes that make no generator are refused, and nothing is divided by them") {
  using Model = Transformer<float>;
  constexpr Index huge = Index{1} << 40;
  for (const Index size : {Index{0}, Index{-1}, Index{-48}, huge, ~(Index{1} << 63)}) {
    CAPTURE(size);
    constexpr const char* told =
        "generation needs a length and sequences, from 1 to 2^31 - 1 of each";
    CHECK_THROWS_WITH_AS(generation_bytes<float>(config, size), told, ConfigError);
    CHECK_THROWS_WITH_AS(generation_bytes<float>(config, 48, 1, size), told, ConfigError);
    CHECK_THROWS_WITH_AS((GenerationPlan<Model>(config, size)), told, ConfigError);
    CHECK_THROWS_WITH_AS(generation_bytes<float>(config, 48, 1, size, Sliding::ahead), told,
                         ConfigError);
    CHECK_THROWS_AS(generation_bytes<float>(config, 48, size), ConfigError);
    ModelConfig odd = config;
    odd.attention.heads = size;
    CHECK_THROWS_AS(generation_bytes<float>(odd, 48), ConfigError);
    odd = config;
    odd.layers = size;
    CHECK_THROWS_AS(generation_bytes<float>(odd, 48), ConfigError);
  }
  CHECK_THROWS_WITH_AS(generation_bytes<float>(config, 49),
                       "sequence: got 49, expected 1 to 48, the model's context", ConfigError);
  ModelConfig wide = config;
  wide.context = size_range.most, wide.layers = 9000, wide.width = 1800;
  CHECK_THROWS_AS(generation_bytes<float>(wide, wide.context, 1, size_range.most), ConfigError);
}
