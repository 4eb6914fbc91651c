// SPDX-License-Identifier: MIT
#include <span>
#include <string>

#include <doctest/doctest.h>

#include <octavo/interop/peft_config.hpp>

using namespace octavo;
using Json = nlohmann::json;

namespace {

detail::PeftConfig read(const std::string& changes) {
  Json json = {{"peft_type", "LORA"}, {"r", 4}, {"lora_alpha", 6}};
  json.update(Json::parse(changes));
  const std::string text = json.dump();
  return detail::PeftConfig(MemorySource("c", std::as_bytes(std::span(text))));
}

std::string refusal(const std::string& changes) {
  try {
    (void)read(changes).alpha_of("model.layers.0.self_attn.q_proj");
    return "";
  } catch (const FormatError& error) {
    const std::string message = error.what();
    REQUIRE(message.starts_with("cannot load 'c': "));
    return message.substr(17);
  }
}

}  // namespace

TEST_CASE("what holds where nothing is said") {
  const auto config = read(R"({"r": null, "lora_alpha": null, "bias": null})");
  CHECK(config.rank_of("x") == 8);
  CHECK(config.alpha_of("x") == 8);
  CHECK(!config.rank_stabilized());
}

TEST_CASE("patterns stand for a module's name or its end") {
  const auto config = read(R"({"use_rslora": true,
      "rank_pattern": {"q_proj": 2, "^model.layers.1.mlp.up_proj": 5, "^mlp.down_proj": 7},
      "alpha_pattern": {"layers.0.self_attn.v_proj": 1.5, "mlp\\.down_proj": 3}})");
  CHECK(config.rank_stabilized());
  CHECK(config.rank_of("model.layers.0.self_attn.q_proj") == 2);
  CHECK(config.rank_of("model.layers.0.self_attn.xq_proj") == 4);
  CHECK(config.rank_of("model.layers.1.mlp.up_proj") == 5);
  CHECK(config.rank_of("model.layers.1.mlp.down_proj") == 4);
  CHECK(config.alpha_of("model.layers.0.self_attn.v_proj") == 1.5);
  CHECK(config.alpha_of("model.layers.10.self_attn.v_proj") == 6);
  CHECK(config.alpha_of("model.layers.1.mlp.down_proj") == 3);
}

TEST_CASE("fields that are off, and fields that change nothing") {
  CHECK(refusal(R"({"use_dora": false, "modules_to_save": null, "layer_replication": [],
      "arrow_config": {}, "loftq_config": {}, "megatron_core": "megatron.core",
      "lora_dropout": 0.1, "target_modules": "all-linear", "fan_in_fan_out": true,
      "init_lora_weights": "gaussian"})") == "");
}

TEST_CASE("other methods are refused by name") {
  const auto not_read = [](const std::string& key, const std::string& value) {
    return "'" + key + "': got " + value +
           ", which Octavo does not read; expected a plain LoRA adapter";
  };
  CHECK(refusal(R"({"peft_type": "IA3"})") == "'peft_type': got 'IA3', expected 'LORA'");
  CHECK(refusal(R"({"peft_type": null})") == "");
  CHECK(refusal(R"({"use_dora": true})") == not_read("use_dora", "true"));
  CHECK(refusal(R"({"modules_to_save": ["lm_head"]})") ==
        not_read("modules_to_save", "[\"lm_head\"]"));
  CHECK(refusal(R"({"trainable_token_indices": [1]})") ==
        not_read("trainable_token_indices", "[1]"));
  CHECK(refusal(R"({"lora_bias": true})") == not_read("lora_bias", "true"));
  CHECK(refusal(R"({"bias": "all"})") == "'bias': got 'all', expected 'none'");
  CHECK(refusal(R"({"init_lora_weights": "pissa"})") ==
        "'init_lora_weights': got 'pissa', which changes the base; expected true, false, "
        "'gaussian' or 'orthogonal'");
}

TEST_CASE("numbers that make no adapter are refused") {
  CHECK(refusal(R"({"r": 0})") == "'r': got 0, expected 1 to 65536");
  CHECK(refusal(R"({"r": 1.5})") == "'r': got 1.5, expected 1 to 65536");
  CHECK(refusal(R"({"lora_alpha": 0})") == "'lora_alpha': got 0, expected a number > 0");
  CHECK(refusal(R"({"use_rslora": 1})") == "'use_rslora': got 1, expected true or false");
  CHECK(refusal(R"({"rank_pattern": [1]})") == "'rank_pattern': got [1], expected an object");
  CHECK(refusal(R"({"rank_pattern": {"q": 1.5}})") ==
        "'rank_pattern.q': got 1.5, expected a whole number > 0");
  CHECK(refusal(R"({"alpha_pattern": {"q": -1}})") ==
        "'alpha_pattern.q': got -1, expected a number > 0");
  CHECK(refusal(R"({"alpha_pattern": {".*q_proj": 2}})") ==
        "'alpha_pattern': got the pattern '.*q_proj', expected the name of a module or its end");
  CHECK(refusal(R"({"alpha_pattern": {"q_proj": 2, "self_attn.q_proj": 3}})") ==
        "'alpha_pattern' has two numbers for 'model.layers.0.self_attn.q_proj'");
}
