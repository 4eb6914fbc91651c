// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/pretrained_config.hpp>

// The adapter_config.json of Hugging Face's PEFT (peft/tuners/lora/config.py).
namespace OCTAVO_NAMESPACE::detail {

/// The largest rank in files.
inline constexpr Index most_lora_rank = 1 << 16;

/// Fields of methods that change the arithmetic, or have tensors of their own, which Octavo does
/// not read unless they are off: missing, null, false, or empty.
inline constexpr std::string_view peft_methods[] = {"use_dora",
                                                    "lora_bias",
                                                    "modules_to_save",
                                                    "trainable_token_indices",
                                                    "layer_replication",
                                                    "target_parameters",
                                                    "use_qalora",
                                                    "alora_invocation_tokens",
                                                    "alora_invocation_string",
                                                    "arrow_config",
                                                    "use_bdlora",
                                                    "kasa_config",
                                                    "monteclora_config",
                                                    "velora_config"};

/// What an adapter_config.json says of the scales.
class PeftConfig {
 public:
  /// FormatError, naming the field, for another method than LoRA.
  explicit PeftConfig(const ByteSource& source) : json_(source, config_limits) {
    json_.demand("peft_type", "LORA");
    if (!json_.has("peft_type")) json_.refuse("peft_type", "'LORA'", true);
    for (const std::string_view method : peft_methods) require_off(std::string(method).c_str());
    json_.demand("bias", "none");
    require_plain_start();
    rank_stabilized_ = json_.truth("use_rslora", false);
    (void)json_.truth("fan_in_fan_out", false);  // follows from the kind of the layer, as in PEFT
    rank_ = json_.optional_whole("r", 1, most_lora_rank).value_or(8);
    alpha_ = json_.optional_positive("lora_alpha").value_or(8);
    check_pattern("rank_pattern");
    check_pattern("alpha_pattern");
  }

  bool rank_stabilized() const noexcept { return rank_stabilized_; }
  /// Of a module, "model.layers.0.self_attn.q_proj".
  Index rank_of(const std::string& module) const {
    const auto& found = find("rank_pattern", module);
    return found.is_null() ? rank_ : static_cast<Index>(found.get<double>());
  }
  double alpha_of(const std::string& module) const {
    const auto& found = find("alpha_pattern", module);
    return found.is_null() ? alpha_ : found.get<double>();
  }

 private:
  using Json = JsonObject::Json;

  void require_off(const char* key) const {
    const Json& value = json_.field(key);
    if (value.is_null() || value == false || (value.is_structured() && value.empty())) return;
    json_.fail(concat({"'", key, "': got ", JsonObject::shown(value),
                       ", which Octavo does not read; expected a plain LoRA adapter"}),
               value.is_array() && key == std::string_view("modules_to_save")
                   ? "merge the adapter with PEFT (merge_and_unload) and load the whole model"
                   : "merge the adapter with PEFT (merge_and_unload)");
  }

  /// Some ways to begin change the base as well.
  void require_plain_start() const {
    const Json& start = json_.field("init_lora_weights");
    if (start.is_null() || start.is_boolean() || start == "gaussian" || start == "orthogonal") {
      return;
    }
    json_.fail(concat({"'init_lora_weights': got ", JsonObject::shown(start),
                       ", which changes the base; expected true, false, 'gaussian' or "
                       "'orthogonal'"}),
               "convert the adapter with PEFT (path_initial_model_for_weight_conversion)");
  }

  void check_pattern(const char* key) const {
    const Json& pattern = json_.field(key);
    if (pattern.is_null()) return;
    if (!pattern.is_object()) json_.refuse(key, "an object");
    const bool of_ranks = key == std::string_view("rank_pattern");
    for (const auto& [name, value] : pattern.items()) {
      const double number = value.is_number() ? value.get<double>() : 0;
      const bool whole =
          number == std::floor(number) && number <= static_cast<double>(most_lora_rank);
      if (!(number > 0) || !std::isfinite(number) || (of_ranks && !whole)) {
        json_.fail(concat({"'", key, ".", name, "': got ", JsonObject::shown(value),
                           ", expected a ", (of_ranks ? "whole " : ""), "number > 0"}));
      }
      const std::string plain = plain_name(name);
      if (plain.find_first_of("\\^$*+?()[]{}|") != plain.npos) {
        json_.fail(concat({"'", key, "': got the pattern ", printable(name),
                           ", expected the name of a module or its end"}));
      }
    }
  }

  /// A key without the marks of a regular expression that stand for a plain name: ^ at the
  /// beginning, and \. for a dot.
  static std::string plain_name(std::string_view key) {
    if (key.starts_with('^')) key.remove_prefix(1);
    std::string name;
    for (std::size_t i = 0; i < key.size(); ++i) {
      if (key.substr(i).starts_with("\\.")) continue;
      name += key[i];
    }
    return name;
  }

  static bool fits(std::string_view key, const std::string& module) {
    const std::string name = plain_name(key);
    if (module == name) return true;
    return !key.starts_with('^') && module.ends_with(concat({".", name}));
  }

  /// The value of the only key that fits the module; null if none does.
  const Json& find(const char* pattern, const std::string& module) const {
    static const Json none;
    const Json* found = nullptr;
    if (!json_.field(pattern).is_object()) return none;
    for (const auto& [key, value] : json_.field(pattern).items()) {
      if (!fits(key, module)) continue;
      if (found != nullptr && *found != value) {
        json_.fail(concat({"'", pattern, "' has two numbers for ", printable(module)}));
      }
      found = &value;
    }
    return found == nullptr ? none : *found;
  }

  JsonObject json_;
  Index rank_ = 8;
  double alpha_ = 8;
  bool rank_stabilized_ = false;
};

}  // namespace OCTAVO_NAMESPACE::detail
