// SPDX-License-Identifier: MIT
#include <limits>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <octavo/training/training_options.hpp>

using namespace octavo;

static_assert(TrainingOptions{.batch = 3, .sequence = 5, .accumulate = 2}.rows() == 30);
static_assert(TrainingOptions{.batch = 3, .accumulate = 2, .micro_batch = 4}.passes() == 2);
static_assert(TrainingOptions{.batch = 3, .micro_batch = 9}.pass_sequences() == 3);

namespace {

template <Scalar T>
std::string refusal(const TrainingOptions& options) {
  try {
    check_options<T>(options);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("options: a pass is a part of a step, and a fused step has all of them in flight") {
  const TrainingOptions options{
      .batch = 3, .sequence = 5, .accumulate = 2, .micro_batch = 4, .dropout = 0.1};
  const PassShape pass = options.pass(7);
  CHECK(pass.sequences == 4);
  CHECK(pass.sequence == 5);
  CHECK(pass.workers == 7);
  CHECK(pass.training);
  CHECK(pass.dropout);
  CHECK(pass.passes_in_flight == 0);
  TrainingOptions fused = options;
  fused.fused_update = true;
  CHECK(fused.pass(1).passes_in_flight == 2);
  CHECK_FALSE(fused.layer_by_layer());
  fused.micro_batch = 6;
  CHECK(fused.layer_by_layer());
}

TEST_CASE("options: what does not fit is refused by name") {
  CHECK(refusal<float>({}) == "");
  CHECK(refusal<float>({.batch = 0}) == "batch is 0, expected 1 to 2147483647");
  CHECK(refusal<float>({.steps = -1}) == "steps is -1, expected 0 or more");
  CHECK(refusal<float>({.dropout = 1}) == "dropout is 1, expected 0 to less than 1");
  CHECK(refusal<float>({.ema = 1}) == "ema is 1, expected 0 to less than 1");
  CHECK(refusal<float>({.clip = -1}) == "clip is -1, expected a finite number, 0 or more");
  CHECK(refusal<float>({.patience = -2}) == "patience is -2, expected 0 or more");
  CHECK(refusal<float>({.learning_rate = std::numeric_limits<double>::infinity()}) != "");
  CHECK(refusal<float>({.learning_rate = 1e300}) != "");
  CHECK(refusal<double>({.learning_rate = 1e300}) == "");
  CHECK(refusal<float>({.learning_rate = 0.1, .min_lr = 0.2}) != "");
  CHECK(refusal<float>({.batch = 1 << 16, .sequence = 1 << 16}) != "");
}

TEST_CASE("options: a learning rate at the end of a tenth where none is said") {
  CHECK(TrainingOptions{.learning_rate = 0.5}.rate().min_lr == 0.05);
  CHECK(TrainingOptions{.learning_rate = 0.5, .min_lr = 0}.rate().min_lr == 0);
}

TEST_CASE("options: every field has a name of its own, in files and in reports") {
  const TrainingOptions options;
  std::set<std::string> names, labels;
  int fields = 0;
  for_each_field(options, [&](const Field& field, const auto&, const auto&...) {
    ++fields;
    names.emplace(field.name);
    labels.emplace(field.label());
    CHECK((field.group == FieldGroup::none || !field.help.empty()));
  });
  CHECK(std::ssize(names) == fields);
  CHECK(std::ssize(labels) == fields);
  CHECK(fields == 34);
}

TEST_CASE("options: groups of parameters by block and by name") {
  TrainingOptions options{.freeze = "bias", .train_last = 1};
  CHECK(options.trains("blocks.2.w", 2, 3));
  CHECK_FALSE(options.trains("blocks.2.bias", 2, 3));
  CHECK_FALSE(options.trains("blocks.1.w", 1, 3));
  CHECK_FALSE(options.trains("embedding.tokens.weight", -1, 3));
  CHECK(options.trains("head.weight", 3, 3));
}
