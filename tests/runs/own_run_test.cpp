// SPDX-License-Identifier: MIT
// A run with a block and an update rule of the user's is saved, resumed and rolled back like any
// other.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/model_source.hpp>
#include <octavo/octavo.hpp>
#include <octavo/runs/resumed_run.hpp>
#include <octavo/runs/rollback.hpp>
#include <octavo/runs/run_saver.hpp>

#include "adagrad.hpp"
#include "checkpoint/small_run.hpp"

// The example's main is not this program's, and so has to return something.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
#define main own_block_main
#include "../../examples/own_block.cpp"
#undef main
#pragma GCC diagnostic pop

namespace {

using octavo_test::Adagrad;
using octavo_test::Folder;
using Model = octavo::Transformer<float, octavo::ModelConfig, ParallelBlock<float>>;
using OwnTrainer = octavo::TrainerOf<Model>;
static_assert(
    std::same_as<OwnTrainer, octavo::Trainer<float, octavo::ModelConfig, ParallelBlock<float>>>);

constexpr auto known = octavo::known_optimizers(Adagrad{});
const octavo::CheckpointKinds kinds{.model = octavo::model_kind<Model>, .optimizers = known};

constexpr octavo::ModelConfig config{.vocabulary = 35,
                                     .context = 16,
                                     .layers = 2,
                                     .width = 8,
                                     .attention = {.heads = 2},
                                     .feed_forward = {.d_ff = 16}};
constexpr octavo::TrainingOptions options{.steps = 120,
                                          .batch = 2,
                                          .sequence = 8,
                                          .learning_rate = 0.02,
                                          .warmup = 4,
                                          .optimizer = Adagrad{},
                                          .dropout = 0.1,
                                          .evaluate_every = 10};
static_assert(octavo::training_bytes<Model>(config, options, 2) < 60'000);

const octavo::AnyTokenizer tokenizer = octavo::CharacterTokenizer::from_text(octavo::sample_text);
const std::vector<octavo::Token> text = tokenizer.encode(octavo::sample_text);
const octavo::TokenSplit tokens = octavo::split_tokens(text);
const octavo::CorpusIdentity corpus{"sample_text", 432, "0"};

/// Trains until `steps` are done, and saves.
void train(OwnTrainer& trainer, octavo::RunSaver<OwnTrainer>& saver, octavo::Index steps) {
  trainer.run(tokens.train, tokens.validation,
              {.evaluation =
                   [&](octavo::Index done, double) {
                     if (trainer.state().best_step == done) saver.best();
                   },
               .completed = [&](octavo::Index done) { saver.step(done); },
               .stop = [&] { return trainer.state().steps_done == steps; }});
}

void check_equal(const OwnTrainer& a, const OwnTrainer& b) {
  CHECK(std::ranges::equal(a.weights(), b.weights()));
  CHECK(std::ranges::equal(a.optimizer_state(), b.optimizer_state()));
  CHECK(a.state() == b.state());
}

}  // namespace

TEST_CASE("a run with parts of the user's goes on bit for bit, and remembers its best model") {
  const Folder folder;
  octavo::ThreadPool threads(2);
  OwnTrainer whole(config, options, threads), broken(config, options, threads),
      resumed(config, options, threads);
  octavo::RunSaver none({}, whole, tokenizer, corpus);
  train(whole, none, 120);
  const octavo::SaveOptions saving{.folder = folder / "run", .save_every = 10, .keep = 1};
  std::string best;
  {
    octavo::RunSaver saver(saving, broken, tokenizer, corpus);
    train(broken, saver, 57);
    best = saver.best_path();
    CHECK(best == folder / "run/best.safetensors");
  }
  {
    const octavo::ResumedRun run(folder / "run", {}, kinds);
    CHECK(run.info().part == "parallel block");
    CHECK(run.info().state.steps_done == 50);
    run.file().load(resumed);
    std::vector<std::string> warned;
    octavo::RunSaver saver(
        saving, resumed, tokenizer, corpus,
        {.warn = [&](const std::string& what, const std::string&) { warned.push_back(what); }},
        &run);
    CHECK(saver.goes_on_there());
    CHECK(saver.best_path() == best);
    train(resumed, saver, 120);
    CHECK(warned.empty());
  }
  check_equal(whole, resumed);
  // The newest checkpoint, without what it is a checkpoint of.
  std::vector<std::string> skipped;
  CHECK_THROWS_AS(
      octavo::ResumedRun(folder / "run",
                         [&](const octavo::Error& error) { skipped.emplace_back(error.hint()); }),
      octavo::Error);
  REQUIRE(skipped.size() == 1);
  CHECK(skipped[0].find("known_optimizers(MyRule{})") != std::string::npos);
  // A program that only generates.
  const octavo::ModelSource source(folder / "run", {}, kinds);
  std::vector<float> weights(resumed.weights().size());
  source.read(std::span<float>(weights));
  CHECK(std::ranges::equal(weights, resumed.weights()));
  CHECK_THROWS_AS(octavo::ModelSource{best}, octavo::FormatError);
  CHECK(octavo::ModelSource(best, {}, kinds).config() == config);
}

TEST_CASE("a run with parts of the user's is rolled back") {
  const Folder folder;
  octavo::ThreadPool threads(1);
  OwnTrainer trainer(config, options, threads), before(config, options, threads);
  octavo::RunSaver saver({.folder = folder / "run", .save_every = 0, .rollback = true}, trainer,
                         tokenizer, corpus);
  train(trainer, saver, 70);
  octavo::roll_back(trainer, saver, "loss spike");
  CHECK(trainer.state().steps_done == 50);
  CHECK(trainer.state().lr_scale == 0.5);
  octavo::RunSaver none({}, before, tokenizer, corpus);
  train(before, none, 50);
  CHECK(std::ranges::equal(trainer.weights(), before.weights()));
  CHECK(std::ranges::equal(trainer.optimizer_state(), before.optimizer_state()));
}
