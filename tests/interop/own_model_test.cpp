// SPDX-License-Identifier: MIT
// Models with a layer or a block of the user's (those of the examples): sized when compiled, saved,
// loaded, resumed and generated from like any other; files of another part are refused.
#include <algorithm>
#include <array>
#include <checkpoint/small_run.hpp>
#include <iostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/interop/gguf_model.hpp>
#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/octavo.hpp>
#include <octavo/testing/gradient_check.hpp>

// The examples' mains are not this program's, and so have to return something.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
#define main own_layer_main
#include "../../examples/own_layer.cpp"
#undef main
#define main own_block_main
#include "../../examples/own_block.cpp"
#undef main
#pragma GCC diagnostic pop

namespace {

/// As in the finding: a Bilinear layer of this width has as many numbers as the standard
/// feed-forward part, 48 x 96 + 96 = 2 x (48 x 48 + 48).
constexpr ModelConfig config{.vocabulary = 35,
                             .context = 32,
                             .layers = 2,
                             .width = 48,
                             .attention = {.heads = 4},
                             .feed_forward = {.d_ff = 48}};
constexpr TrainingOptions options{
    .steps = 8, .batch = 2, .sequence = 16, .learning_rate = 3e-3, .dropout = 0.1};

template <Scalar T>
using WithLayer = Transformer<T, ModelConfig, Bilinear<T>>;
template <Scalar T>
using WithBlock = Transformer<T, ModelConfig, ParallelBlock<T>>;

static_assert(WithLayer<float>(config).parameter_count() == parameter_count(config));
static_assert(training_bytes<WithLayer<float>>(config, options, 2) == 670'528);
static_assert(training_bytes<WithBlock<float>>(config, options, 2) == 658'112);
static_assert(training_bytes<WithLayer<float>>(config, options, 2) >
              training_bytes<float>(config, options, 2));
static_assert(generation_bytes<WithBlock<float>>(config, 16) > 0);

const CharacterTokenizer tokenizer = CharacterTokenizer::from_text(sample_text);
const std::vector<Token> text = tokenizer.encode(sample_text);
const CorpusIdentity corpus{"soliloquy", 432, "0"};

template <Scalar T, typename Part>
using OwnTrainer = Trainer<T, ModelConfig, Part>;

template <Scalar T, typename Part>
OwnTrainer<T, Part> trained(ThreadPool& threads, int steps, TrainingOptions with = options) {
  OwnTrainer<T, Part> trainer(config, with, threads);
  for (int i = 0; i < steps; ++i) trainer.step(text);
  return trainer;
}

template <typename Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

template <Scalar T, typename Part>
void check_end_to_end(std::string_view part) {
  using Model = Transformer<T, ModelConfig, Part>;
  const CheckpointKinds kinds{.model = model_kind<Model>};
  const octavo_test::Folder folder;
  ThreadPool threads(2);
  auto trainer = trained<T, Part>(threads, 3);
  CHECK(trainer.plan().total_bytes() == training_bytes<Model>(config, options, 2));
  REQUIRE(trainer.parameters().set_learning_rate_factor("norm.", 0.5) > 4);

  // A checkpoint resumes bit for bit, with its learning-rate factors.
  {
    CheckpointFolder checkpoints(folder.path(), 2);
    checkpoints.save(trainer, tokenizer, corpus);
  }
  const std::string path = newest_valid_checkpoint(folder.path(), {}, kinds).path;
  const FileSource source(path);
  const CheckpointFile file(source, kinds);
  CHECK(file.info().part == part);
  OwnTrainer<T, Part> resumed(config, options, threads);
  file.load(resumed);
  for (int i = 0; i < 3; ++i) {
    trainer.step(text);
    resumed.step(text);
  }
  CHECK(std::ranges::equal(resumed.weights(), trainer.weights()));
  CHECK(std::ranges::equal(resumed.optimizer_state(), trainer.optimizer_state()));

  // A model file gives the weights back, and what they generate.
  save_model<T>(folder / "model", trainer.model(), 16, tokenizer, trainer.weights());
  const LoadedModel<T> loaded = load_model<T>(folder / "model", model_kind<Model>);
  CHECK(std::ranges::equal(loaded.weights, trainer.weights()));
  const Model model{loaded.config};
  const auto written = [&](std::span<const T> weights) {
    Generator generator(model, weights, 16, threads);
    CHECK(generator.plan().total_bytes() == generation_bytes<Model>(config, 16, 2));
    std::vector<Token> tokens;
    generator.generate(tokenizer.encode("To"), 40, {.temperature = 0.7}, 1, [&](Token token) {
      tokens.push_back(token);
      return true;
    });
    return tokens;
  };
  CHECK(written(loaded.weights) == written(trainer.weights()));

  // Without the part nothing of it is read.
  const std::string told =
      "it is of a model with the part '" + std::string(part) + "', expected only standard parts";
  CHECK(refusal([&] { load_model<T>(folder / "model"); }).find(told) != std::string::npos);
  CHECK(refusal([&] { CheckpointFile(source).verify(); }).find(told) != std::string::npos);
  Trainer<T> standard(config, options, threads);
  const std::vector<T> before(standard.weights().begin(), standard.weights().end());
  CHECK(refusal([&] { CheckpointFile(source).load(standard); }).find(told) != std::string::npos);
  CHECK(std::ranges::equal(standard.weights(), before));
  const auto hint = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.hint();
    }
    return "accepted";
  };
  CHECK(hint([&] { CheckpointFile(source).load(standard); }).starts_with("make the trainer with"));
  CHECK(hint([&] { CheckpointFile(source).verify(); }).find("CheckpointKinds{") !=
        std::string::npos);
  int skipped = 0;
  CHECK(refusal([&] {
          newest_valid_checkpoint(folder.path(), [&](const Error&) { ++skipped; });
        }).starts_with("there is no valid checkpoint"));
  CHECK(skipped == 1);
}

}  // namespace

