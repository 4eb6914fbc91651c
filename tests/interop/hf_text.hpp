// SPDX-License-Identifier: MIT
// Small texts of config.json for the classes that are built like Llama.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/interop/hf_config.hpp>

namespace octavo_test {

using namespace octavo;
using Json = nlohmann::json;

inline PretrainedConfig read_text(const std::string& text) {
  return read_hf_config(MemorySource("config.json", std::as_bytes(std::span(text))));
}

/// A small configuration of a class, with these fields changed; "erase" takes one out.
inline std::string text_with(const std::string& type, const std::string& changes = "{}") {
  Json json = {{"model_type", type},
               {"vocab_size", 11},
               {"hidden_size", 16},
               {"intermediate_size", 24},
               {"num_hidden_layers", 4},
               {"num_attention_heads", 4},
               {"num_key_value_heads", 2},
               {"max_position_embeddings", 32},
               {"head_dim", 6}};
  const Json changed = Json::parse(changes);
  for (const auto& [key, value] : changed.items()) {
    if (value == "erase") {
      json.erase(key);
    } else {
      json[key] = value;
    }
  }
  return json.dump();
}

inline PretrainedConfig read(const std::string& type, const std::string& changes = "{}") {
  return read_text(text_with(type, changes));
}

inline std::string refusal(const std::string& type, const std::string& changes) {
  try {
    read(type, changes);
  } catch (const FormatError& error) {
    std::string_view message = error.what();
    const std::string_view start = "cannot load 'config.json': ";
    REQUIRE(message.starts_with(start));
    return std::string(message.substr(start.size()));
  }
  return "";
}

inline constexpr ModelConfig sizes{.vocabulary = 11,
                                   .context = 32,
                                   .layers = 4,
                                   .width = 16,
                                   .attention = {.heads = 4, .kv_heads = 2, .head_width = 6},
                                   .feed_forward = {.d_ff = 24}};

}  // namespace octavo_test
