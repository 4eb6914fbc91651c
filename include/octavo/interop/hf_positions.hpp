// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/hf_families.hpp>
#include <octavo/interop/pretrained_config.hpp>

// Rotary positions in a config.json of transformers 4 (rope_theta, rope_scaling,
// rope_local_base_freq) and 5 (rope_parameters, by kind of layer or for all).
namespace OCTAVO_NAMESPACE::detail {

/// Reads the positions of a model, and, where a scaling lengthens it, the context.
class HfPositions {
 public:
  HfPositions(const JsonObject& json, const HfFamily& family) : json_(json), family_(family) {}

  /// Sets model.positions and model.context. FormatError for a kind that Octavo does not have.
  void read(ModelConfig& model) const {
    const bool two_bases = family_.defaults.positions.local_base != 0;
    const Parameters all = two_bases ? of_full_layers() : of_all_layers();
    model.positions.base = base(all);
    if (two_bases) model.positions.local_base = read_local_base();
    if (!all) return;
    all->demand("partial_rotary_factor", 1);
    scale(*all, model);
  }

 private:
  using Parameters = std::optional<JsonObject>;

  Parameters inner(const char* key) const {
    if (json_.field(key).is_null()) return std::nullopt;
    return json_.inner(key);
  }

  static Parameters inner(const Parameters& parameters, const char* key) {
    if (!parameters || parameters->field(key).is_null()) return std::nullopt;
    return parameters->inner(key);
  }

  static bool has_kinds(const JsonObject& json) {
    return json.has("full_attention") || json.has("sliding_attention");
  }

  /// The parameters of layers without a window, in a class that has others for the rest.
  Parameters of_full_layers() const {
    const Parameters newer = inner("rope_parameters");
    if (newer && !has_kinds(*newer)) {
      json_.refuse("rope_parameters", "'full_attention' and 'sliding_attention' in it");
    }
    const Parameters old = inner("rope_scaling");
    return old ? old : inner(newer, "full_attention");
  }

  /// The parameters of all layers.
  Parameters of_all_layers() const {
    Parameters found = inner("rope_scaling");
    if (!found) found = inner("rope_parameters");
    if (!found || !has_kinds(*found)) return found;
    const Parameters full = inner(found, "full_attention");
    const Parameters local = inner(found, "sliding_attention");
    if (full && local && full->json() != local->json()) {
      json_.refuse("rope_parameters", "the same for layers of every kind");
    }
    return full ? full : local;
  }

  /// theta: that of the parameters goes before rope_theta.
  double base(const Parameters& parameters) const {
    if (parameters) {
      if (const auto theta = parameters->optional_positive("rope_theta")) return *theta;
    }
    if (const auto theta = json_.optional_positive("rope_theta")) return *theta;
    const Parameters newer = inner("rope_parameters");
    const Parameters full = newer && has_kinds(*newer) ? inner(newer, "full_attention") : newer;
    const auto theta = full ? full->optional_positive("rope_theta") : std::nullopt;
    return theta.value_or(family_.defaults.positions.base);
  }

  /// theta of layers with a window, whose positions are not scaled.
  double read_local_base() const {
    if (const Parameters local = inner(inner("rope_parameters"), "sliding_attention")) {
      if (type_of(*local) != "default") {
        local->fail(
            "'rope_parameters': layers with a window have scaled positions, expected "
            "'default'");
      }
      if (const auto theta = local->optional_positive("rope_theta")) return *theta;
    }
    return json_.optional_positive("rope_local_base_freq")
        .value_or(family_.defaults.positions.local_base);
  }

  static std::string type_of(const JsonObject& parameters) {
    for (const char* key : {"rope_type", "type"}) {
      const auto& field = parameters.field(key);
      if (field.is_string()) return field.get<std::string>();
      if (!field.is_null()) parameters.refuse(key, "a text");
    }
    return "default";
  }

  void scale(const JsonObject& parameters, ModelConfig& model) const {
    const std::string type = type_of(parameters);
    PositionConfig& positions = model.positions;
    if (type == "default") return;
    const auto names = choice_names(RotaryScaling{});
    std::size_t i = 1;  // after "none"
    while (i < names.size() && names[i] != type) ++i;
    if (i == names.size()) {
      parameters.refuse(parameters.field("rope_type").is_null() ? "type" : "rope_type",
                        "'default', 'linear', 'dynamic', 'llama3' or 'yarn'", true);
    }
    positions.scaling = static_cast<RotaryScaling>(i);
    positions.factor = number(parameters, "factor");
    if (positions.factor < 1) parameters.refuse("factor", "a number, 1 or more");
    if (positions.scaling == RotaryScaling::dynamic) lengthen(model);
    if (positions.scaling == RotaryScaling::llama3) read_llama3(parameters, model);
    if (positions.scaling == RotaryScaling::yarn) read_yarn(parameters, model);
  }