TEST_CASE("a model with a layer of the user's is sized, saved, resumed and generated from") {
  check_end_to_end<float, Bilinear<float>>("bilinear");
  check_end_to_end<double, Bilinear<double>>("bilinear");
}

TEST_CASE("a model with a block of the user's is sized, saved, resumed and generated from") {
  check_end_to_end<float, ParallelBlock<float>>("parallel block");
}

TEST_CASE("files of a standard model are not loaded as another") {
  const octavo_test::Folder folder;
  ThreadPool threads(1);
  const Trainer<float> standard(config, options, threads);
  save_model<float>(folder / "model", standard.model(), 16, tokenizer, standard.weights());
  CHECK(refusal([&] {
          load_model<float>(folder / "model", model_kind<WithLayer<float>>);
        }).find("it is of a model with only standard parts, expected the part 'bilinear'") !=
        std::string::npos);
}

TEST_CASE("GPT-2's files take no part of the user's") {
  constexpr ModelConfig gpt2{.vocabulary = 35,
                             .context = 32,
                             .layers = 2,
                             .width = 48,
                             .attention = {.heads = 4},
                             .feed_forward = {.d_ff = 48, .activation = Activation::gelu_tanh},
                             .head = {.tied = true}};
  const octavo_test::Folder folder;
  const WithLayer<float> model{gpt2};
  const std::vector<float> weights(static_cast<std::size_t>(model.parameter_count()));
  const std::string told =
      ": the model has the part 'bilinear', which only Octavo's own files can hold";
  CHECK(refusal([&] {
          save_pretrained<float>(folder / "hf", model, {gpt2, 16, 0, 1}, weights);
        }).ends_with(told));
  CHECK(refusal([&] {
          save_gguf<float>(folder / "x.gguf", model, {gpt2, 16, 0, 1}, TokenTable{}, weights);
        }).ends_with(told));
  CHECK(folder.contents().empty());
  // Nor are they read into one of as many numbers.
  const Transformer<float> standard{gpt2};
  REQUIRE(standard.parameter_count() == model.parameter_count());
  save_pretrained<float>(folder / "hf", standard, {gpt2, 16, 0, 1}, weights);
  save_gguf<float>(folder / "x.gguf", standard, {gpt2, 16, 0, 1}, token_table_of(tokenizer),
                   weights);
  ThreadPool threads(1);
  OwnTrainer<float, Bilinear<float>> trainer(gpt2, options, threads);
  const std::string why =
      " model must be the trainer's: the trainer's has the part 'bilinear', which only "
      "Octavo's own files can hold";
  CHECK(refusal([&] { HuggingFaceFolder(folder / "hf").load(trainer); }).ends_with(why));
  const FileSource source(folder / "x.gguf");
  CHECK(refusal([&] { GgufModel(source).load(trainer); }).ends_with(why));
  for (const char* name : {"hf", "x.gguf"}) {
    CHECK(ModelSource(folder / name).config() == gpt2);
    CHECK(refusal([&] {
            ModelSource(folder / name, {}, {.model = model_kind<WithLayer<float>>});
          }).find("expected the part 'bilinear'") != std::string::npos);
  }
}

TEST_CASE("a budget for a model of the user's counts that model's bytes") {
  const std::size_t bytes = training_bytes<WithBlock<float>>(config, options, 2);
  CHECK(fit_budget<WithBlock<float>>(config, options, 2, bytes).micro_batch == options.micro_batch);
  TrainingOptions lean = options;
  lean.micro_batch = leanest_micro_batch<WithBlock<float>>(config, options, 2);
  CHECK(fit_budget<WithBlock<float>>(config, options, 2, bytes - 1).micro_batch ==
        lean.micro_batch);
}
