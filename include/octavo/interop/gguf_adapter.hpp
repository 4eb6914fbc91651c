// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/interop/gguf_config.hpp>
#include <octavo/interop/gguf_parameters.hpp>
#include <octavo/interop/lora_tensors.hpp>
#include <octavo/interop/peft_adapter.hpp>

// Adapters in llama.cpp's format (src/llama-adapter.cpp).
namespace OCTAVO_NAMESPACE {

namespace detail {

/// The tensors of an adapter of the columns in `part`. llama.cpp has A of the token table with a
/// row for each token.
inline LoraTensors gguf_lora_tensors(const GgufPart& part) {
  const Parameter& parameter = *part.parameter;
  LoraTensors map{&parameter, part.first, part.columns, {}, {}};
  const bool table = parameter.name == "embedding.tokens.weight";
  const bool head = parameter.name == "head.weight";
  map.down = {concat({part.name, ".lora_a"}), !head, !table && !head};
  map.up = {concat({part.name, ".lora_b"}), head, !head, part.pairs};
  return map;
}

/// Calls body(tensors) for everything in a model that can be adapted.
template <typename Body>
void for_each_gguf_map(const LoraAdapter& adapter, const GgufFamily& family, Body body) {
  for (const Parameter& parameter : adapter.parameters()) {
    if (!LoraAdapter::can_adapt(parameter)) continue;
    std::vector<GgufPart> parts;
    add_gguf_parts(parameter, family, adapter.base(), parts);
    for (const GgufPart& part : parts) body(gguf_lora_tensors(part));
  }
}

/// Reads an adapter in GGUF.
class GgufAdapterFile {
 public:
  GgufAdapterFile(const ByteSource& source, const ModelConfig& base)
      : file_(source), base_(base), adapter_(base) {}

  LoraAdapter read() {
    require_text("general.type", "adapter");
    require_text("adapter.type", "lora");
    if (file_.has("adapter.alora.invocation_tokens")) {
      file_.fail(
          "entry 'adapter.alora.invocation_tokens': it acts on some tokens only, which Octavo "
          "cannot do");
    }
    const GgufFamily& family = read_family();
    const std::string key = "adapter.lora.alpha";
    const auto alpha = file_.optional_real(key);
    if (!alpha || !(*alpha >= 0)) file_.refuse(key, "a number, 0 or more");
    for_each_gguf_map(adapter_, family, [&](const LoraTensors& map) { read_map(map, *alpha); });
    for (const auto& [name, tensor] : file_.tensors()) {
      if (known_.contains(name) || name.find("_norm.weight") != name.npos) continue;
      file_.fail(concat({"tensor ", printable(name), " of shape ", readable(tensor.shape),
                         " does not belong to a LoRA adapter of this model, ", describe(base_)}));
    }
    if (known_.empty()) file_.fail("it has no tensors");
    return std::move(adapter_);
  }

 private:
  void require_text(const std::string& key, std::string_view expected) const {
    if (file_.text(key) == expected) return;
    file_.refuse(key, concat({"'", expected, "'"}), true);
  }

  const GgufFamily& read_family() const {
    const std::string key = "general.architecture";
    const GgufFamily* const family = find_gguf_family(file_.text(key));
    if (family != nullptr && can_have(*family, base_)) return *family;
    std::string known;
    for (const GgufFamily& one : gguf_families) {
      if (can_have(one, base_))
        known += concat({(known.empty() ? "'" : " or '"), one.architecture, "'"});
    }
    file_.refuse(
        key,
        concat({known.empty() ? std::string("none: llama.cpp does not have the base") : known,
                ", the base's"}),
        true);
  }

  void read_map(const LoraTensors& map, double alpha) {
    const bool down = file_.tensors().contains(map.down.name);
    if (!down && !file_.tensors().contains(map.up.name)) return;
    require_own_table(*map.parameter, base_, map.down.name,
                      [&](const std::string& what) { file_.fail(what); });
    // A tensor that is missing is named when it is read.
    const std::vector<Index>& shape = file_.tensor(down ? map.down.name : map.up.name).shape;
    const std::size_t axis = LoraTensors::axis_of_rank(down ? map.down : map.up);
    const Index rank = shape.size() == 2 ? shape[1 - axis] : 1;
    if (rank > most_lora_rank) {
      file_.fail(concat({"tensor ", printable(map.down.name), ": its rank is ", rank,
                         ", expected at most ", most_lora_rank}));
    }
    std::vector<float> a = read_tensor(map, map.down, rank), b = read_tensor(map, map.up, rank);
    if (!map.down.is_a) std::swap(a, b);
    // With 0 llama.cpp does not divide by the rank.
    adapter_.add<float>(map.parameter->name, map.first, map.columns,
                        alpha == 0 ? static_cast<double>(rank) : alpha, a, b);
  }

