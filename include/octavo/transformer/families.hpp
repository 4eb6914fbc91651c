// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/transformer/model_config.hpp>

namespace OCTAVO_NAMESPACE {

/// Named architectures. They differ only in the values of a ModelConfig.
enum class Family {
  gpt2,     ///< Radford et al. 2019
  llama,    ///< Llama 2 (Touvron et al. 2023), TinyLlama
  llama3,   ///< Llama 3 (Grattafiori et al. 2024): a larger base
  smollm2,  ///< SmolLM2 (Ben Allal et al. 2025): Llama with a tied head
  qwen2,    ///< Qwen2, Qwen2.5 (Yang et al. 2024): biases of queries, keys and values
  qwen3,    ///< Qwen3 (Yang et al. 2025): heads of queries and keys are normalized
  mistral,  ///< Mistral 7B (Jiang et al. 2023): windows
  gemma,    ///< Gemma (2024): gains of 1 + w, scaled embedding, GEGLU
  gemma2,   ///< Gemma 2 (2024): four norms per block, soft caps, every second layer with a window
  gemma3,   ///< Gemma 3 (2025): five of six layers with a window and a base of their own
};

/// The names of the families in options.
constexpr std::array<std::string_view, 10> choice_names(Family) noexcept {
  return {"gpt2",  "llama",   "llama3", "smollm2", "qwen2",
          "qwen3", "mistral", "gemma",  "gemma2",  "gemma3"};
}

namespace detail {

/// The square root by Newton's method; std::sqrt is not constexpr.
constexpr double square_root(double x) {
  double root = x > 1 ? x : 1;
  for (double next = (root + x / root) / 2; next < root; next = (root + x / root) / 2) root = next;
  return root;
}

/// The configuration with the kinds of layers that Llama and its successors share.
constexpr ModelConfig with_llama(ModelConfig config, double base, double epsilon, bool tied) {
  config.arrangement = Arrangement::pre_norm;
  config.norm = {.kind = NormKind::rms, .epsilon = epsilon, .bias = false};
  config.positions = {.kind = PositionKind::rotary, .base = base};
  config.attention = {.heads = config.attention.heads,
                      .kv_heads = config.attention.kv_heads,
                      .head_width = config.attention.head_width,
                      .bias = false};
  config.feed_forward = {.d_ff = config.feed_forward.d_ff,
                         .activation = Activation::silu,
                         .bias = false,
                         .gated = true};
  config.head = {.tied = tied, .bias = false};
  config.embedding_scale = 1;
  return config;
}

constexpr ModelConfig with_gemma(ModelConfig config, double base) {
  config = with_llama(config, base, 1e-6, true);
  config.norm.unit_offset = true;
  config.feed_forward.activation = Activation::gelu_tanh;
  config.embedding_scale = square_root(static_cast<double>(config.width));
  return config;
}

}  // namespace detail

/// The configuration with the family's kinds of layers. Sizes are unchanged: vocabulary, context,
/// layers, width, heads, kv_heads, head_width, d_ff.
constexpr ModelConfig with_family(ModelConfig config, Family family) {
  constexpr double of_llama = 1e-5, of_qwen = 1e-6;  // epsilons
  switch (family) {
    case Family::gpt2: {
      const ModelConfig kinds{
          .norm = {},
          .attention = {.heads = config.attention.heads, .head_width = config.attention.head_width},
          .feed_forward = {.d_ff = config.feed_forward.d_ff, .activation = Activation::gelu_tanh},
          .head = {.tied = true}};
      config.arrangement = kinds.arrangement;
      config.norm = kinds.norm;
      config.positions = kinds.positions;
      config.attention = kinds.attention;
      config.feed_forward = kinds.feed_forward;
      config.head = kinds.head;
      config.embedding_scale = 1;
      return config;
    }
    case Family::llama:
      return detail::with_llama(config, 10'000, of_llama, false);
    case Family::llama3:
      return detail::with_llama(config, 500'000, of_llama, false);
    case Family::smollm2:
      return detail::with_llama(config, 100'000, of_llama, true);
    case Family::qwen2:
      config = detail::with_llama(config, 1'000'000, of_qwen, true);
      config.attention.bias = true;
      config.attention.output_bias = false;
      return config;
    case Family::qwen3:
      config = detail::with_llama(config, 1'000'000, of_qwen, true);
      config.attention.qk_norm = true;
      return config;
    case Family::mistral:
      config = detail::with_llama(config, 10'000, of_llama, false);
      config.attention.window = 4096;
      return config;
    case Family::gemma:
      return detail::with_gemma(config, 10'000);
    case Family::gemma2:
      config = detail::with_gemma(config, 10'000);
      config.arrangement = Arrangement::pre_post_norm;
      config.attention.window = 4096;
      config.attention.window_pattern = 2;
      config.attention.cap = 50;
      config.head.cap = 30;
      return config;
    case Family::gemma3:
      config = detail::with_gemma(config, 1'000'000);
      config.arrangement = Arrangement::pre_post_norm;
      config.positions.local_base = 10'000;
      config.attention.qk_norm = true;
      config.attention.window = 512;
      config.attention.window_pattern = 6;
      return config;
  }
  return config;
}

/// Published models, with the names and sizes of their files.
namespace families {

/// stories15M of llama2.c (Karpathy 2023).
inline constexpr ModelConfig stories15m = with_family({.vocabulary = 32000,
                                                       .context = 256,
                                                       .layers = 6,
                                                       .width = 288,
                                                       .attention = {.heads = 6},
                                                       .feed_forward = {.d_ff = 768}},
                                                      Family::smollm2);
/// TinyLlama 1.1B (Zhang et al. 2024).
inline constexpr ModelConfig tinyllama_1_1b =
    with_family({.vocabulary = 32000,
                 .context = 2048,
                 .layers = 22,
                 .width = 2048,
                 .attention = {.heads = 32, .kv_heads = 4},
                 .feed_forward = {.d_ff = 5632}},
                Family::llama);
/// Llama 3.2 1B (Grattafiori et al. 2024).
inline constexpr ModelConfig llama_3_2_1b = [] {
  ModelConfig config = with_family({.vocabulary = 128256,
                                    .context = 131072,
                                    .layers = 16,
                                    .width = 2048,
                                    .attention = {.heads = 32, .kv_heads = 8},
                                    .feed_forward = {.d_ff = 8192}},
                                   Family::llama3);
  config.head.tied = true;
  config.positions.scaling = RotaryScaling::llama3;
  config.positions.factor = 32;
  config.positions.original_context = 8192;
  return config;
}();
/// SmolLM2-135M (Ben Allal et al. 2025).
inline constexpr ModelConfig smollm2_135m = with_family({.vocabulary = 49152,
                                                         .context = 8192,
                                                         .layers = 30,
                                                         .width = 576,
                                                         .attention = {.heads = 9, .kv_heads = 3},
                                                         .feed_forward = {.d_ff = 1536}},
                                                        Family::smollm2);
/// SmolLM2-360M (Ben Allal et al. 2025).
inline constexpr ModelConfig smollm2_360m = with_family({.vocabulary = 49152,
                                                         .context = 8192,
                                                         .layers = 32,
                                                         .width = 960,
                                                         .attention = {.heads = 15, .kv_heads = 5},
                                                         .feed_forward = {.d_ff = 2560}},
                                                        Family::smollm2);
/// Qwen2.5-0.5B (Yang et al. 2024).
inline constexpr ModelConfig qwen2_5_0_5b = with_family({.vocabulary = 151936,
                                                         .context = 32768,
                                                         .layers = 24,
                                                         .width = 896,
                                                         .attention = {.heads = 14, .kv_heads = 2},
                                                         .feed_forward = {.d_ff = 4864}},
                                                        Family::qwen2);
/// Qwen3-0.6B (Yang et al. 2025).
inline constexpr ModelConfig qwen3_0_6b =
    with_family({.vocabulary = 151936,
                 .context = 40960,
                 .layers = 28,
                 .width = 1024,
                 .attention = {.heads = 16, .kv_heads = 8, .head_width = 128},
                 .feed_forward = {.d_ff = 3072}},
                Family::qwen3);
/// Gemma 3 270M (2025).
inline constexpr ModelConfig gemma_3_270m =
    with_family({.vocabulary = 262144,
                 .context = 32768,
                 .layers = 18,
                 .width = 640,
                 .attention = {.heads = 4, .kv_heads = 1, .head_width = 256},
                 .feed_forward = {.d_ff = 2048}},
                Family::gemma3);

}  // namespace families
}  // namespace OCTAVO_NAMESPACE
