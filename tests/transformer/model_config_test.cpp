// SPDX-License-Identifier: MIT
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <octavo/transformer/model_config.hpp>

#include "transformer/small_model.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

struct Without {};

static_assert(ModelConfigSource<ModelConfig> && ModelConfigSource<FixedConfig<small_config>>);
static_assert(!ModelConfigSource<Without> && !ModelConfigSource<int>);

template <typename Change>
void refused(Change change, const char* message) {
  ModelConfig config = small_config;
  change(config);
  CHECK_THROWS_WITH_AS(check_config(config), message, ConfigError);
}

}  // namespace

TEST_CASE("fixed and run-time configurations make the same model") {
  const Transformer<float, FixedConfig<small_config>> fixed{FixedConfig<small_config>{}};
  const Model<float> given = model_of<float>(small_config);
  CHECK(fixed.parameter_count() == given.parameter_count());
  CHECK(fixed.tensor_count() == given.tensor_count());
  CHECK(fixed.config() == given.config());
  CHECK(sizeof(FixedConfig<small_config>) == 1);  // nothing is stored
}

TEST_CASE("a value that makes no model is named") {
  CHECK_NOTHROW(check_config(small_config));
  refused([](auto& c) { c.vocabulary = 0; }, "vocabulary is 0, expected 1 to 2147483647");
  refused([](auto& c) { c.context = -1; }, "context is -1, expected 1 to 2147483647");
  refused([](auto& c) { c.layers = 0; }, "layers is 0, expected 1 to 10000");
  refused([](auto& c) { c.attention.heads = 0; }, "heads is 0, expected 1 to 2147483647");
  refused([](auto& c) { c.feed_forward.d_ff = Index{1} << 31; },
          "d_ff is 2147483648, expected 1 to 2147483647");
  refused([](auto& c) { c.norm.epsilon = 0; }, "norm_epsilon is 0, expected a finite number > 0");
  refused([](auto& c) { c.attention.heads = 4; }, "width 6 is not a multiple of heads 4");
}

TEST_CASE("more parameters than memory could have are refused before anything is counted") {
  ModelConfig config = small_config;
  config.width = 1 << 30;
  CHECK_THROWS_WITH_AS(check_config(config), "model config: expected less than 2^50 parameters",
                       ConfigError);
}

TEST_CASE("a configuration in words: sizes, and what is not as usual") {
  ModelConfig wider = small_config;
  wider.width = 12, wider.head.tied = !wider.head.tied;
  CHECK(describe_differences(small_config, wider) ==
        std::array<std::string, 2>{"width 6, tied no", "width 12, tied yes"});
  CHECK(describe_differences(small_config, small_config)[0].empty());
  CHECK(describe(small_config) == "vocabulary 11, context 8, layers 3, width 6, heads 2, ff 10");
  ModelConfig config = small_config;
  config.head.tied = true;
  config.feed_forward.activation = Activation::gelu_tanh;
  CHECK(describe(config) ==
        "vocabulary 11, context 8, layers 3, width 6, heads 2, ff 10, activation gelu-tanh, tied "
        "yes");
  CHECK(config != small_config);
  CHECK(config.head_width() == 3);
  CHECK_FALSE(without_biases(config).attention.bias);
  CHECK(describe(without_biases(config)).find("norm-bias no") != std::string::npos);
}

TEST_CASE("every field has a name of its own, in files and in reports") {
  std::set<std::string> names, labels;
  int fields = 0;
  for_each_field(small_config, [&](const Field& field, const auto&, const auto&...) {
    ++fields;
    names.emplace(field.name);
    labels.emplace(field.label());
  });
  CHECK(std::ssize(names) == fields);
  CHECK(std::ssize(labels) == fields);
}