  std::vector<float> read_tensor(const LoraTensors& map, const LoraTensor& one, Index rank) {
    const GgufTensor& tensor = file_.tensor(one.name);
    const auto [rows, row] = map.sizes_of(one, rank);
    const std::vector<Index> sizes{row, rows};
    if (tensor.shape != sizes) {
      file_.fail(concat({"tensor ", printable(one.name), ": its shape is ", readable(tensor.shape),
                         ", expected ", readable(sizes)}));
    }
    std::vector<std::byte> bytes(tensor.bytes);
    file_.read(tensor, 0, bytes);
    std::vector<float> numbers(static_cast<std::size_t>(rows * row));
    decode(tensor.type, bytes.data(), numbers);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (std::isfinite(numbers[i])) continue;
      file_.fail(concat({"tensor ", printable(one.name), ": number ", i, " is not finite"}));
    }
    known_.insert(one.name);
    return factor_of(map, one, rank, numbers);
  }

  GgufReader file_;
  const ModelConfig& base_;
  LoraAdapter adapter_;
  std::set<std::string> known_;
};

/// The alpha with which llama.cpp, which divides by the rank, has the scale of a map.
inline double plain_alpha(const LoraAdapter& adapter, const LoraMap& map) {
  const double root = std::sqrt(static_cast<double>(map.rank));
  return adapter.rank_stabilized() ? map.alpha * root : map.alpha;
}

}  // namespace detail

/// Reads an adapter from a GGUF file, for a base of this configuration. FormatError if the file is
/// invalid or does not fit the base.
inline LoraAdapter read_gguf_adapter(const ByteSource& source, const ModelConfig& base) {
  return detail::GgufAdapterFile(source, base).read();
}

/// Saves an adapter as a GGUF file for llama.cpp. `type`: F32, F16 or BF16. The file has one alpha,
/// divided by the rank: that of the first map, with the square root of its rank if the adapter is
/// rank-stabilized. Where another map has another, the quotient is moved into its B, with rounding.
/// Error of code bad_data if llama.cpp cannot express the adapter or `type` a number.
inline void save_gguf_adapter(const std::string& path, const LoraAdapter& adapter,
                              StoredType type = StoredType::f32,
                              FileSystem& files = real_file_system()) {
  using namespace detail;
  require(block_of(type) == 1, "save_gguf_adapter: expected F32, F16 or BF16");
  require(!adapter.maps().empty(), "save_gguf_adapter: the adapter has no maps");
  const std::string what = concat({"cannot write ", printable(path)});
  const GgufFamily& family = gguf_family_of(adapter.base(), what);
  float alpha = 0;
  std::list<std::vector<float>> numbers;
  std::vector<GgufTensorToWrite> tensors;
  for_each_gguf_map(adapter, family, [&](const LoraTensors& map) {
    auto part = lora_of(adapter, *map.parameter, map.first, map.columns);
    if (!part) return;
    require_own_table(*map.parameter, adapter.base(), map.down.name, [&](const std::string& why) {
      throw Error(ErrorCode::bad_data, concat({what, ": ", why}));
    });
    const double own = plain_alpha(adapter, *part);
    if (tensors.empty()) alpha = static_cast<float>(own);
    if (static_cast<float>(own) != alpha) {
      const double ratio = own / static_cast<double>(alpha);
      for (float& b : part->b) b = static_cast<float>(ratio * static_cast<double>(b));
    }
    for (const LoraTensor* const one : {&map.down, &map.up}) {
      const auto [rows, row] = map.sizes_of(*one, part->rank);
      numbers.push_back(numbers_of(map, *one, *part));
      const std::span<const float> values = numbers.back();
      tensors.push_back({one->name,
                         type,
                         {row, rows},
                         stored_bytes(type, values.size()),
                         [values, type, name = one->name](const ByteSink& sink) {
                           for_each_encoded_piece<float>(type, values, name, 0, sink);
                         }});
    }
  });
  GgufEntries entries;
  entries.text("general.architecture", family.architecture);
  entries.text("general.type", "adapter");
  entries.whole("general.file_type", gguf_numbers_of(type).of_file);
  entries.text("adapter.type", "lora");
  entries.real("adapter.lora.alpha", alpha);
  write_gguf(path, entries, tensors, files);
}

/// Reads an adapter of any supported format, for a base of this configuration: a folder of PEFT's
/// or a GGUF file. Error of code no_input if there is nothing to open; FormatError if the content
/// is invalid or does not fit the base.
inline LoraAdapter read_lora_adapter(const std::string& path, const ModelConfig& base,
                                     FileSystem& files = real_file_system()) {
  std::error_code unknown;  // opening it will report the error
  if (std::filesystem::is_directory(path, unknown)) return read_peft_adapter(path, base, files);
  return read_gguf_adapter(FileSource(path, files), base);
}

}  // namespace OCTAVO_NAMESPACE
