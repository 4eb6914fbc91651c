// SPDX-License-Identifier: MIT
// The loss of ten rows with a mask is that of TRL's conventions, as PyTorch computes it.
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/model_metadata.hpp>
#include <octavo/data/packed_data.hpp>
#include <octavo/data/packed_rows.hpp>
#include <octavo/training/trainer.hpp>

#include "transformer/pytorch_reference.hpp"

using namespace octavo;
using octavo_test::values;

namespace {

const std::string folder = OCTAVO_TEST_REFERENCE_FOLDER;

}  // namespace

TEST_CASE("ten rows with masks have the losses of PyTorch, packed or alone") {
  const FileSource model_source(folder + "/family/llama_gqa.safetensors");
  const SafetensorsReader model(model_source);
  const ModelConfig config = detail::read_config(MetadataReader(model));
  const FileSource source(folder + "/rows/ten_rows.safetensors");
  const SafetensorsReader file(source);
  const auto tokens = values<Token>(file, "tokens"), labels = values<Token>(file, "labels");
  const auto row_losses = values<double>(file, "row_losses");
  const std::size_t length = tokens.size() / row_losses.size();
  constexpr Index sequence = 12;
  ThreadPool threads(2);
  Trainer<double> trainer(config, {.sequence = sequence, .packed = true}, threads);
  for (const Parameter& parameter : trainer.parameters()) {
    const auto weights = values<double>(model, std::string(parameter.name));
    std::copy(weights.begin(), weights.end(), trainer.weights().begin() + parameter.offset);
  }
  PackedRows packed(sequence);
  PackedData all(config.vocabulary, sequence);
  Index documents = 0;
  for (std::size_t i = 0; i < row_losses.size(); ++i) {
    std::vector<Token> row;
    std::vector<bool> counts;
    std::size_t last = 0;
    for (std::size_t j = 0; j < length; ++j) {
      if (labels[i * length + j] != -100) last = j;
    }
    for (std::size_t j = 0; j <= last; ++j) {
      row.push_back(tokens[i * length + j]);
      counts.push_back(labels[i * length + j] != -100);
    }
    const LabelledTokens document = labelled(row, counts);
    if (document.counted() == 0) continue;
    ++documents;
    packed.add(document);
    PackedRows alone(sequence);
    alone.add(document);
    PackedData one(config.vocabulary, sequence);
    one.add(*alone.next(true));
    CHECK(std::abs(trainer.evaluate(one) - row_losses[i]) < 1e-12);
  }
  while (const auto row = packed.next(true)) all.add(*row);
  CHECK(documents == 10);
  CHECK(all.rows() < documents);
  CHECK(all.counted() == 33);
  CHECK(std::abs(trainer.evaluate(all) - values<double>(file, "loss")[0]) < 1e-12);
}
