// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/field.hpp>
#include <octavo/kernels/activate.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/kernels/rotate.hpp>

// The configurations of a transformer's layers. The names of kinds are stored in files.
namespace OCTAVO_NAMESPACE {

/// How a model encodes the positions of tokens.
enum class PositionKind {
  learned,  ///< a table of vectors, one per position, added to the tokens'
  rotary,   ///< queries and keys are turned by angles that grow with the position (Su et al. 2021)
};
constexpr std::array<std::string_view, 2> choice_names(PositionKind) noexcept {
  return {"learned", "rotary"};
}

/// How rotary angles are scaled for sequences longer than those of the model's original training.
/// The formulas are as in Hugging Face's transformers (modeling_rope_utils.py).
enum class RotaryScaling {
  none,
  linear,   ///< all by the same factor (Chen et al. 2023)
  dynamic,  ///< by a base that grows with sequences longer than the original
            ///< context
  llama3,   ///< slow angles by the factor, fast angles not (Llama 3.1)
  yarn,     ///< as llama3, with another ramp and scaled scores (Peng et al. 2023)
};
constexpr std::array<std::string_view, 5> choice_names(RotaryScaling) noexcept {
  return {"none", "linear", "dynamic", "llama3", "yarn"};
}

/// The settings of Norm.
struct NormConfig {
  NormKind kind = NormKind::layer;
  double epsilon = layer_norm_epsilon;  ///< added to the variance, or to the mean square
  bool bias = true;
  bool unit_offset = false;  ///< multiplies by 1 + gain instead of gain, as in Gemma

  friend constexpr bool operator==(const NormConfig&, const NormConfig&) = default;
};

/// All members except `kind` are for rotary positions only.
struct PositionConfig {
  PositionKind kind = PositionKind::learned;
  double base = 10'000;  ///< theta: the slowest pair turns by about 1 / base per position
  double local_base =
      0;  ///< of layers with a window, whose angles are not scaled; 0: as the others
  Index rotary_width = 0;  ///< numbers of each head that are turned, an even number; 0: all
  RotaryPairing pairing = RotaryPairing::halves;
  RotaryScaling scaling = RotaryScaling::none;
  double factor = 1;           ///< how much longer sequences become
  Index original_context = 0;  ///< positions that the model was trained with, before scaling
  double low_factor = 1;   ///< llama3: angles that turn less often than this within the original
                           ///< context are divided by the factor
  double high_factor = 4;  ///< ... angles that turn more often than this are unchanged
  double beta_fast = 32;   ///< yarn: turns above which angles are unchanged
  double beta_slow = 1;    ///< ... and below which they are divided
  double attention_factor = 0;  ///< yarn: factor of queries and keys; 0: 0.1 ln(factor) + 1

  friend constexpr bool operator==(const PositionConfig&, const PositionConfig&) = default;
};

/// The settings of CausalSelfAttention.
struct AttentionConfig {
  Index heads = 1;           ///< H, of queries
  Index kv_heads = 0;        ///< heads of keys and values, a divisor of H; 0: as many
  Index head_width = 0;      ///< d, numbers per head; 0: the width divided by H
  bool bias = true;          ///< of both projections
  bool output_bias = true;   ///< false: only the projection to queries, keys and values has biases
  bool qk_norm = false;      ///< normalize each head of queries and keys, before they are turned
  Index window = 0;          ///< keys that a query sees, its own included; 0: all before it
  Index window_pattern = 0;  ///< every n-th layer has no window; 0: all have it
  double scale = 0;          ///< factor of q . k; 0: 1 / sqrt(d)
  double cap = 0;            ///< bound of the scores, cap tanh(score / cap); 0: none

  /// Whether the queries of this layer see only a window of keys.
  constexpr bool is_local(Index layer) const noexcept {
    return window > 0 && (window_pattern == 0 || (layer + 1) % window_pattern != 0);
  }
  /// How many of the first `layers` layers are local.
  constexpr Index local_layers(Index layers) const noexcept {
    if (window == 0) return 0;
    return window_pattern == 0 ? layers : layers - layers / window_pattern;
  }

  friend constexpr bool operator==(const AttentionConfig&, const AttentionConfig&) = default;
};

/// The settings of FeedForward.
struct FeedForwardConfig {
  Index d_ff = 0;  ///< F, hidden numbers per position
  Activation activation = Activation::relu;
  bool bias = true;    ///< of both linear layers
  bool gated = false;  ///< the last projection gets activation(x Wg) * (x Wu), not activation(x W1)

  friend constexpr bool operator==(const FeedForwardConfig&, const FeedForwardConfig&) = default;
};

/// The settings of OutputHead.
struct HeadConfig {
  bool tied = false;  ///< the head shares the token table, and has no bias then
  bool bias = true;
  double cap = 0;  ///< bound of the logits, cap tanh(logit / cap); 0: none

