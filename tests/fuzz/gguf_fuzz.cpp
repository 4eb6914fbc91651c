// SPDX-License-Identifier: MIT
// Bytes as a GGUF file: they are refused with a FormatError, or they are a GPT-2, and what was
// loaded comes back when it is saved and loaded again.
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/interop/gguf_model.hpp>
#include <octavo/transformer/families.hpp>

#include "fuzz/fuzz.hpp"
#include "fuzz/memory_files.hpp"

using namespace octavo;
using fuzz::Choices;
using fuzz::demand;

namespace {

constexpr ModelConfig small{.vocabulary = 3,
                            .context = 2,
                            .layers = 1,
                            .width = 2,
                            .attention = {.heads = 1},
                            .feed_forward = {.d_ff = 1, .activation = Activation::gelu_tanh},
                            .head = {.tied = true}};

std::string saved(const PretrainedConfig& config, const TokenTable& tokens,
                  std::span<const float> weights, StoredType type) {
  fuzz::MemoryFiles files;
  save_gguf<float>("x", standard_model(config.model), config, tokens, weights, type, files);
  return std::move(files.files.at("x"));
}

std::vector<float> weights_of(const GgufModel& model) {
  std::vector<float> weights(static_cast<std::size_t>(parameter_count(model.model_config())));
  model.read<float>(weights);
  return weights;
}

/// What `bytes` are; nothing if they are refused, which only a FormatError may do.
template <typename Body>
bool accepted(std::string_view bytes, Body body) {
  const MemorySource source("input", std::as_bytes(std::span(bytes)));
  try {
    const GgufModel model(source);
    model.verify();
    body(model);
    return true;
  } catch (const FormatError&) {
    return false;
  }
}

const std::vector<std::string>& good_files() {
  static const std::vector<std::string> files = [] {
    std::vector<float> weights(static_cast<std::size_t>(parameter_count(small)));
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i) - 20;
    const TokenTable characters = token_table_of(CharacterTokenizer("ab"));
    const TokenTable pairs{{"a", "b", "ab"}, {3, TokenKind::normal}, {"a b"}};
    std::vector<std::string> made;
    for (const StoredType type : {StoredType::f32, StoredType::f16, StoredType::bf16}) {
      made.push_back(saved({small, 1, 0, 0}, characters, weights, type));
      made.push_back(saved({small, 2, 1, 2}, pairs, weights, type));
    }
    for (const Family family : {Family::llama3, Family::gemma2, Family::qwen3}) {
      ModelConfig config = small;
      config.width = 4;
      config = with_family(config, family);
      if (family == Family::llama3) {
        config.positions.scaling = RotaryScaling::llama3;
        config.positions.factor = 2;
        config.positions.original_context = 2;
      }
      weights.assign(static_cast<std::size_t>(parameter_count(config)), 1.5f);
      made.push_back(saved({config, 2, 1, 2}, pairs, weights, StoredType::f32));
    }
    return made;
  }();
  return files;
}

constexpr std::array<std::uint64_t, 20> numbers{0,
                                                1,
                                                2,
                                                3,
                                                4,
                                                5,
                                                6,
                                                8,
                                                9,
                                                30,
                                                32,
                                                64,
                                                0x7fffffff,
                                                0x80000000,
                                                0xffffffff,
                                                std::uint64_t{1} << 61,
                                                std::uint64_t{1} << 62,
                                                std::uint64_t{1} << 63,
                                                (std::uint64_t{1} << 63) - 1,
                                                ~std::uint64_t{0}};
constexpr std::array keys{"general.alignment",
                          "general.architecture",
                          "gpt2.context_length",
                          "gpt2.embedding_length",
                          "gpt2.block_count",
                          "tokenizer.ggml.tokens",
                          "tokenizer.ggml.merges",
                          "token_embd.weight",
                          "output.weight",
                          "blk.0.ffn_up.weight",
                          "blk.0.ffn_up.bias",
                          "llama.rope.dimension_count",
                          "llama.attention.key_length",
                          "llama.attention.head_count",
                          "rope_freqs.weight",
                          "gemma2.attn_logit_softcapping",
                          "gemma2.attention.sliding_window",
                          "qwen3.rope.freq_base"};

/// One of the numbers of four or eight bytes, or one of the names, wherever they stand, becomes
/// another.
void change(std::string& bytes, Choices& choices) {
  if (bytes.size() < 64) return;
  const std::string key = choices.one_of(keys);
  std::size_t at = bytes.find(key);
  if (at == bytes.npos || choices.one_in(4)) at = choices.below(bytes.size() - 48);
  if (choices.one_in(8)) {
    const std::string other = choices.one_of(keys);
    if (other.size() <= key.size()) other.copy(&bytes[at], other.size());
    return;
  }
  at += key.size() + 4 * choices.below(6);
  const std::uint64_t number = choices.one_of(numbers);
  const std::size_t size = choices.one_in(2) ? 8 : 4;
  if (at + size <= bytes.size()) std::memcpy(&bytes[at], &number, size);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  accepted(fuzz::text_of(bytes, size), [](const GgufModel& model) {
    if (!model.tokens()) return;
    PretrainedConfig config = model.config();
    config.begin_token = config.begin_token.value_or(0);
    config.end_token = config.end_token.value_or(0);
    const std::vector<float> weights = weights_of(model);
    const std::string file = saved(config, *model.tokens(), weights, StoredType::f32);
    const bool again = accepted(file, [&](const GgufModel& other) {
      demand(other.model_config() == config.model && other.tokens() == model.tokens() &&
                 other.config().trained_length == config.trained_length &&
                 other.config().begin_token == config.begin_token &&
                 other.config().end_token == config.end_token,
             "a model comes back as another one");
      demand(std::memcmp(weights_of(other).data(), weights.data(),
                         weights.size() * sizeof(float)) == 0,
             "weights come back as others");
    });
    demand(again, "a file of ours is refused");
  });
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t most,
                                    unsigned seed) {
  Choices choices(seed);
  if (size < 64 || choices.one_in(64)) {
    return fuzz::give(choices.one_of(good_files()), bytes, size, most);
  }
  if (choices.one_in(2)) return LLVMFuzzerMutate(bytes, size, most);
  std::string text(fuzz::text_of(bytes, size));
  for (std::size_t changes = 1 + choices.below(3); changes > 0; --changes) change(text, choices);
  return fuzz::give(text, bytes, size, most);
}
