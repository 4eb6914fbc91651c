// SPDX-License-Identifier: MIT
// Against the numbers that PyTorch computed: tests/reference.
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/transformer/gpt2_names.hpp>

using namespace octavo;

namespace {

constexpr Index batch = 2;
constexpr Index sequence = 12;

template <typename U>
std::vector<U> values(const SafetensorsReader& file, const std::string& name) {
  const TensorInFile& tensor = file.tensor(name);
  std::vector<U> result(tensor.bytes / sizeof(U));
  file.read(tensor, 0, std::as_writable_bytes(std::span(result)));
  return result;
}

/// A reference file, and a training step that has taken its weights and batch.
template <Scalar T>
struct Reference {
  Reference(const std::string& name, const ModelConfig& config)
      : source(std::string(OCTAVO_TEST_REFERENCE_FOLDER) + "/" + name),
        file(source),
        threads(2),
        step(Transformer<T>{config}, {.batch = batch, .sequence = sequence}, threads) {
    for (const Parameter& parameter : step.parameters()) {
      const auto weights = values<float>(file, gpt2_name(parameter.name));
      REQUIRE(static_cast<Index>(weights.size()) == parameter.count());
      std::copy(weights.begin(), weights.end(), step.weights().begin() + parameter.offset);
    }
    const auto inputs = values<Token>(file, "inputs");
    const auto targets = values<Token>(file, "targets");
    std::copy(inputs.begin(), inputs.end(), step.inputs().begin());
    std::copy(targets.begin(), targets.end(), step.targets().begin());
  }

  std::vector<T> logits() {
    const Index vocabulary = step.config().vocabulary;
    std::vector<T> result(static_cast<std::size_t>(batch * sequence * vocabulary));
    MemoryPlan plan;
    const Transformer<T> model(ModelConfig(step.config()), plan, {batch, sequence, 1, false});
    plan.place();
    const Arena arena(plan);
    const Worker worker;
    model.logits({.run = {worker, arena, model.pack_buffer(arena)},
                  .rows = {batch, sequence},
                  .weights = step.weights().data()},
                 step.inputs(), MatrixView<T>(result.data(), batch * sequence, vocabulary));
    return result;
  }

  FileSource source;
  SafetensorsReader file;
  ThreadPool threads;
  TrainingStep<T> step;
};

constexpr ModelConfig relu_bias_untied{.vocabulary = 19,
                                       .context = 16,
                                       .layers = 2,
                                       .width = 16,
                                       .attention = {.heads = 2},
                                       .feed_forward = {.d_ff = 32}};
constexpr ModelConfig gelu_nobias_tied{
    .vocabulary = 19,
    .context = 16,
    .layers = 2,
    .width = 24,
    .norm = {.bias = false},
    .attention = {.heads = 4, .bias = false},
    .feed_forward = {.d_ff = 48, .activation = Activation::gelu, .bias = false},
    .head = {.tied = true, .bias = false}};

template <Scalar T>
void compare(const std::string& name, const ModelConfig& config) {
  constexpr bool exact = std::is_same_v<T, double>;
  Reference<T> reference(name, config);

  const auto expected_logits = values<double>(reference.file, "logits");
  const auto logits = reference.logits();
  REQUIRE(logits.size() == expected_logits.size());
  double worst = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(logits[i]) - expected_logits[i]));
  }
  CHECK(worst <= (exact ? 1e-12 : 1e-5));

  const double loss = reference.step.compute_gradients();
  CHECK(std::abs(loss - values<double>(reference.file, "loss")[0]) <= (exact ? 1e-12 : 1e-5));
  for (const Parameter& parameter : reference.step.parameters()) {
    const auto expected = values<double>(reference.file, "gradient." + gpt2_name(parameter.name));
    const auto first = static_cast<std::size_t>(parameter.offset);
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double got = static_cast<double>(reference.step.gradients()[first + i]);
      difference += (got - expected[i]) * (got - expected[i]);
      norm += expected[i] * expected[i];
    }
    INFO(parameter.name);
    CHECK(std::sqrt(difference) <= (exact ? 1e-12 : 1e-4) * std::sqrt(norm) + 1e-15);
  }

  const auto losses = values<double>(reference.file, "adamw_losses");
  for (const double expected : losses) {
    CHECK(std::abs(reference.step.train(1e-3).loss - expected) <= (exact ? 1e-10 : 1e-5));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("ReLU, biases, untied head, an ignored target", T, float, double) {
  compare<T>("relu_bias_untied.safetensors", relu_bias_untied);
}

TEST_CASE_TEMPLATE("exact GELU, no biases, tied head", T, float, double) {
  compare<T>("gelu_nobias_tied.safetensors", gelu_nobias_tied);
}