  friend constexpr bool operator==(const HeadConfig&, const HeadConfig&) = default;
};

/// The range of a size that may be 0 for a default. Products of two do not overflow.
inline constexpr WholeRange size_or_none_range{0, size_range.most};

/// Calls visit for each field, see base/field.hpp.
template <typename Config, typename Visitor>
requires std::same_as<std::remove_const_t<Config>, PositionConfig>
constexpr void for_each_field(Config& config, Visitor&& visit) {
  const auto field = [](std::string_view name, std::string_view option, std::string_view help) {
    return Field{.name = name,
                 .option = option,
                 .group = FieldGroup::layers,
                 .help = help,
                 .may_lack = true};
  };
  visit(field("positions", "", "learned or rotary"), config.kind);
  visit(field("rope_base", "rope-base", "Rotary positions' base, theta (10000)"), config.base,
        positive_range);
  visit(field("rope_local_base", "rope-local-base", "... of layers with a window; 0: the same (0)"),
        config.local_base, not_negative_range);
  visit(field("rotary_width", "rope-width", "Numbers of each head that are turned; 0: all (0)"),
        config.rotary_width, size_or_none_range);
  visit(field("rope_pairing", "rope-pairing", "halves or neighbours"), config.pairing);
  visit(field("rope_scaling", "rope-scaling", "none, linear, dynamic, llama3 or yarn"),
        config.scaling);
  visit(field("rope_factor", "rope-factor", "How much longer sequences become (1)"), config.factor,
        positive_range);
  visit(field("rope_original_context", "rope-original-context", "Context before the scaling"),
        config.original_context, size_or_none_range);
  visit(field("rope_low_factor", "rope-low-factor", "llama3: low_freq_factor (1)"),
        config.low_factor, positive_range);
  visit(field("rope_high_factor", "rope-high-factor", "llama3: high_freq_factor (4)"),
        config.high_factor, positive_range);
  visit(field("rope_beta_fast", "rope-beta-fast", "yarn: beta_fast (32)"), config.beta_fast,
        positive_range);
  visit(field("rope_beta_slow", "rope-beta-slow", "yarn: beta_slow (1)"), config.beta_slow,
        positive_range);
  visit(field("rope_attention_factor", "rope-attention-factor",
              "yarn: factor of queries and keys; 0: 0.1 ln(factor) + 1 (0)"),
        config.attention_factor, not_negative_range);
}

/// Calls visit for each field of an attention's configuration.
template <typename Config, typename Visitor>
requires std::same_as<std::remove_const_t<Config>, AttentionConfig>
constexpr void for_each_field(Config& config, Visitor&& visit) {
  constexpr FieldGroup layers = FieldGroup::layers;
  visit(Field{"heads", "", FieldGroup::model, "Attention heads; must divide the width"},
        config.heads, size_range);
  visit(Field{.name = "kv_heads",
              .option = "kv-heads",
              .group = FieldGroup::model,
              .help = "Heads of keys and values; 0: as many (0)",
              .may_lack = true,
              .zero = "as many"},
        config.kv_heads, size_or_none_range);
  visit(Field{.name = "head_width",
              .option = "head-width",
              .group = FieldGroup::model,
              .help = "Numbers per head; 0: the width divided by the heads (0)",
              .may_lack = true,
              .zero = "width / heads"},
        config.head_width, size_or_none_range);
  visit(Field{.name = "attention_bias", .option = "attention-bias", .formerly = "bias"},
        config.bias);
  visit(Field{.name = "attention_output_bias", .option = "attention-output-bias", .may_lack = true},
        config.output_bias);
  visit(Field{.name = "qk_norm",
              .option = "qk-norm",
              .group = layers,
              .help = "Normalize each head of queries and keys",
              .may_lack = true},
        config.qk_norm);
  visit(Field{.name = "window",
              .group = layers,
              .help = "Keys that a query sees, its own included; 0: all before it (0)",
              .may_lack = true,
              .zero = "none"},
        config.window, size_or_none_range);
  visit(Field{.name = "window_pattern",
              .option = "window-pattern",
              .group = layers,
              .help = "Every n-th layer has no window; 0: all have it (0)",
              .may_lack = true,
              .zero = "all"},
        config.window_pattern, size_or_none_range);
  visit(Field{.name = "attention_scale",
              .option = "attention-scale",
              .group = layers,
              .help = "Factor of the scores; 0: 1 / sqrt(head width) (0)",
              .may_lack = true},
        config.scale, not_negative_range);
  visit(Field{.name = "attention_cap",
              .option = "attention-cap",
              .group = layers,
              .help = "Bound of the scores, cap tanh(score / cap); 0: none (0)",
              .may_lack = true,
              .zero = "none"},
        config.cap, not_negative_range);
}

/// ConfigError unless the numbers of heads and the width fit together.
OCTAVO_SETUP constexpr void check_attention(const AttentionConfig& config, Index width) {
  if (config.head_width == 0 && width % config.heads != 0) {
    throw ConfigError(
        detail::concat({"width ", width, " is not a multiple of heads ", config.heads}),
        "choose heads that divide the width");
  }
  require(config.kv_heads == 0 || config.heads % config.kv_heads == 0, [&] {
    return detail::concat(
        {"heads ", config.heads, " is not a multiple of kv_heads ", config.kv_heads});
  });
}

/// The widest head that can be turned.
inline constexpr Index most_rotary_width = 1024;

/// ConfigError if heads of this width cannot be turned as configured.
OCTAVO_SETUP constexpr void check_positions(const PositionConfig& config, Index head_width) {
  if (config.kind != PositionKind::rotary) return;
  const Index turned = config.rotary_width == 0 ? head_width : config.rotary_width;
  require(turned % 2 == 0 && turned <= head_width && turned <= most_rotary_width, [&] {
    return detail::concat({"rotary positions: got ", turned,
                           " numbers to turn in each head, expected an even number, at most ",
                           std::min(head_width, most_rotary_width)});
  });
  const bool needs_original = config.scaling == RotaryScaling::dynamic ||
                              config.scaling == RotaryScaling::llama3 ||
                              config.scaling == RotaryScaling::yarn;
  require(!needs_original || config.original_context > 0, [&] {
    return detail::concat({"rope_scaling ", name_of(config.scaling),
                           ": expected a rope_original_context, the positions that the model was "
                           "trained with"});
  });
  require(config.scaling != RotaryScaling::llama3 || config.high_factor > config.low_factor,
          "rope_scaling llama3: expected a rope_high_factor above the rope_low_factor");
}

}  // namespace OCTAVO_NAMESPACE
