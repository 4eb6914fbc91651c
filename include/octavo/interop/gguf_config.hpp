// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>
#include <octavo/interop/gguf_families.hpp>
#include <octavo/interop/gguf_positions.hpp>
#include <octavo/interop/gpt2_config.hpp>
#include <octavo/interop/hf_families.hpp>
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/transformer/model_description.hpp>

// A model's configuration in the entries of a GGUF file.
namespace OCTAVO_NAMESPACE::detail {

/// Reads the entries of a file's architecture. Biases and an untied head are there if their tensors
/// are.
class GgufConfigFile {
 public:
  /// The arguments must outlive this object.
  GgufConfigFile(const GgufReader& file, const GgufFamily& family) : file_(file), family_(family) {}

  /// FormatError if an entry is missing, out of its range, or asks for a computation that Octavo
  /// does not have.
  PretrainedConfig read(Index vocabulary) const {
    PretrainedConfig config;
    ModelConfig& model = config.model;
    model.vocabulary = vocabulary;
    refuse_others();
    read_sizes(model);
    model = with_family(model, family_.family);
    const char* const norm = model.norm.kind == NormKind::rms ? "attention.layer_norm_rms_epsilon"
                                                              : "attention.layer_norm_epsilon";
    model.norm.epsilon = positive(norm);
    if (model.positions.kind == PositionKind::rotary) {
      GgufPositionsFile(file_, prefix()).read(model);
      read_attention(model);
      read_presence(model);
      model = canonical(model);
      if (family_.paired_rows && model.positions.rotary_width != 0) {
        file_.refuse(key("rope.dimension_count"),
                     concat({"the width of a head, ", model.head_width()}));
      }
    }
    config.trained_length =
        file_.optional_whole("octavo.trained_length", 1, model.context).value_or(model.context);
    return config;
  }

 private:
  std::string key(std::string_view name) const { return concat({prefix(), name}); }
  std::string prefix() const { return concat({family_.architecture, "."}); }

  double positive(std::string_view name) const {
    const auto value = file_.optional_real(key(name));
    if (!value || !(*value > 0)) file_.refuse(key(name), "a number > 0");
    return *value;
  }

  /// FormatError for an entry with which llama.cpp computes something else.
  void refuse_others() const {
    file_.optional_whole(key("expert_count"), 0, 0);
    if (file_.has(key("attention.causal")) && !file_.truth(key("attention.causal"))) {
      file_.refuse(key("attention.causal"), "true");
    }
  }

  void read_sizes(ModelConfig& model) const {
    model.context = file_.whole(key("context_length"), 1, most_in_config);
    model.width = file_.whole(key("embedding_length"), 1, most_in_config);
    const Index of_block = family_.family == Family::gpt2 ? 12 : 9;  // tensors, at least
    model.layers = file_.whole(key("block_count"), 1,
                               std::max<Index>(1, std::ssize(file_.tensors()) / of_block));
    model.feed_forward.d_ff =
        file_.uniform_whole(key("feed_forward_length"), 1, most_in_config, model.layers);
    AttentionConfig& attention = model.attention;
    const Index layers = model.layers;
    attention.heads = file_.uniform_whole(key("attention.head_count"), 1, most_in_config, layers);
    if (file_.has(key("attention.head_count_kv"))) {
      attention.kv_heads =
          file_.uniform_whole(key("attention.head_count_kv"), 1, attention.heads, layers);
    }
    if (attention.heads % model.kv_heads() != 0) {
      file_.refuse(key("attention.head_count_kv"),
                   concat({"a divisor of the heads, ", attention.heads}));
    }
    if (const auto width = file_.optional_whole(key("attention.key_length"), 1, 65536)) {
      attention.head_width = *width;
      file_.optional_whole(key("attention.value_length"), *width, *width);
    } else if (model.width % attention.heads != 0) {
      file_.refuse(key("attention.head_count"),
                   concat({"a divisor of the embedding length, ", model.width}));
    }
    if (family_.family == Family::gpt2) {
      file_.optional_whole(key("attention.head_count_kv"), attention.heads, attention.heads);
      attention.kv_heads = 0;
    }
  }

  void read_attention(ModelConfig& model) const {
    AttentionConfig& attention = model.attention;
    const bool has_window = attention.window_pattern > 0;
    // llama.cpp takes 0 for "no layer has a window" in gemma3 and ends at it in gemma2.
    const Index least = family_.family == Family::gemma2 ? 1 : 0;
    if (const auto window =
            file_.optional_whole(key("attention.sliding_window"), least, most_in_config)) {
      if (has_window) attention.window = *window;
      // llama.cpp ignores windows of the other architectures.
    } else if (family_.family == Family::gemma2) {
      attention.window = 4096;
    } else if (family_.family == Family::gemma3) {
      attention.window = 0;
    }
    if (model.arrangement != Arrangement::pre_post_norm) return;
    const auto cap = [&](const char* name, double usual) {
      return file_.optional_real(key(name)).value_or(usual);
    };
    const bool second = family_.family == Family::gemma2;
    attention.cap = second ? cap("attn_logit_softcapping", 50) : 0;
    model.head.cap = second ? cap("final_logit_softcapping", 30) : 0;
    // llama.cpp scales by the width of a head, but in the models of 27B by width / heads.
    const Index of_27b = second ? 46 : 62;
    if (model.layers == of_27b) {
      attention.scale = 1 / std::sqrt(static_cast<double>(model.width / attention.heads));
    }
  }

