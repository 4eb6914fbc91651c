// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>
#include <octavo/tensor/name_patterns.hpp>
#include <octavo/tensor/parameter_table.hpp>

namespace OCTAVO_NAMESPACE {

/// Low-rank adapters (LoRA, Hu et al. 2021) of the linear layers in a model's blocks: a map x W
/// becomes x W + scale (dropout(x) A) B, of which only A [in, rank] and B [rank, out] train.
/// Conventions as in Hugging Face's PEFT.
struct LoraConfig {
  Index rank = 0;             ///< r; 0: no adapters
  double alpha = 0;           ///< scale = alpha / r; 0: twice the rank, so that the scale is 2
  bool rank_stable = false;   ///< scale = alpha / sqrt(r) (rsLoRA, Kalajdzievski 2023)
  double dropout = 0;         ///< of the adapters' input, one mask for the maps of one matrix
  NamePatterns targets = {};  ///< the maps with adapters (adapts); empty or "all-linear": all

  /// Of an adapter's output.
  double scale() const {
    const double r = static_cast<double>(rank);
    return (alpha == 0 ? 2 * r : alpha) / (rank_stable ? std::sqrt(r) : r);
  }

  friend constexpr bool operator==(const LoraConfig&, const LoraConfig&) = default;
};

/// Calls visit for each field, see base/field.hpp.
template <typename Config, typename Visitor>
requires std::same_as<std::remove_const_t<Config>, LoraConfig>
constexpr void for_each_field(Config& config, Visitor&& visit) {
  constexpr FieldGroup lora = FieldGroup::lora;
  visit(Field{.name = "lora_rank",
              .option = "lora-rank",
              .group = lora,
              .help = "Numbers between the two matrices of an adapter; 0: no adapters (0)",
              .may_lack = true,
              .zero = "none",
              .omits_zero = true},
        config.rank, WholeRange{0, size_range.most});
  visit(Field{.name = "lora_alpha",
              .option = "lora-alpha",
              .group = lora,
              .help = "Adapters count alpha / rank times; 0: twice (0)",
              .may_lack = true,
              .omits_zero = true},
        config.alpha, not_negative_range);
  visit(Field{.name = "lora_rank_stable",
              .option = "lora-rslora",
              .group = lora,
              .help = "... alpha / sqrt(rank) times",
              .may_lack = true,
              .omits_zero = true},
        config.rank_stable);
  visit(Field{.name = "lora_dropout",
              .option = "lora-dropout",
              .group = lora,
              .help = "Dropout rate of the adapters' inputs (0)",
              .may_lack = true,
              .omits_zero = true},
        config.dropout, share_range);
  visit(Field{.name = "lora_targets",
              .option = "lora-targets",
              .group = lora,
              .help = "Layers with adapters, such as q_proj,v_proj (all linear layers of the "
                      "blocks)",
              .may_lack = true,
              .omits_zero = true},
        config.targets);
}

namespace detail {

/// The names that others give to the maps of a layer: those of Llama and GPT-2 in transformers.
struct AdaptedLayer {
  std::string_view layer;
  std::array<std::string_view, 3> llama;
  std::string_view gpt2;
};
inline constexpr std::array<AdaptedLayer, 5> adapted_layers{{
    {"attention.qkv", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}, "attn.c_attn"},
    {"attention.output", {"self_attn.o_proj"}, "attn.c_proj"},
    {"feed_forward.gate_up", {"mlp.gate_proj", "mlp.up_proj"}, ""},
    {"feed_forward.up", {"mlp.up_proj"}, "mlp.c_fc"},
    {"feed_forward.down", {"mlp.down_proj"}, "mlp.c_proj"},
}};

/// Whether a pattern matches one of the names of a layer's map: the layer's own, such as
/// "attention.qkv", and those in transformers, such as "self_attn.q_proj" and "attn.c_attn".
constexpr bool matches_map(std::string_view pattern, std::string_view layer, std::size_t map) {
  if (NamePatterns::matches(layer, pattern)) return true;
  return std::any_of(adapted_layers.begin(), adapted_layers.end(), [&](const AdaptedLayer& known) {
    return known.layer == layer && (NamePatterns::matches(known.llama[map], pattern) ||
                                    NamePatterns::matches(known.gpt2, pattern));
  });
}

constexpr bool targets_all(const LoraConfig& config) {
  return config.targets.text().empty() || config.targets.text() == "all-linear";
}

}  // namespace detail

/// Whether a map of a layer, by its number among the maps of one matrix, has an adapter.
constexpr bool adapts(const LoraConfig& config, const ParameterPath& layer, std::size_t map) {
  if (config.rank == 0 || detail::targets_all(config)) return config.rank > 0;
  return layer.with_text([&](std::string_view name) {
    bool any = false;
    config.targets.for_each(
        [&](std::string_view pattern) { any = any || detail::matches_map(pattern, name, map); });
    return any;
  });
}

/// ConfigError if one of the targets matches no map of a block, whose tensors these are.
OCTAVO_SETUP constexpr void check_targets(const LoraConfig& config, const ParameterTable& block) {
  if (config.rank == 0) return;
  const auto found = [&](std::string_view pattern) {
    for (Index i = 0; i < block.size(); ++i) {
      const ParameterEntry& entry = block[i];
      if (!entry.is_map() || entry.path.last() != "weight") continue;
      for (std::size_t map = 0; map < entry.maps.size(); ++map) {
        if (entry.maps[map] == 0) continue;
        const bool matched = entry.path.parent().with_text([&](std::string_view name) {
          return pattern.empty() || detail::matches_map(pattern, name, map);
        });
        if (matched) return true;
      }
    }
    return false;
  };
  const auto check = [&](std::string_view pattern) {
    if (found(pattern)) return;
    if (pattern.empty()) throw ConfigError("lora_rank: the model's blocks have no linear layers");
    throw ConfigError(
        detail::concat({"lora_targets: no linear layer of a block is called ", printable(pattern)}),
        "names are those of Llama (q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj), "
        "GPT-2 (c_attn, c_proj, c_fc) or Octavo (attention.qkv)");
  };
  if (detail::targets_all(config)) return check("");
  config.targets.for_each(check);
}

/// Whether a tensor, by its name, is a matrix of an adapter.
constexpr bool is_adapter(std::string_view name) {
  return name.ends_with("lora_a") || name.ends_with("lora_b");
}

}  // namespace OCTAVO_NAMESPACE
