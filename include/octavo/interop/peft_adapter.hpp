// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/interop/hf_tensor_names.hpp>
#include <octavo/interop/lora_tensors.hpp>
#include <octavo/interop/peft_config.hpp>
#include <octavo/interop/save_pretrained.hpp>

// Adapters in folders of Hugging Face's PEFT: adapter_config.json and adapter_model.safetensors.
namespace OCTAVO_NAMESPACE {

namespace detail {

/// What precedes the names of a model's modules in PEFT's files.
inline constexpr std::string_view peft_prefix = "base_model.model.";

/// The module of a tensor: its name without ".weight".
inline std::string module_of(const HfTensor& tensor) {
  return tensor.name.substr(0, tensor.name.rfind('.'));
}

/// The tensors of an adapter of these columns of a parameter. Linear maps have A and B of
/// nn.Linear's layout, GPT-2's Conv1D as well. The rows of the token table and of the head are
/// tokens in both programs.
inline LoraTensors peft_tensors(const Parameter& parameter, const HfTensor& tensor) {
  const std::string module = concat({peft_prefix, module_of(tensor)});
  const bool transposed = tensor.transposed || parameter.is_map();
  const Index columns = tensor.transposed ? tensor.sizes[0] : parameter.columns;
  LoraTensors map{&parameter, tensor.first, columns, {}, {}};
  if (parameter.name == "embedding.tokens.weight") {
    map.down = {concat({module, ".lora_embedding_A"}), true, true};
    map.up = {concat({module, ".lora_embedding_B"}), false, true};
    return map;
  }
  const bool head = parameter.name == "head.weight";
  map.down = {concat({module, ".lora_A.weight"}), !head, transposed && !head};
  map.up = {concat({module, ".lora_B.weight"}), head, transposed && !head};
  return map;
}

/// Calls body(parameter, tensor of the model's files) for everything that can be adapted.
template <typename Body>
void for_each_peft_tensor(const ParameterList& parameters, const HfTensorNames& names, Body body) {
  for (const Parameter& parameter : parameters) {
    if (!LoraAdapter::can_adapt(parameter)) continue;
    for (const HfTensor& tensor : names.tensors_of(parameter)) body(parameter, tensor);
  }
}

/// FormatError, by `fail`, for an adapter of a table that embedding and head share: PEFT and
/// llama.cpp adapt one of them.
template <typename Fail>
void require_own_table(const Parameter& parameter, const ModelConfig& base, const std::string& name,
                       const Fail& fail) {
  if (parameter.is_map() || !base.head.tied) return;
  fail(concat({"tensor ", printable(name),
               " adapts the token table, which is the head as well in this model"}));
}

/// The contents of adapter_config.json.
class PeftConfigText {
 public:
  PeftConfigText(const LoraAdapter& adapter, const std::string& base_name)
      : adapter_(adapter), base_name_(base_name) {}

  /// `map`: what is written for `module`; null: nothing. Called for every module of the base.
  void add(const std::string& module, const LoraMap* map) {
    modules_.push_back({module, map != nullptr});
    if (map == nullptr) return;
    if (rank_ == 0) {
      rank_ = map->rank;
      alpha_ = map->alpha;
    }
    if (map->rank != rank_) ranks_[module] = map->rank;
    if (map->alpha != alpha_) alphas_[module] = number(map->alpha);
  }

  std::string text() const {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    json["peft_type"] = "LORA";
    json["task_type"] = "CAUSAL_LM";
    json["base_model_name_or_path"] = nullptr;
    if (!base_name_.empty()) json["base_model_name_or_path"] = base_name_;
    json["inference_mode"] = true;
    json["r"] = rank_;
    json["lora_alpha"] = number(alpha_);
    json["lora_dropout"] = 0.0;
    json["use_rslora"] = adapter_.rank_stabilized();
    json["use_dora"] = false;
    json["bias"] = "none";
    json["fan_in_fan_out"] = HfTensorNames(adapter_.base()).is_gpt2();
    json["init_lora_weights"] = true;
    json["modules_to_save"] = nullptr;
    json["target_modules"] = targets();
    json["rank_pattern"] = ranks_;
    json["alpha_pattern"] = alphas_;
    return json.dump(2) + '\n';
  }

 private:
  using Json = nlohmann::ordered_json;

  /// Whole numbers as such: alpha is an int in PEFT's configuration.
  static Json number(double value) {
    if (value == std::floor(value) && value < 1e9) return static_cast<Index>(value);
    return value;
  }

  /// "self_attn.q_proj" of "model.layers.3.self_attn.q_proj".
  static std::string kind_of(const std::string& module) {
    for (const std::string_view before : {"layers.", "h."}) {
      const std::size_t at = module.find(before);
      if (at == module.npos || (at > 0 && module[at - 1] != '.')) continue;
      return module.substr(std::min(module.find('.', at + before.size()), module.size() - 1) + 1);
    }
    return module;
  }

  /// The last name of a kind of module where no other kind has it, else all of it.
  std::string shortest(const std::string& kind) const {
    const std::string last = kind.substr(kind.rfind('.') + 1);
    for (const auto& [module, adapted] : modules_) {
      const std::string other = kind_of(module);
      if (other != kind && other.substr(other.rfind('.') + 1) == last) return kind;
    }
    return last;
  }

  /// A kind of modules where every block's is adapted, or else the whole names.
  std::vector<std::string> targets() const {
    std::map<std::string, bool> whole;
    for (const auto& [module, adapted] : modules_) {
      const auto [found, added] = whole.emplace(kind_of(module), adapted);
      if (!added) found->second = found->second && adapted;
    }
    std::set<std::string> names;
    for (const auto& [module, adapted] : modules_) {
      const std::string kind = kind_of(module);
      if (adapted) names.insert(whole[kind] ? shortest(kind) : module);
    }
    return {names.begin(), names.end()};
  }

