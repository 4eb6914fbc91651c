// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>
#include <octavo/layers/convolution_cache.hpp>
#include <octavo/layers/layer_configs.hpp>
#include <octavo/tensor/lora_config.hpp>

namespace OCTAVO_NAMESPACE {

/// How a block combines norms, attention and feed-forward part.
enum class Arrangement {
  pre_norm,       ///< x += attention(norm(x)); x += feed_forward(norm(x)), as in GPT-2
  pre_post_norm,  ///< x += norm(attention(norm(x))), and so on, as in Gemma 2
  parallel,       ///< h = norm(x); x += attention(h) + feed_forward(h), as in GPT-J and Phi
};
constexpr std::array<std::string_view, 3> choice_names(Arrangement) noexcept {
  return {"pre-norm", "pre-post-norm", "parallel"};
}

/// The integers and choices that define a model.
struct ModelConfig {
  Index vocabulary = 0;  ///< V, tokens
  Index context = 0;     ///< the longest sequence
  Index layers = 1;      ///< L, blocks
  Index width = 0;       ///< C (d_model), numbers per position
  Arrangement arrangement = Arrangement::pre_norm;
  NormConfig norm = {};
  PositionConfig positions = {};
  AttentionConfig attention = {};
  FeedForwardConfig feed_forward = {};
  HeadConfig head = {};
  double embedding_scale = 1;  ///< factor on the tokens' vectors
  Index conv_taps = 0;         ///< of a causal convolution after each norm before a branch; 0: none
  LoraConfig lora = {};        ///< low-rank adapters

