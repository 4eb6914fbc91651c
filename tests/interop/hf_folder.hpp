// SPDX-License-Identifier: MIT
// Folders of small models of every family, and the logits of a folder's model beside PyTorch's.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/transformer/families.hpp>

#include "interop/gpt2_folder.hpp"

namespace octavo_test {

/// Small sizes in which no two are equal but those that must be.
constexpr octavo::ModelConfig of_family(octavo::Family family) {
  return octavo::with_family({.vocabulary = 11,
                              .context = 5,
                              .layers = 2,
                              .width = 12,
                              .attention = {.heads = 4, .kv_heads = 2, .head_width = 6},
                              .feed_forward = {.d_ff = 20}},
                             family);
}

/// A folder with a model of a family.
inline TestFolder saved(const octavo::ModelConfig& config,
                        octavo::StoredType type = octavo::StoredType::f32) {
  TestFolder folder;
  HastyFileSystem hasty;
  octavo::save_pretrained<float>(folder.path(), octavo::standard_model(config), {config, 3, 1, 2},
                                 gpt2_weights<float>(config), type, hasty);
  folder.take();
  return folder;
}

/// The tensors of a file in memory, of the types that Octavo writes, to be written again.
inline std::vector<octavo::TensorToWrite> tensors_of(const std::string& bytes) {
  const octavo::MemorySource source("x", std::as_bytes(std::span(bytes)));
  const octavo::SafetensorsReader reader(source);
  std::vector<octavo::TensorToWrite> tensors;
  for (const auto& [name, tensor] : reader.tensors()) {
    const std::string_view dtype = tensor.dtype == "F32"   ? "F32"
                                   : tensor.dtype == "F16" ? "F16"
                                                           : "BF16";
    tensors.push_back({name, dtype, tensor.shape,
                       std::as_bytes(std::span(bytes)).subspan(tensor.offset, tensor.bytes)});
  }
  return tensors;
}

/// Adds a tensor to the one file of a folder on the disk.
inline void add_tensor(const TestFolder& folder, const std::string& name,
                       std::vector<octavo::Index> shape, const std::vector<float>& numbers) {
  auto tensors = tensors_of(folder.files.at("model.safetensors"));
  tensors.push_back(octavo::tensor_to_write<float>(name, std::move(shape), std::span(numbers)));
  HastyFileSystem hasty;
  octavo::write_safetensors(folder.path() + "/model.safetensors", tensors, {}, hasty);
}

template <typename U>
std::vector<U> numbers_of(const octavo::SafetensorsReader& file, const std::string& name) {
  const octavo::TensorInFile& tensor = file.tensor(name);
  std::vector<U> result(tensor.bytes / sizeof(U));
  file.read(tensor, 0, std::as_writable_bytes(std::span(result)));
  return result;
}

/// [tokens, vocabulary]
template <octavo::Scalar T>
std::vector<T> logits_of(const octavo::PretrainedModel<T>& model,
                         std::span<const octavo::Token> tokens) {
  using namespace octavo;
  const auto length = static_cast<Index>(tokens.size());
  const Index vocabulary = model.config.model.vocabulary;
  MemoryPlan plan;
  const Transformer<T> transformer(model.config.model, plan, {1, length, 1, false});
  plan.place();
  const Arena arena(plan);
  const Worker worker;
  std::vector<T> result(static_cast<std::size_t>(length * vocabulary));
  transformer.logits({.run = {worker, arena, transformer.pack_buffer(arena)},
                      .rows = {1, length},
                      .weights = model.weights.data()},
                     tokens, MatrixView<T>(result.data(), length, vocabulary));
  return result;
}

/// The largest difference from what PyTorch computed, which is in the folder's expected.safetensors
/// as numbers of type Expected.
template <octavo::Scalar T, typename Expected>
double logits_difference(const std::string& path) {
  const octavo::PretrainedModel<T> model = octavo::load_pretrained<T>(path);
  const octavo::FileSource source(path + "/expected.safetensors");
  const octavo::SafetensorsReader file(source);
  const auto expected = numbers_of<Expected>(file, "logits");
  const auto got = logits_of<T>(model, numbers_of<octavo::Token>(file, "tokens"));
  REQUIRE(got.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    worst =
        std::max(worst, std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])));
  }
  return worst;
}

}  // namespace octavo_test
