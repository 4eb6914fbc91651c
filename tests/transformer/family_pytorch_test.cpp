// SPDX-License-Identifier: MIT
// Families against the numbers that PyTorch computed: tests/reference/family.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/field_metadata.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/training/training_step.hpp>

using namespace octavo;

namespace {

constexpr Index batch = 2;

template <typename U>
std::vector<U> values(const SafetensorsReader& file, const std::string& name) {
  const TensorInFile& tensor = file.tensor(name);
  std::vector<U> result(tensor.bytes / sizeof(U));
  file.read(tensor, 0, std::as_writable_bytes(std::span(result)));
  return result;
}

ModelConfig config_of(const SafetensorsReader& file) {
  ModelConfig config;
  for_each_field(config, detail::FieldReader{MetadataReader(file)});
  return config;
}

/// A reference file, and a training step that has taken its weights and batch.
template <Scalar T>
struct Reference {
  explicit Reference(const std::string& name, const TrainingOptions& options = {.batch = batch})
      : source(std::string(OCTAVO_TEST_REFERENCE_FOLDER) + "/family/" + name + ".safetensors"),
        file(source),
        inputs(values<Token>(file, "inputs")),
        threads(2),
        step(Transformer<T>{config_of(file)}, with_sequence(options), threads) {
    for (const Parameter& parameter : step.parameters()) {
      const auto weights = values<double>(file, parameter.name);
      REQUIRE(static_cast<Index>(weights.size()) == parameter.count());
      std::transform(weights.begin(), weights.end(), step.weights().begin() + parameter.offset,
                     [](double weight) { return static_cast<T>(weight); });
    }
    const auto targets = values<Token>(file, "targets");
    std::copy(inputs.begin(), inputs.end(), step.inputs().begin());
    std::copy(targets.begin(), targets.end(), step.targets().begin());
  }

  Index sequence() const { return static_cast<Index>(inputs.size()) / batch; }
  TrainingOptions with_sequence(TrainingOptions options) const {
    options.sequence = sequence();
    return options;
  }

  std::vector<T> logits() {
    const Index vocabulary = step.config().vocabulary;
    std::vector<T> result(inputs.size() * static_cast<std::size_t>(vocabulary));
    MemoryPlan plan;
    const Transformer<T> model(ModelConfig(step.config()), plan, {batch, sequence(), 1, false});
    plan.place();
    const Arena arena(plan);
    const Worker worker;
    model.logits({.run = {worker, arena, model.pack_buffer(arena)},
                  .rows = {batch, sequence()},
                  .weights = step.weights().data()},
                 step.inputs(), MatrixView<T>(result.data(), batch * sequence(), vocabulary));
    return result;
  }

  FileSource source;
  SafetensorsReader file;
  std::vector<Token> inputs;
  ThreadPool threads;
  TrainingStep<T> step;
};

template <Scalar T>
void compare(const std::string& name) {
  constexpr bool exact = std::is_same_v<T, double>;
  INFO(name);
  Reference<T> reference(name);

  const auto expected_logits = values<double>(reference.file, "logits");
  const auto logits = reference.logits();
  REQUIRE(logits.size() == expected_logits.size());
  double worst = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(logits[i]) - expected_logits[i]));
  }
  CHECK(worst <= (exact ? 1e-10 : 1e-5));

  const double loss = reference.step.compute_gradients();
  CHECK(std::abs(loss - values<double>(reference.file, "loss")[0]) <= (exact ? 1e-10 : 1e-5));
  for (const Parameter& parameter : reference.step.parameters()) {
    const auto expected = values<double>(reference.file, "gradient." + parameter.name);
    const auto first = static_cast<std::size_t>(parameter.offset);
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double got = static_cast<double>(reference.step.gradients()[first + i]);
      difference += (got - expected[i]) * (got - expected[i]);
      norm += expected[i] * expected[i];
    }
    INFO(parameter.name);
    CHECK(std::sqrt(difference) <= (exact ? 1e-10 : 1e-4) * std::sqrt(norm) + 1e-15);
  }

  const auto losses = values<double>(reference.file, "adamw_losses");
  for (const double expected : losses) {
    CHECK(std::abs(reference.step.train(1e-3).loss - expected) <= (exact ? 1e-9 : 1e-5));
  }
}

const std::vector<std::string> cases{
    "llama_gqa", "smollm_llama3", "wide_heads", "qwen2",  "qwen3",   "mistral",        "gemma1",
    "gemma2",    "gemma3",        "yarn",       "linear", "dynamic", "partial_rotary", "parallel"};

}  // namespace

TEST_CASE_TEMPLATE("logits, gradients and ten losses of each family are PyTorch's", T, float,
                   double) {
  for (const std::string& name : cases) compare<T>(name);
}