  static double number(const JsonObject& parameters, const char* key) {
    const auto value = parameters.optional_positive(key);
    if (!value) parameters.refuse(key, "a number > 0");
    return *value;
  }

  /// The positions that the model was trained with, in the parameters or beside them.
  std::optional<Index> original(const JsonObject& parameters) const {
    constexpr const char* key = "original_max_position_embeddings";
    const auto inside = parameters.optional_whole(key, 1, most_in_config);
    return inside ? inside : json_.optional_whole(key, 1, most_in_config);
  }

  /// Dynamic scaling acts on sequences longer than max_position_embeddings, so the context is the
  /// factor longer.
  void lengthen(ModelConfig& model) const {
    PositionConfig& positions = model.positions;
    positions.original_context = model.context;
    const double longer = positions.factor * static_cast<double>(model.context);
    if (longer > static_cast<double>(most_in_config)) {
      json_.refuse("max_position_embeddings", "at most 2147483647 / factor");
    }
    model.context = json_.optional_whole("octavo_context", model.context, most_in_config)
                        .value_or(static_cast<Index>(longer));
  }

  void read_llama3(const JsonObject& parameters, ModelConfig& model) const {
    PositionConfig& positions = model.positions;
    const auto before = original(parameters);
    if (!before) parameters.refuse("original_max_position_embeddings", "1 to 2147483647");
    positions.original_context = *before;
    positions.low_factor = number(parameters, "low_freq_factor");
    positions.high_factor = number(parameters, "high_freq_factor");
    if (positions.high_factor <= positions.low_factor) {
      parameters.refuse("high_freq_factor", "a number above low_freq_factor");
    }
  }

  void read_yarn(const JsonObject& parameters, ModelConfig& model) const {
    PositionConfig& positions = model.positions;
    parameters.demand("truncate", true);
    positions.original_context = original(parameters).value_or(model.context);
    positions.beta_fast = parameters.optional_positive("beta_fast").value_or(positions.beta_fast);
    positions.beta_slow = parameters.optional_positive("beta_slow").value_or(positions.beta_slow);
    if (const auto factor = parameters.optional_positive("attention_factor")) {
      positions.attention_factor = *factor;
      return;
    }
    const auto one = parameters.optional_positive("mscale");
    const auto all = parameters.optional_positive("mscale_all_dim");
    if (!one || !all) return;
    const auto factor = [&](double scale) {
      return std::fma(0.1 * scale, std::log(positions.factor), 1.0);
    };
    const double ratio = factor(*one) / factor(*all);
    if (!(ratio > 0) || !std::isfinite(ratio)) parameters.refuse("mscale", "a smaller number");
    positions.attention_factor = ratio;
  }

  const JsonObject& json_;
  const HfFamily& family_;
};

/// The fields of transformers' rope_parameters that describe a scaling.
inline nlohmann::ordered_json hf_scaling(const PositionConfig& positions) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  const bool scaled = positions.scaling != RotaryScaling::none;
  json["rope_type"] = scaled ? name_of(positions.scaling) : "default";
  if (!scaled) return json;
  json["factor"] = positions.factor;
  if (positions.scaling == RotaryScaling::llama3) {
    json["low_freq_factor"] = positions.low_factor;
    json["high_freq_factor"] = positions.high_factor;
    json["original_max_position_embeddings"] = positions.original_context;
  }
  if (positions.scaling == RotaryScaling::yarn) {
    json["original_max_position_embeddings"] = positions.original_context;
    json["beta_fast"] = positions.beta_fast;
    json["beta_slow"] = positions.beta_slow;
    if (positions.attention_factor != 0) json["attention_factor"] = positions.attention_factor;
  }
  return json;
}

/// Writes the positions in both spellings.
inline void write_hf_positions(const ModelConfig& model, const HfFamily& family,
                               nlohmann::ordered_json& json) {
  const PositionConfig& positions = model.positions;
  const bool dynamic = positions.scaling == RotaryScaling::dynamic;
  json["max_position_embeddings"] = dynamic ? positions.original_context : model.context;
  if (dynamic) json["octavo_context"] = model.context;
  json["rope_theta"] = positions.base;
  nlohmann::ordered_json parameters = hf_scaling(positions);
  json["rope_scaling"] = nullptr;
  if (positions.scaling != RotaryScaling::none) {
    json["rope_scaling"] = parameters;
    json["rope_scaling"]["type"] = parameters["rope_type"];  // before transformers 4.43
  }
  parameters["rope_theta"] = positions.base;
  if (family.defaults.positions.local_base == 0) {
    json["rope_parameters"] = parameters;
    return;
  }
  const double local = positions.local_base == 0 ? positions.base : positions.local_base;
  json["rope_local_base_freq"] = local;
  json["rope_parameters"] = {
      {"full_attention", parameters},
      {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", local}}}};
}

}  // namespace OCTAVO_NAMESPACE::detail