  void read_presence(ModelConfig& model) const {
    const auto has = [&](const char* name) { return file_.tensors().contains(name); };
    if (family_.may_have_biases) {
      model.attention.bias = has("blk.0.attn_q.bias");
      model.attention.output_bias = has("blk.0.attn_output.bias");
      model.feed_forward.bias = has("blk.0.ffn_down.bias");
    }
    if (family_.may_be_untied) model.head.tied = !has("output.weight");
  }

  const GgufReader& file_;
  const GgufFamily& family_;
};

/// What a file of this architecture, not GPT-2's, says of a model: its configuration with the kinds
/// of layers that the architecture has.
inline ModelConfig gguf_meaning(const ModelConfig& model, const GgufFamily& family) {
  ModelConfig meaning = with_family(model, family.family);
  meaning.norm.epsilon = model.norm.epsilon;
  if (family.may_be_untied) meaning.head.tied = model.head.tied;
  if (family.may_have_biases) {
    meaning.attention.bias = model.attention.bias;
    meaning.attention.output_bias = model.attention.output_bias;
    meaning.feed_forward.bias = model.feed_forward.bias;
  }
  const bool windows = meaning.attention.window_pattern > 0;
  meaning.attention.window = windows ? model.attention.window : 0;
  if (family.family == Family::gemma2) {
    meaning.attention.cap = model.attention.cap;
    meaning.head.cap = model.head.cap;
  }
  meaning.positions = gguf_positions(model.positions, meaning.positions, family);
  return canonical(meaning);
}

/// A model in the form in which gguf_meaning() gives it: windows that hold every key of the context
/// change nothing.
inline ModelConfig comparable(ModelConfig model) {
  if (model.attention.window >= model.context) model.attention.window = 0;
  return canonical(model);
}

/// Whether files of this architecture can have the model.
inline bool can_have(const GgufFamily& family, const ModelConfig& model) {
  const bool learned = model.positions.kind == PositionKind::learned;
  if (learned || family.family == Family::gpt2) return learned && family.family == Family::gpt2;
  const ModelConfig plain = comparable(model);
  return gguf_meaning(plain, family) == plain;
}

/// The architecture of a file with this model. Error of code bad_data, with the reasons, if there
/// is none. `what`: the operation, for the message.
inline const GgufFamily& gguf_family_of(const ModelConfig& given, const std::string& what) {
  require_merged(given, what);
  if (given.positions.kind == PositionKind::learned) {
    require_gpt2(given, what, Gpt2Activations::gelu_tanh);
    return gguf_families[0];
  }
  const ModelConfig model = comparable(given);
  const GgufFamily* nearest = nullptr;
  std::string ours, theirs;
  for (const GgufFamily& family : std::span(gguf_families).subspan(1)) {
    const ModelConfig meaning = gguf_meaning(model, family);
    if (meaning == model) return family;
    auto [got, expected] = describe_differences(model, meaning);
    if (nearest != nullptr && got.size() >= ours.size()) continue;
    nearest = &family;
    ours = std::move(got);
    theirs = std::move(expected);
  }
  throw Error(ErrorCode::bad_data,
              concat({what, ": no architecture of llama.cpp that Octavo writes has ", ours,
                      "; the nearest, ", nearest->architecture, ", has ", theirs}),
              "train a model of one family");
}

/// Adds the entries of a model's configuration.
inline void add_gguf_config(const ModelConfig& model, const GgufFamily& family,
                            GgufEntries& entries) {
  const auto key = [&](std::string_view name) { return concat({family.architecture, ".", name}); };
  const auto whole = [&](std::string_view name, Index value) {
    entries.whole(key(name), static_cast<std::uint32_t>(value));
  };
  whole("context_length", model.context);
  whole("embedding_length", model.width);
  whole("block_count", model.layers);
  whole("feed_forward_length", model.feed_forward.d_ff);
  whole("attention.head_count", model.attention.heads);
  const auto epsilon = static_cast<float>(model.norm.epsilon);
  if (family.family == Family::gpt2) {
    entries.real(key("attention.layer_norm_epsilon"), epsilon);
    return;
  }
  entries.real(key("attention.layer_norm_rms_epsilon"), epsilon);
  whole("attention.head_count_kv", model.kv_heads());
  whole("attention.key_length", model.head_width());
  whole("attention.value_length", model.head_width());
  whole("vocab_size", model.vocabulary);
  add_gguf_positions(model, family, entries);
  if (model.arrangement != Arrangement::pre_post_norm) return;
  if (family.family == Family::gemma2 || model.attention.window > 0) {
    whole("attention.sliding_window",
          model.attention.window == 0 ? model.context : model.attention.window);
  }
  if (family.family != Family::gemma2) return;
  entries.real(key("attn_logit_softcapping"), static_cast<float>(model.attention.cap));
  entries.real(key("final_logit_softcapping"), static_cast<float>(model.head.cap));
}

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

/// The architecture of a GGUF file with this model: "llama". Error of code bad_data, with the
/// reasons, if there is none. `what`: the operation, for the message.
inline std::string_view gguf_architecture(const ModelConfig& model, const std::string& what) {
  return detail::gguf_family_of(model, what).architecture;
}

}  // namespace OCTAVO_NAMESPACE
