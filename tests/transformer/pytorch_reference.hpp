// SPDX-License-Identifier: MIT
// A model against the numbers that PyTorch computed: tests/reference.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/training/training_step.hpp>

namespace octavo_test {

using namespace octavo;

template <typename U>
std::vector<U> values(const SafetensorsReader& file, const std::string& name) {
  const TensorInFile& tensor = file.tensor(name);
  std::vector<U> result(tensor.bytes / sizeof(U));
  file.read(tensor, 0, std::as_writable_bytes(std::span(result)));
  return result;
}

/// A reference file, and a training step that has taken its weights and batch. `rename`: a
/// tensor's name in the file.
template <Scalar T, typename Rename>
struct PytorchReference {
  static constexpr Index batch = 2;

  PytorchReference(const SafetensorsReader& reference, const ModelConfig& config, Rename name,
                   const AnyOptimizer& optimizer = AdamW{})
      : file(reference),
        rename(name),
        inputs(values<Token>(file, "inputs")),
        threads(2),
        step(Transformer<T>{config},
             {.batch = batch, .sequence = sequence(), .optimizer = optimizer}, threads) {
    for (const Parameter& parameter : step.parameters()) {
      const auto weights = weights_of(parameter);
      REQUIRE(static_cast<Index>(weights.size()) == parameter.count());
      std::transform(weights.begin(), weights.end(), step.weights().begin() + parameter.offset,
                     [](double weight) { return static_cast<T>(weight); });
    }
    const auto targets = values<Token>(file, "targets");
    std::copy(inputs.begin(), inputs.end(), step.inputs().begin());
    std::copy(targets.begin(), targets.end(), step.targets().begin());
  }

  Index sequence() const { return static_cast<Index>(inputs.size()) / batch; }

  /// In the file's type, float or double.
  std::vector<double> weights_of(const Parameter& parameter) const {
    const std::string name(rename(parameter.name));
    const auto bytes = static_cast<Index>(file.tensor(name).bytes);
    if (bytes == parameter.count() * 8) return values<double>(file, name);
    const auto weights = values<float>(file, name);
    return {weights.begin(), weights.end()};
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

  const SafetensorsReader& file;
  Rename rename;
  std::vector<Token> inputs;
  ThreadPool threads;
  TrainingStep<T> step;
};

/// Logits, loss, gradients and ten losses of AdamW: in double within 1e-12, a gradient as a share
/// of its norm.
template <Scalar T, typename Rename>
void compare_with_pytorch(const SafetensorsReader& file, const ModelConfig& config, Rename rename) {
  constexpr bool exact = std::is_same_v<T, double>;
  PytorchReference<T, Rename> reference(file, config, rename);

  const auto expected_logits = values<double>(file, "logits");
  const auto logits = reference.logits();
  REQUIRE(logits.size() == expected_logits.size());
  double worst = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(logits[i]) - expected_logits[i]));
  }
  CHECK(worst <= (exact ? 1e-12 : 1e-5));

  const double loss = reference.step.compute_gradients();
  CHECK(std::abs(loss - values<double>(file, "loss")[0]) <= (exact ? 1e-12 : 1e-5));
  for (const Parameter& parameter : reference.step.parameters()) {
    const auto expected = values<double>(file, "gradient." + std::string(rename(parameter.name)));
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

  for (const double expected : values<double>(file, "adamw_losses")) {
    CHECK(std::abs(reference.step.train(1e-3).loss - expected) <= (exact ? 1e-10 : 1e-5));
  }
}

}  // namespace octavo_test
