// SPDX-License-Identifier: MIT
#include "convert/inspect.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/formats/tensor_files.hpp>
#include <octavo/generation/chat_template.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/octavo.hpp>

#include "support/program.hpp"

namespace convert {
namespace {

using octavo::FormattedNumber;
using octavo::Index;

/// Tensors of one type.
struct Group {
  Index tensors = 0;
  std::size_t numbers = 0;
  std::size_t bytes = 0;
};
using Groups = std::map<std::string, Group>;

void add(Groups& groups, const std::string& type, const std::vector<Index>& shape,
         std::size_t bytes) {
  std::size_t numbers = 1;
  for (const Index size : shape) numbers *= static_cast<std::size_t>(size);
  Group& group = groups[type];
  ++group.tensors;
  group.numbers += numbers;
  group.bytes += bytes;
}

void add_all(Groups& groups, const octavo::SafetensorsReader& file) {
  for (const auto& [name, tensor] : file.tensors()) {
    add(groups, tensor.dtype, tensor.shape, tensor.bytes);
  }
}

Groups groups_of(const std::string& path) {
  Groups groups;
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown) &&
      std::filesystem::exists(path + "/config.json", unknown)) {
    const octavo::TensorFiles files(path);
    for (const auto& [name, file] : files.holders()) {
      const octavo::TensorInFile& tensor = file->tensor(name);
      add(groups, tensor.dtype, tensor.shape, tensor.bytes);
    }
    return groups;
  }
  const std::string file =
      std::filesystem::is_directory(path, unknown)
          ? octavo::newest_valid_checkpoint(path, support::warn_of_skipped).path
          : path;
  const octavo::FileSource source(file);
  if (!begins_with_gguf(file)) {
    add_all(groups, octavo::SafetensorsReader(source));
    return groups;
  }
  const octavo::GgufReader gguf(source);
  for (const auto& [name, tensor] : gguf.tensors()) {
    add(groups, std::string(name_of(tensor.type)), tensor.shape, tensor.bytes);
  }
  return groups;
}

std::string text_of(std::size_t number) {
  return std::string(std::string_view(FormattedNumber::grouped(number)));
}

/// "kind, 259 tokens, of which 3 are special".
std::string tokenizer_text(const octavo::ModelSource& source) {
  if (!source.tokenizer()) return "none that Octavo reads";
  const octavo::AnyTokenizer& tokenizer = *source.tokenizer();
  Index special = 0;
  for (octavo::Token token = 0; token < tokenizer.vocabulary_size(); ++token) {
    special += tokenizer.is_special(token) ? 1 : 0;
  }
  return octavo::counted(tokenizer.vocabulary_size(), "token") + ", " + std::to_string(special) +
         " of them special";
}

std::string chat_text(const octavo::ModelSource& source) {
  if (source.chat_template().empty()) return "none";
  try {
    (void)octavo::ChatTemplate(source.chat_template(), "", "");
    return "known";
  } catch (const octavo::Error&) {
    return "not one that Octavo knows";
  }
}

void print_memory(const octavo::ModelSource& source) {
  const octavo::ModelConfig& config = source.config();
  const auto weights = static_cast<std::size_t>(octavo::parameter_count(config)) * sizeof(float);
  const Index length = source.trained_length();
  const Index sequence = std::min<Index>(length, 512);
  const auto training = [&](octavo::TrainingOptions options) {
    options.batch = 1;
    options.sequence = sequence;
    return octavo::training_bytes<float>(config, options);
  };
  octavo::TrainingOptions leanest;
  leanest.recompute = leanest.recompute_logits = true;
  leanest.fused_update = true;
  leanest.optimizer = octavo::AdamW8bit{};
  std::printf("generation, %td positions: %s bytes (weights as float %s, the rest %s)\n", length,
              text_of(weights + octavo::generation_bytes<float>(config, length)).c_str(),
              text_of(weights).c_str(),
              text_of(octavo::generation_bytes<float>(config, length)).c_str());
  std::printf(
      "training, 1 x %td: %s bytes with adamw; %s with --recompute --recompute-logits "
      "--fused-update --optimizer adamw-8bit\n",
      sequence, text_of(training({})).c_str(), text_of(training(leanest)).c_str());
}

}  // namespace

bool begins_with_gguf(const std::string& path) {
  const octavo::FileSource source(path);
  std::string start(std::min<std::size_t>(source.size(), 4), '\0');
  source.read(0, std::as_writable_bytes(std::span(start)));
  return start == "GGUF";
}

void inspect(const std::string& path, const std::string& base) {
  const octavo::ModelSource source(path, support::warn_of_skipped, {}, octavo::real_file_system(),
                                   base);
  support::print_notes(source.notes());
  const octavo::ModelConfig& config = source.config();
  std::printf("%s: %s\n", octavo::printable(path).c_str(), describe(config).c_str());
  std::printf("parameters: %s\n",
              text_of(static_cast<std::size_t>(octavo::parameter_count(config))).c_str());
  std::printf("trained length: %td\n", source.trained_length());
  std::printf("tokenizer: %s\n", tokenizer_text(source).c_str());
  std::printf("chat template: %s\n", chat_text(source).c_str());
  for (const auto& [type, group] : groups_of(path)) {
    std::printf("%s: %s, %s numbers, %s bytes\n", type.c_str(),
                octavo::counted(group.tensors, "tensor").c_str(), text_of(group.numbers).c_str(),
                text_of(group.bytes).c_str());
  }
  print_memory(source);
}

}  // namespace convert
