// SPDX-License-Identifier: MIT
// Models of the families that GGUF can express: what is written is read again, and its tensors lie
// as llama.cpp has them. (tests/ecosystem/llama_cpp.sh runs such files in llama.cpp itself.)
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/gguf_model.hpp>
#include <octavo/transformer/families.hpp>

#include "checkpoint/forged_file.hpp"

using namespace octavo;

namespace {

ModelConfig small(Family family) {
  ModelConfig config = with_family({.vocabulary = 7,
                                    .context = 16,
                                    .layers = 2,
                                    .width = 8,
                                    .attention = {.heads = 2, .kv_heads = 1, .head_width = 6},
                                    .feed_forward = {.d_ff = 10}},
                                   family);
  if (config.attention.window > 0) config.attention.window = 4;
  return config;
}

TokenTable seven_tokens() {
  return token_table_of(CharacterTokenizer("abcdef", UnknownToken::included, 7));
}

std::vector<float> random_weights(const ModelConfig& config) {
  std::vector<float> weights(
      static_cast<std::size_t>(Transformer<float>(config).parameters().count()));
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (float& weight : weights) weight = normal(random);
  return weights;
}

std::string bytes_of(const ModelConfig& config, std::span<const float> weights,
                     StoredType type = StoredType::f32) {
  return octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
    PretrainedConfig pretrained;
    pretrained.model = config;
    pretrained.trained_length = config.context;
    pretrained.begin_token = 1;
    pretrained.end_token = 2;
    save_gguf<float>(path, standard_model(config), pretrained, seven_tokens(), weights, type,
                     files);
  });
}

MemorySource source_of(const std::string& bytes) {
  return MemorySource("x", std::as_bytes(std::span(bytes)));
}

/// The configuration that comes back, and the largest difference of a weight.
struct Back {
  ModelConfig config;
  std::string architecture;
  double worst = 0;
};
Back written_and_read(const ModelConfig& config) {
  const std::vector<float> weights = random_weights(config);
  const std::string bytes = bytes_of(config, weights);
  const MemorySource source = source_of(bytes);
  const GgufModel model(source);
  std::vector<float> got(weights.size());
  model.read<float>(got);
  Back back{model.model_config(), GgufReader(source).text("general.architecture")};
  for (std::size_t i = 0; i < got.size(); ++i) {
    back.worst = std::max(back.worst, std::abs(static_cast<double>(got[i] - weights[i])));
  }
  return back;
}

std::vector<float> numbers_of(const GgufReader& file, const std::string& name) {
  const GgufTensor& tensor = file.tensor(name);
  std::vector<float> numbers(tensor.bytes / sizeof(float));
  file.read(tensor, 0, std::as_writable_bytes(std::span(numbers)));
  return numbers;
}

}  // namespace

TEST_CASE("a model of every family is read as it was written") {
  const auto check = [](Family family, const char* architecture) {
    const ModelConfig config = detail::canonical(small(family));
    const Back back = written_and_read(config);
    CHECK(back.architecture == std::string(architecture));
    CHECK(describe(back.config) == describe(config));
    CHECK(back.config == config);
    // Gemma's files have 1 + gain.
    CHECK(back.worst <= (config.norm.unit_offset ? 2.4e-7 : 0));
  };
  check(Family::llama, "llama");
  check(Family::llama3, "llama");
  check(Family::smollm2, "llama");
  check(Family::qwen2, "qwen2");
  check(Family::qwen3, "qwen3");
  check(Family::gemma, "gemma");
  check(Family::gemma2, "gemma2");
  check(Family::gemma3, "gemma3");
}

TEST_CASE("scaled positions, biases and sizes of heads are in the file") {
  const auto check = [](const auto& change, Family family = Family::llama) {
    ModelConfig config = small(family);
    change(config);
    config = detail::canonical(config);
    const Back back = written_and_read(config);
    CHECK(describe(back.config) == describe(config));
    CHECK(back.config == config);
  };
  check([](ModelConfig& config) { config.attention.bias = true; });
  check([](ModelConfig& config) {
    config.attention.bias = true;
    config.attention.output_bias = false;
  });
  check([](ModelConfig& config) { config.feed_forward.bias = true; });
  check([](ModelConfig& config) { config.head.tied = true; });
  check([](ModelConfig& config) { config.attention.kv_heads = 2; });
  check([](ModelConfig& config) { config.attention.head_width = 4; });
  check([](ModelConfig& config) { config.positions.rotary_width = 4; }, Family::qwen2);
  const auto scaled = [](RotaryScaling scaling) {
    return [scaling](ModelConfig& config) {
      config.positions.scaling = scaling;
      config.positions.factor = 8;
      config.positions.original_context = 4;
    };
  };
  check(scaled(RotaryScaling::linear));
  check(scaled(RotaryScaling::linear), Family::gemma3);
  check(scaled(RotaryScaling::llama3));
  check(scaled(RotaryScaling::yarn), Family::qwen3);
  check([&](ModelConfig& config) {
    scaled(RotaryScaling::yarn)(config);
    config.positions.beta_fast = 16;
  });
  ModelConfig config = small(Family::llama);
  scaled(RotaryScaling::yarn)(config);
  config.positions.attention_factor = 1.5;  // a quotient in the file
  CHECK(written_and_read(config).config.positions.attention_factor ==
        doctest::Approx(1.5).epsilon(1e-6));
}

