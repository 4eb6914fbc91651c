// SPDX-License-Identifier: MIT
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/transformer/extract_adapter.hpp>

#include "transformer/small_families.hpp"

using namespace octavo;

TEST_CASE("an extracted adapter on the base is the model with its adapters folded in") {
  for (const auto& family : octavo_test::small_families()) {
    for (const char* const targets : {"", "v_proj,o_proj", "c_attn,mlp.up_proj,mlp.down_proj"}) {
      INFO(family.name, " ", targets);
      ModelConfig config = family.config;
      config.lora = {.rank = 3, .alpha = 5, .rank_stable = *targets != 0};
      config.lora.targets = NamePatterns(std::string_view(targets));
      const Transformer<float> model(config);
      const ParameterList list = model.parameters();
      std::vector<float> weights(static_cast<std::size_t>(list.count()));
      for (std::size_t i = 0; i < weights.size(); ++i) {
        weights[i] = static_cast<float>(static_cast<int>(i * 7919 % 101) - 50) / 64;
      }
      std::vector<float> base, merged(weights.size());
      for (const Parameter& tensor : list) {
        if (is_adapter(tensor.name)) continue;
        const auto begin = weights.begin() + tensor.offset;
        base.insert(base.end(), begin, begin + tensor.count());
      }
      const LoraAdapter adapter =
          extract_adapter(config, list, WeightSource<float>(std::span<const float>(weights)));
      CHECK(adapter.base() == without_adapters(config));
      for (const Parameter& parameter : adapter.parameters()) {
        adapter.add_to<float>(parameter,
                              std::span(base).subspan(static_cast<std::size_t>(parameter.offset),
                                                      static_cast<std::size_t>(parameter.count())));
      }
      const auto expected = merge_adapters(model, weights, merged);
      REQUIRE(expected.size() == base.size());
      double difference = 0;
      for (std::size_t i = 0; i < base.size(); ++i) {
        difference = std::max(difference, static_cast<double>(std::abs(base[i] - expected[i])));
      }
      CHECK(difference < 1e-5);
    }
  }
  const ModelConfig plain = octavo_test::small_families().front().config;
  CHECK_THROWS_WITH_AS(extract_adapter(plain, Transformer<float>(plain).parameters(),
                                       WeightSource<float>(std::span<const float>())),
                       "extract_adapter: the model has no adapters", ConfigError);
}

TEST_CASE("a head that trained besides is the base's head and an adapter of it") {
  for (const bool rank_stable : {false, true}) {
    ModelConfig config = octavo_test::small_families().front().config;
    config.head.tied = false;
    LoraAdapter adapter(config, rank_stable);
    const Parameter& head = adapter.parameters().find("head.weight");
    std::vector<float> before(static_cast<std::size_t>(head.count())), trained(before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      before[i] = static_cast<float>(i % 13) / 8;
      trained[i] = static_cast<float>(i % 7) / 4;
    }
    add_trained_head(adapter, trained, before);
    REQUIRE(adapter.maps().size() == 1);
    CHECK(adapter.scale_of(adapter.maps().front()) == 1);
    std::vector<float> numbers = before;
    adapter.add_to<float>(head, numbers);
    CHECK(numbers == trained);  // the differences are exact here
    CHECK_THROWS_AS(add_trained_head(adapter, trained, std::span(before).first(3)), ConfigError);
  }
}
