// SPDX-License-Identifier: MIT
// Rotary positions in a config.json.
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "interop/hf_text.hpp"

using namespace octavo;
using octavo_test::read;
using octavo_test::refusal;

TEST_CASE("rotary positions in every spelling") {
  const auto positions = [](const std::string& type, const std::string& changes) {
    return read(type, changes).model.positions;
  };
  const auto base = [&](const std::string& changes) { return positions("llama", changes).base; };
  CHECK(base(R"({"rope_theta": 500000.0})") == 500'000);
  CHECK(base(R"({"rope_theta": null})") == 10'000);
  CHECK(base(R"({"rope_parameters": {"rope_theta": 77.5, "rope_type": "default"}})") == 77.5);
  CHECK(base(R"({"rope_parameters": {"rope_theta": 8}, "rope_theta": 9})") == 8);
  CHECK(base(R"({"rope_parameters": {"rope_type": "default"}, "rope_theta": 9})") == 9);
  CHECK(base(R"({"rope_parameters": {"full_attention": {"rope_theta": 7}}})") == 7);
  CHECK(base(R"({"rope_parameters": {"rope_theta": 6}, "rope_scaling": null})") == 6);
  CHECK(base(R"({"rope_parameters": {"rope_theta": 6}, "rope_scaling": {"rope_theta": 5}})") == 5);
  CHECK(base(R"({"rope_parameters": {}, "rope_scaling": {}})") == 10'000);

  const PositionConfig old =
      positions("llama", R"({"rope_scaling": {"type": "linear", "factor": 2}})");
  CHECK(old.scaling == RotaryScaling::linear);
  CHECK(old.factor == 2);
  CHECK(positions("llama", R"({"rope_scaling": {"rope_type": "linear", "type": "x",
                                                "factor": 2}})") == old);
  CHECK(positions("llama", R"({"rope_parameters": {"rope_type": "linear", "factor": 2.0,
                                                   "rope_theta": 10000}})") == old);
  const PretrainedConfig dynamic =
      read("llama", R"({"rope_scaling": {"type": "dynamic", "factor": 4.0}})");
  CHECK(dynamic.model.context == 128);
  CHECK(dynamic.model.positions.original_context == 32);

  const PositionConfig yarn = positions("qwen2", R"({"rope_scaling": {"type": "yarn", "factor": 4.0,
      "original_max_position_embeddings": 8}})");
  CHECK(yarn.original_context == 8);
  CHECK(yarn.beta_fast == 32);
  CHECK(yarn.attention_factor == 0);
  CHECK(
      positions("qwen2", R"({"rope_scaling": {"type": "yarn", "factor": 4.0}})").original_context ==
      32);
  CHECK(positions("llama", R"({"rope_scaling": {"type": "yarn", "factor": 4.0},
                               "original_max_position_embeddings": 9})")
            .original_context == 9);
  const PositionConfig scales =
      positions("llama", R"({"rope_scaling": {"type": "yarn", "factor": 40, "mscale": 1.0,
                   "mscale_all_dim": 1.0, "truncate": true, "beta_fast": 16}})");
  CHECK(scales.attention_factor == 1);
  CHECK(scales.beta_fast == 16);

  const PositionConfig gemma3 = positions("gemma3_text", R"({"rope_parameters": {
      "full_attention": {"rope_theta": 5000, "rope_type": "linear", "factor": 8.0},
      "sliding_attention": {"rope_theta": 400, "rope_type": "default"}}})");
  CHECK(gemma3.base == 5000);
  CHECK(gemma3.local_base == 400);
  CHECK(gemma3.factor == 8);
  CHECK(positions("gemma3_text", R"({"rope_theta": 5000, "rope_local_base_freq": 400,
      "rope_scaling": {"rope_type": "linear", "factor": 8.0}})") == gemma3);
}

TEST_CASE("rotary positions that Octavo does not have") {
  const auto scaling = [](const std::string& fields) {
    return refusal("llama", "{\"rope_scaling\": {" + fields + "}}");
  };
  const std::string kinds = ", expected 'default', 'linear', 'dynamic', 'llama3' or 'yarn'";
  CHECK(scaling(R"("rope_type": "longrope", "short_factor": [1], "long_factor": [1])") ==
        "'rope_scaling.rope_type': got 'longrope'" + kinds);
  CHECK(scaling(R"("type": "su")") == "'rope_scaling.type': got 'su'" + kinds);
  CHECK(scaling(R"("type": "none", "factor": 2)") == "'rope_scaling.type': got 'none'" + kinds);
  CHECK(scaling(R"("type": 3)") == "'rope_scaling.type': got 3, expected a text");
  CHECK(scaling(R"("type": "linear")") == "'rope_scaling.factor': got null, expected a number > 0");
  CHECK(scaling(R"("type": "linear", "factor": 0.5)") ==
        "'rope_scaling.factor': got 0.5, expected a number, 1 or more");
  CHECK(scaling(R"("type": "linear", "factor": "2")") ==
        "'rope_scaling.factor': got '2' (a text), expected a number > 0");
  CHECK(scaling(R"("type": "yarn", "factor": 2, "truncate": false)") ==
        "'rope_scaling.truncate': got false, expected true");
  CHECK(scaling(R"("type": "llama3", "factor": 2, "low_freq_factor": 1, "high_freq_factor": 4)") ==
        "'rope_scaling.original_max_position_embeddings': got null, expected 1 to 2147483647");
  CHECK(scaling(R"("type": "llama3", "factor": 2, "low_freq_factor": 4, "high_freq_factor": 4,
                   "original_max_position_embeddings": 8)") ==
        "'rope_scaling.high_freq_factor': got 4, expected a number above low_freq_factor");
  CHECK(scaling(R"("type": "dynamic", "factor": 1e9)") ==
        "'max_position_embeddings': got 32, expected at most 2147483647 / factor");
  CHECK(refusal("llama", R"({"rope_scaling": [1]})") ==
        "'rope_scaling': got [1], expected an object");
  CHECK(refusal("llama", R"({"rope_parameters": {"rope_type": "proportional"}})") ==
        "'rope_parameters.rope_type': got 'proportional'" + kinds);
  CHECK(refusal("llama", R"({"partial_rotary_factor": 0.5})") ==
        "'partial_rotary_factor': got 0.5, expected 1");
  CHECK(refusal("llama", R"({"rope_parameters": {"partial_rotary_factor": 0.5}})") ==
        "'rope_parameters.partial_rotary_factor': got 0.5, expected 1");
  CHECK(refusal("qwen2", R"({"rope_parameters": {"full_attention": {"rope_theta": 1},
                                                 "sliding_attention": {"rope_theta": 2}}})")
            .ends_with("expected the same for layers of every kind"));
  CHECK(refusal("gemma3_text", R"({"rope_parameters": {"rope_theta": 5}})")
            .ends_with("expected 'full_attention' and 'sliding_attention' in it"));
  CHECK(refusal("gemma3_text",
                R"({"rope_parameters": {"sliding_attention": {"rope_type": "linear"}}})")
            .ends_with("layers with a window have scaled positions, expected 'default'"));
}