TEST_CASE("tensors lie as llama.cpp has them") {
  const ModelConfig config = detail::canonical(small(Family::llama));
  const std::vector<float> weights = random_weights(config);
  const ParameterList parameters = Transformer<float>(config).parameters();
  const auto ours = [&](const std::string& name, Index row, Index column) {
    for (const Parameter& parameter : parameters) {
      if (parameter.name != name) continue;
      return weights[static_cast<std::size_t>(parameter.offset + row * parameter.columns + column)];
    }
    return 0.f;
  };
  const std::string bytes = bytes_of(config, weights);
  const MemorySource source = source_of(bytes);
  const GgufReader file(source);
  const auto at = [](const std::vector<float>& numbers, Index i) {
    return numbers[static_cast<std::size_t>(i)];
  };
  const auto q = numbers_of(file, "blk.1.attn_q.weight");
  const auto k = numbers_of(file, "blk.1.attn_k.weight");
  const auto v = numbers_of(file, "blk.1.attn_v.weight");
  for (Index in = 0; in < 8; ++in) {
    // Of a head of six the pairs (0, 3), (1, 4), (2, 5) become neighbours.
    constexpr std::array<Index, 6> order{0, 3, 1, 4, 2, 5};
    for (Index row = 0; row < 6; ++row) {
      const Index column = order[static_cast<std::size_t>(row)];
      CHECK(at(q, row * 8 + in) == ours("blocks.1.attention.qkv.weight", in, column));
      CHECK(at(q, (6 + row) * 8 + in) == ours("blocks.1.attention.qkv.weight", in, 6 + column));
      CHECK(at(k, row * 8 + in) == ours("blocks.1.attention.qkv.weight", in, 12 + column));
      CHECK(at(v, row * 8 + in) == ours("blocks.1.attention.qkv.weight", in, 18 + row));
    }
  }
  const auto gate = numbers_of(file, "blk.0.ffn_gate.weight");
  const auto up = numbers_of(file, "blk.0.ffn_up.weight");
  const auto down = numbers_of(file, "blk.0.ffn_down.weight");
  CHECK(at(gate, 3 * 8 + 2) == ours("blocks.0.feed_forward.gate_up.weight", 2, 3));
  CHECK(at(up, 3 * 8 + 2) == ours("blocks.0.feed_forward.gate_up.weight", 2, 13));
  CHECK(at(down, 7 * 10 + 9) == ours("blocks.0.feed_forward.down.weight", 9, 7));
  CHECK(file.tensor("blk.0.ffn_down.weight").shape == std::vector<Index>{10, 8});
  CHECK(at(numbers_of(file, "output.weight"), 3 * 8 + 1) == ours("head.weight", 3, 1));
}

TEST_CASE("the divisors of Llama 3's scaling are the published ones") {
  // Llama 3.2 1B: pairs of 64 numbers, base 500000, factor 32, turns 1 to 4 of 8192 positions.
  ModelConfig config = small(Family::llama3);
  config.attention.head_width = 64;
  config.context = 131072;
  config.positions.scaling = RotaryScaling::llama3;
  config.positions.factor = 32;
  config.positions.original_context = 8192;
  const std::vector<float> divisors = detail::llama3_divisors(config);
  REQUIRE(divisors.size() == 32);
  for (std::size_t i = 0; i < 32; ++i) {
    const double frequency = std::pow(500'000.0, -static_cast<double>(i) / 32);
    const double wave = 2 * std::acos(-1.0) / frequency;
    double expected = 32;
    if (wave < 8192.0 / 4) expected = 1;
    if (wave >= 8192.0 / 4 && wave <= 8192.0) {
      const double smooth = (8192.0 / wave - 1) / 3;
      expected = 1 / ((1 - smooth) / 32 + smooth);
    }
    CHECK(static_cast<double>(divisors[i]) == doctest::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("a Llama 3 of llama.cpp's converter, without entries of Octavo's, has its scaling") {
  ModelConfig config = small(Family::llama3);
  config.attention.head_width = 64;
  config.attention.heads = config.attention.kv_heads = 1;
  config.positions.scaling = RotaryScaling::llama3;
  config.positions.factor = 8;
  config.positions.original_context = 8192;
  config = detail::canonical(config);
  std::string bytes = bytes_of(config, random_weights(config));
  for (const char* name : {"factor", "low_factor", "high_factor", "original_context"}) {
    const std::size_t at = bytes.find(std::string("octavo.rope_") + name);
    REQUIRE(at != bytes.npos);
    bytes.replace(at, 6, "no.one");
  }
  CHECK(GgufModel(source_of(bytes)).model_config() == config);
}

TEST_CASE("models that no architecture has are not written") {
  const auto failure = [](const auto& change, Family family = Family::llama) {
    ModelConfig config = small(family);
    change(config);
    try {
      bytes_of(config, random_weights(config));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(failure([](ModelConfig&) {}) == "");
  const std::string cap = failure([](ModelConfig& config) { config.attention.cap = 5; });
  CHECK(
      cap.ends_with("no architecture of llama.cpp that Octavo writes has attention-cap 5; the "
                    "nearest, llama, has attention-cap 0"));
  CHECK(failure([](ModelConfig&) {}, Family::mistral).find("window") != std::string::npos);
  CHECK(failure([](ModelConfig& config) { config.attention.window = 16; }, Family::mistral) == "");
  CHECK(failure([](ModelConfig& config) {
          config.positions.scaling = RotaryScaling::dynamic;
          config.positions.factor = 2;
          config.positions.original_context = 8;
        }) != "");
  CHECK(failure([](ModelConfig& config) {
          config.positions.pairing = RotaryPairing::neighbours;
        }) != "");
}