  const LoraAdapter& adapter_;
  std::string base_name_;
  std::vector<std::pair<std::string, bool>> modules_;
  Index rank_ = 0;
  double alpha_ = 0;
  std::map<std::string, Index> ranks_;
  std::map<std::string, Json> alphas_;
};

}  // namespace detail

/// Reads an adapter from a folder of PEFT's, for a base of this configuration: LoRA, also
/// rank-stabilized and with patterns of ranks and alphas, in F32, F16, BF16 or F64. FormatError if
/// a file is invalid, if the adapter is of another method or changes more than matrices, or if it
/// does not fit the base.
inline LoraAdapter read_peft_adapter(const std::string& path, const ModelConfig& base,
                                     FileSystem& files = real_file_system()) {
  using namespace detail;
  const PeftConfig config(FileSource(concat({path, "/adapter_config.json"}), files));
  const FileSource source(concat({path, "/adapter_model.safetensors"}), files);
  const SafetensorsReader file(source);
  const auto has = [&](const std::string& name) { return file.tensors().contains(name); };
  HfTensorNames names(base);
  const std::string prefix = concat({peft_prefix, names.prefix()});
  if (std::none_of(file.tensors().begin(), file.tensors().end(),
                   [&](const auto& tensor) { return tensor.first.starts_with(prefix); })) {
    names.leave_out_prefix();
  }
  LoraAdapter adapter(base, config.rank_stabilized());
  std::set<std::string> known;
  for_each_peft_tensor(
      adapter.parameters(), names, [&](const Parameter& parameter, const HfTensor& tensor) {
        const LoraTensors map = peft_tensors(parameter, tensor);
        if (!has(map.down.name) && !has(map.up.name)) return;
        require_own_table(parameter, base, map.down.name,
                          [&](const std::string& what) { file.fail(what); });
        const Index rank = config.rank_of(module_of(tensor));
        const auto read = [&](const LoraTensor& one) {
          constexpr std::array<std::string_view, 4> dtypes{"F32", "F16", "BF16", "F64"};
          const auto sizes = map.sizes_of(one, rank);
          if (!has(one.name)) {
            file.fail(concat(
                {"tensor ", printable(one.name), " is missing, expected ", readable(sizes)}));
          }
          check_tensor(file, one.name, {sizes.begin(), sizes.end()}, dtypes);
          std::vector<float> numbers(static_cast<std::size_t>(sizes[0] * sizes[1]));
          read_tensor<float>(file, one.name, numbers);
          known.insert(one.name);
          return factor_of(map, one, rank, numbers);
        };
        std::vector<float> a = read(map.down), b = read(map.up);
        if (!map.down.is_a) std::swap(a, b);
        adapter.add<float>(parameter.name, map.first, map.columns,
                           config.alpha_of(module_of(tensor)), a, b);
      });
  for (const auto& [name, tensor] : file.tensors()) {
    if (known.contains(name)) continue;
    file.fail(concat({"tensor ", printable(name), " of shape ", readable(tensor.shape),
                      " does not belong to a LoRA adapter of this model, ", describe(base)}));
  }
  if (known.empty()) file.fail("it has no tensors");
  return adapter;
}

/// Saves an adapter as a folder of PEFT's, which is created if it does not exist. `base_name`: the
/// base's name or path, which PEFT loads; may be empty. `type`: F32, F16 or BF16. Error of code
/// bad_data if PEFT cannot express the adapter or `type` a number.
inline void save_peft_adapter(const std::string& path, const LoraAdapter& adapter,
                              const std::string& base_name = {}, StoredType type = StoredType::f32,
                              FileSystem& files = real_file_system()) {
  using namespace detail;
  require(block_of(type) == 1, "save_peft_adapter: expected F32, F16 or BF16");
  require(!adapter.maps().empty(), "save_peft_adapter: the adapter has no maps");
  PeftConfigText config(adapter, base_name);
  std::list<std::vector<float>> numbers;
  std::vector<TensorToWrite> tensors;
  for_each_peft_tensor(
      adapter.parameters(), HfTensorNames(adapter.base()),
      [&](const Parameter& parameter, const HfTensor& tensor) {
        const LoraTensors map = peft_tensors(parameter, tensor);
        const auto part = lora_of(adapter, parameter, map.first, map.columns);
        config.add(module_of(tensor), part ? &*part : nullptr);
        if (!part) return;
        require_own_table(parameter, adapter.base(), map.down.name, [&](const std::string& what) {
          throw Error(ErrorCode::bad_data, concat({"cannot write ", printable(path), ": ", what}));
        });
        for (const LoraTensor* const one : {&map.down, &map.up}) {
          const auto sizes = map.sizes_of(*one, part->rank);
          numbers.push_back(numbers_of(map, *one, *part));
          const std::span<const float> values = numbers.back();
          tensors.push_back({one->name,
                             name_of(type),
                             {sizes[0], sizes[1]},
                             std::as_bytes(values),
                             [values, type](const TensorToWrite& written, const ByteSink& sink) {
                               for_each_encoded_piece<float>(type, values, written.name, 0, sink);
                             },
                             stored_bytes(type, values.size())});
        }
      });
  write_in_folder(path, files, [&] {
    write_safetensors(concat({path, "/adapter_model.safetensors"}), tensors, {{"format", "pt"}},
                      files);
  });
  write_text(concat({path, "/adapter_config.json"}), config.text(), files);
}

}  // namespace OCTAVO_NAMESPACE
