// SPDX-License-Identifier: MIT
// Bytes as a folder of Hugging Face's: a config.json, an index or none, and a file of tensors. It
// is refused, or it is a model that comes back when it is saved and loaded again.
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/transformer/families.hpp>

#include "fuzz/fuzz.hpp"
#include "fuzz/memory_files.hpp"

using namespace octavo;
using fuzz::Choices;
using fuzz::demand;
using fuzz::MemoryFiles;

namespace {

/// The three files one after another, behind the lengths of the first two.
struct Parts {
  std::string config, index, tensors;

  static Parts of(std::string_view bytes) {
    std::array<std::uint16_t, 2> lengths{};
    bytes.copy(reinterpret_cast<char*>(lengths.data()), sizeof(lengths));
    const auto cut = [&](std::size_t length) {
      const std::string part(bytes.substr(0, length));
      bytes.remove_prefix(part.size());
      return part;
    };
    cut(sizeof(lengths));
    Parts parts;
    parts.config = cut(lengths[0]);
    parts.index = cut(lengths[1]);
    parts.tensors = bytes;
    return parts;
  }

  std::string bytes() const {
    const std::array lengths{static_cast<std::uint16_t>(config.size()),
                             static_cast<std::uint16_t>(index.size())};
    std::string all(sizeof(lengths), '\0');
    std::memcpy(all.data(), lengths.data(), sizeof(lengths));
    return all + config + index + tensors;
  }

  void put(MemoryFiles& files) const {
    files.files["d/config.json"] = config;
    if (index.empty()) {
      files.files["d/model.safetensors"] = tensors;
    } else {
      files.files["d/model.safetensors.index.json"] = index;
      files.files["d/a.safetensors"] = tensors;
    }
  }
};

constexpr ModelConfig gpt2{.vocabulary = 3,
                           .context = 2,
                           .layers = 1,
                           .width = 2,
                           .attention = {.heads = 1},
                           .feed_forward = {.d_ff = 1, .activation = Activation::gelu_tanh},
                           .head = {.tied = true}};

/// A small model of another family, with what its class has fields for.
ModelConfig of_family(Family family) {
  ModelConfig config = with_family({.vocabulary = 3,
                                    .context = 4,
                                    .layers = 1,
                                    .width = 2,
                                    .attention = {.heads = 2, .kv_heads = 1, .head_width = 2},
                                    .feed_forward = {.d_ff = 1}},
                                   family);
  config.positions.scaling = family == Family::qwen2 ? RotaryScaling::yarn : RotaryScaling::llama3;
  config.positions.factor = 2;
  config.positions.original_context = 2;
  return config;
}

Parts good_parts(const ModelConfig& config, StoredType type, bool indexed) {
  std::vector<float> weights(static_cast<std::size_t>(parameter_count(config)));
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i) - 20;
  MemoryFiles files;
  save_pretrained<float>("d", standard_model(config), {config, 1, 0, 2}, weights, type, files);
  Parts parts{files.files.at("d/config.json"), "", files.files.at("d/model.safetensors")};
  for (const std::string_view sum : {detail::header_checksum_key, detail::tensor_sums_key}) {
    parts.tensors[parts.tensors.find(sum)] = '_';  // none, as in most such files
  }
  if (indexed) {
    nlohmann::json index;
    const MemorySource source("x", std::as_bytes(std::span(parts.tensors)));
    const SafetensorsReader reader(source);
    for (const auto& [name, tensor] : reader.tensors()) {
      index["weight_map"][name] = "a.safetensors";
    }
    parts.index = index.dump();
  }
  return parts;
}

const std::vector<Parts>& good_folders() {
  static const std::vector<Parts> folders{
      good_parts(gpt2, StoredType::f32, false),
      good_parts(gpt2, StoredType::bf16, true),
      good_parts(gpt2, StoredType::f16, false),
      good_parts(of_family(Family::llama3), StoredType::f32, false),
      good_parts(of_family(Family::qwen2), StoredType::f16, true),
      good_parts(of_family(Family::mistral), StoredType::bf16, false),
      good_parts(of_family(Family::gemma2), StoredType::bf16, true),
      good_parts(of_family(Family::gemma3), StoredType::f32, false)};
  return folders;
}

constexpr std::array words{"0",
                           "1",
                           "2",
                           "3",
                           "-1",
                           "1e2",
                           "0.5",
                           "4294967296",
                           "9223372036854775807",
                           "1e999",
                           "null",
                           "true",
                           "false",
                           "[]",
                           "{}",
                           "\"\"",
                           "\"gpt2\"",
                           "\"gelu_new\"",
                           "\"relu\"",
                           "\"llama\"",
                           "\"qwen3\"",
                           "\"gemma3_text\"",
                           "\"dynamic\"",
                           "\"yarn\"",
                           "\"sliding_attention\"",
                           "[\"full_attention\"]",
                           "{\"rope_type\":\"linear\",\"factor\":2}",
                           "\"layer_types\"",
                           "\"rope_scaling\"",
                           "\"tie_word_embeddings\"",
                           "\"head_dim\"",
                           "\"a.safetensors\"",
                           "\"../a.safetensors\"",
                           "\"n_inner\"",
                           "\"lm_head.weight\"",
                           "\"F16\"",
                           "\"BF16\"",
                           "\"F64\""};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  MemoryFiles files;
  Parts::of(fuzz::text_of(bytes, size)).put(files);
  try {
    const auto model = load_pretrained<float>("d", files);
    HuggingFaceFolder("d", files).verify();
    MemoryFiles saved;
    save_pretrained<float>("d", standard_model(model.config.model), model.config, model.weights,
                           StoredType::f32, saved);
    const auto again = fuzz::unless_refused([&] { return load_pretrained<float>("d", saved); });
    demand(again.has_value(), "a folder of ours is refused");
    demand(again->config.model == model.config.model &&
               again->config.trained_length == model.config.trained_length &&
               again->config.begin_token == model.config.begin_token &&
               again->config.end_token == model.config.end_token && again->ignored.empty(),
           "a model comes back as another one");
    demand(std::memcmp(again->weights.data(), model.weights.data(),
                       model.weights.size() * sizeof(float)) == 0,
           "weights come back as others");
  } catch (const FormatError&) {
  } catch (const IoError& error) {
    demand(error.code() == ErrorCode::no_input, "reading failed");  // a file that the index names
  }
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t most,
                                    unsigned seed) {
  Choices choices(seed);
  if (size < 16 || choices.one_in(64)) {
    return fuzz::give(choices.one_of(good_folders()).bytes(), bytes, size, most);
  }
  if (choices.one_in(4)) return LLVMFuzzerMutate(bytes, size, most);
  Parts parts = Parts::of(fuzz::text_of(bytes, size));
  for (std::size_t changes = 1 + choices.below(3); changes > 0; --changes) {
    std::string& part = choices.one_in(2)   ? parts.config
                        : choices.one_in(3) ? parts.index
                                            : parts.tensors;
    fuzz::change_json(part, words, choices);
  }
  return fuzz::give(parts.bytes(), bytes, size, most);
}
