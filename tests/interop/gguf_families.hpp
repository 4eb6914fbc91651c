// SPDX-License-Identifier: MIT
// Small models of the families, written to GGUF and read again.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/gguf_model.hpp>
#include <octavo/transformer/families.hpp>

#include "checkpoint/forged_file.hpp"

namespace octavo_test {

using namespace octavo;

inline ModelConfig small_model(Family family) {
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

inline TokenTable seven_tokens() {
  return token_table_of(CharacterTokenizer("abcdef", UnknownToken::included, 7));
}

inline std::vector<float> random_weights(const ModelConfig& config) {
  std::vector<float> weights(
      static_cast<std::size_t>(Transformer<float>(config).parameters().count()));
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (float& weight : weights) weight = normal(random);
  return weights;
}

inline std::string gguf_of(const ModelConfig& config, std::span<const float> weights,
                           StoredType type = StoredType::f32) {
  return saved_bytes([&](const std::string& path, FileSystem& files) {
    PretrainedConfig pretrained;
    pretrained.model = config;
    pretrained.trained_length = config.context;
    pretrained.begin_token = 1;
    pretrained.end_token = 2;
    save_gguf<float>(path, standard_model(config), pretrained, seven_tokens(), weights, type,
                     files);
  });
}

inline MemorySource gguf_source(const std::string& bytes) {
  return MemorySource("x", std::as_bytes(std::span(bytes)));
}

/// The configuration that comes back, and the largest difference of a weight.
struct Back {
  ModelConfig config;
  std::string architecture;
  double worst = 0;
};
inline Back written_and_read(const ModelConfig& config) {
  const std::vector<float> weights = random_weights(config);
  const std::string bytes = gguf_of(config, weights);
  const MemorySource source = gguf_source(bytes);
  const GgufModel model(source);
  std::vector<float> got(weights.size());
  model.read<float>(got);
  Back back{model.model_config(), GgufReader(source).text("general.architecture")};
  for (std::size_t i = 0; i < got.size(); ++i) {
    back.worst = std::max(back.worst, std::abs(static_cast<double>(got[i] - weights[i])));
  }
  return back;
}

inline std::vector<float> numbers_of(const GgufReader& file, const std::string& name) {
  const GgufTensor& tensor = file.tensor(name);
  std::vector<float> numbers(tensor.bytes / sizeof(float));
  file.read(tensor, 0, std::as_writable_bytes(std::span(numbers)));
  return numbers;
}

}  // namespace octavo_test