  constexpr Index head_width() const {
    return attention.head_width == 0 ? width / attention.heads : attention.head_width;
  }
  constexpr Index kv_heads() const {
    return attention.kv_heads == 0 ? attention.heads : attention.kv_heads;
  }
  /// The width of all query heads together, and of all key heads together.
  constexpr Index query_width() const { return attention.heads * head_width(); }
  constexpr Index kv_width() const { return kv_heads() * head_width(); }
  /// What generation must remember for the convolutions of each block: one for each normalized
  /// input.
  constexpr ConvolutionLayout convolutions() const {
    const Index places = arrangement == Arrangement::parallel ? 1 : 2;
    return conv_taps == 0 ? ConvolutionLayout{}
                          : ConvolutionLayout{layers, places, conv_taps - 1, width};
  }
  friend constexpr bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

/// The configuration without any biases.
constexpr ModelConfig without_biases(ModelConfig config) {
  config.norm.bias = config.attention.bias = config.feed_forward.bias = config.head.bias = false;
  return config;
}

/// The configuration of the same model without adapters.
constexpr ModelConfig without_adapters(ModelConfig config) {
  config.lora = {};
  return config;
}

/// Calls visit for each field, see base/field.hpp. `Config` is ModelConfig, const or not.
template <typename Config, typename Visitor>
requires std::same_as<std::remove_const_t<Config>, ModelConfig>
constexpr void for_each_field(Config& config, Visitor&& visit) {
  constexpr FieldGroup model = FieldGroup::model;
  visit(Field{"vocabulary"}, config.vocabulary, size_range);
  visit(Field{"context", "", model, "Longest sequence that the model can see"}, config.context,
        size_range);
  visit(Field{"layers", "", model, "Blocks"}, config.layers, WholeRange{1, 10'000});
  visit(Field{"width", "", model, "Numbers per position (d_model)"}, config.width, size_range);
  visit(Field{.name = "arrangement",
              .group = FieldGroup::layers,
              .help = "pre-norm, pre-post-norm or parallel",
              .may_lack = true},
        config.arrangement);
  visit(Field{.name = "embedding_scale",
              .option = "embedding-scale",
              .group = FieldGroup::layers,
              .help = "Factor of the tokens' vectors (1)",
              .may_lack = true},
        config.embedding_scale, positive_range);
  visit(
      Field{.name = "norm", .group = FieldGroup::layers, .help = "layer or rms", .may_lack = true},
      config.norm.kind);
  visit(Field{.name = "norm_epsilon", .option = "norm-epsilon", .may_lack = true},
        config.norm.epsilon, positive_range);
  visit(Field{.name = "norm_bias", .option = "norm-bias", .formerly = "bias"}, config.norm.bias);
  visit(Field{.name = "norm_unit_offset", .option = "norm-unit-offset", .may_lack = true},
        config.norm.unit_offset);
  visit(Field{.name = "conv_taps",
              .option = "conv-taps",
              .group = FieldGroup::layers,
              .help = "Taps of causal convolutions before attention and feed-forward part; 0: none "
                      "(0)",
              .may_lack = true,
              .zero = "none"},
        config.conv_taps, WholeRange{0, most_taps});
  for_each_field(config.positions, visit);
  for_each_field(config.attention, visit);
  visit(Field{"d_ff", "ff", model, "Hidden numbers of the feed-forward part (d_ff)"},
        config.feed_forward.d_ff, size_range);
  visit(Field{"activation", "", model, "relu, gelu (exact), gelu-tanh, silu or relu2"},
        config.feed_forward.activation);
  visit(Field{.name = "gated",
              .group = model,
              .help = "The feed-forward part has a gate (SwiGLU, GEGLU)",
              .may_lack = true},
        config.feed_forward.gated);
  visit(Field{.name = "ff_bias", .option = "ff-bias", .formerly = "bias"},
        config.feed_forward.bias);
  visit(Field{"tied", "", model, "The output head shares the token table"}, config.head.tied);
  visit(Field{.name = "head_cap",
              .option = "logit-cap",
              .group = FieldGroup::layers,
              .help = "Bound of the logits, cap tanh(logit / cap); 0: none (0)",
              .may_lack = true,
              .zero = "none"},
        config.head.cap, not_negative_range);
  visit(Field{.name = "head_bias", .option = "head-bias", .formerly = "bias"}, config.head.bias);
  for_each_field(config.lora, visit);
}

/// ConfigError, naming the first value from which no model can be made.
OCTAVO_SETUP constexpr void check_config(const ModelConfig& config) {
  for_each_field(config, FieldCheck{});
  check_attention(config.attention, config.width);
  check_positions(config.positions, config.head_width());
  // Counted without biases and norms. The limit keeps counts of numbers and bytes from overflowing.
  const auto real = [](Index value) { return static_cast<double>(value); };
  const double width = real(config.width);
  const double tables = config.feed_forward.gated ? 3 : 2;
  const double attention = 2 * real(config.query_width()) + 2 * real(config.kv_width());
  const double d_ff = real(config.feed_forward.d_ff);
  const double adapters =
      real(config.lora.rank) * (4 * width + attention + tables * (width + d_ff));
  const double parameters = width * (2 * real(config.vocabulary) + real(config.context)) +
                            real(config.layers) * (width * (attention + tables * d_ff) + adapters);
  require(parameters < 0x1p50, "model config: expected less than 2^50 parameters");
}

namespace detail {

/// Text such as "heads 4, tied yes": the fields for which wanted(field, is_whole_number,
/// differs_from_default) is true.
template <typename Wanted>
std::string tell_fields(const ModelConfig& config, Wanted wanted) {
  std::vector<std::string> usual;
  const ModelConfig unsaid;
  for_each_field(unsaid, [&](const Field&, const auto& value, const auto&...) {
    usual.push_back(value_text(value));
  });
  std::string text;
  auto other = usual.begin();
  for_each_field(config,
                 [&]<typename Value>(const Field& field, const Value& value, const auto&...) {
                   const std::string shown = value_text(value);
                   if (!wanted(field, std::is_same_v<Value, Index>, shown != *other++)) return;
                   text += concat({text.empty() ? "" : ", ", field.label(), " ", shown});
                 });
  return text;
}

}  // namespace detail

/// "vocabulary 70, context 64, layers 2, width 128, heads 4, ff 256, tied yes": sizes, and the
/// choices that differ from ModelConfig{}.
inline std::string describe(const ModelConfig& config) {
  return detail::tell_fields(config, [](const Field& field, bool whole, bool differs) {
    return differs || (whole && !field.may_lack);
  });
}

/// The fields in which two configurations differ, as each of them has them: "width 16", "width 32".
inline std::array<std::string, 2> describe_differences(const ModelConfig& a, const ModelConfig& b) {
  std::vector<std::string> others;
  for_each_field(b, [&](const Field&, const auto& value, const auto&...) {
    others.push_back(value_text(value));
  });
  std::array<std::string, 2> text;
  const auto tell = [](std::string& all, const Field& field, const std::string& value) {
    all += detail::concat({all.empty() ? "" : ", ", field.label(), " ", value});
  };
  auto other = others.begin();
  for_each_field(a, [&](const Field& field, const auto& value, const auto&...) {
    const std::string mine = value_text(value);
    const std::string& others_value = *other++;
    if (mine == others_value) return;
    tell(text[0], field, mine);
    tell(text[1], field, others_value);
  });
  return text;
}

/// The configuration parameter of a model: ModelConfig itself, or a FixedConfig.
template <typename C>
concept ModelConfigSource = std::convertible_to<const C&, const ModelConfig&>;

/// A configuration fixed when the program is compiled: `Transformer<float, FixedConfig<config>>`,
/// where config is a constexpr variable of static storage.
template <const ModelConfig& fixed>
struct FixedConfig {
  static_assert(fixed.width > 0 && fixed.attention.heads > 0 &&
                    (fixed.attention.head_width > 0 || fixed.width % fixed.attention.heads == 0),
                "FixedConfig: width must be a positive multiple of heads");
  static_assert(fixed.vocabulary > 0 && fixed.context > 0 && fixed.layers > 0 &&
                    fixed.feed_forward.d_ff > 0,
                "FixedConfig: vocabulary, context, layers and d_ff must be positive");

  constexpr operator const ModelConfig&() const noexcept { return fixed; }
};

}  // namespace OCTAVO_NAMESPACE
