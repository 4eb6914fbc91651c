// SPDX-License-Identifier: MIT
#include <iterator>
#include <string>

#include <doctest/doctest.h>

#include <octavo/c/trainer.hpp>

using namespace octavo;

namespace {

const std::string text = "One two three four five six seven eight nine ten, and so on, and so on.";

TextRun run(std::string_view options) { return new_run(text, OptionText(options)); }

}  // namespace

TEST_CASE("a run without options") {
  const TextRun plain = run("");
  CHECK(plain.config.layers == presets::small.layers);
  CHECK(plain.config.width == presets::small.width);
  CHECK(plain.config.vocabulary == plain.tokenizer.vocabulary_size());
  CHECK(plain.training.sequence == presets::small.context);
  CHECK(plain.training.warmup == 100);
  CHECK(plain.validation == 0.1);
  CHECK(kind_of(plain.tokenizer) == TokenizerKind::characters);
}

TEST_CASE("a run with options of all kinds") {
  CHECK(kind_of(run("tokenizer=byte").tokenizer) == TokenizerKind::bytes);
  const TextRun pairs = run("tokenizer=bpe vocab=300");
  CHECK(kind_of(pairs.tokenizer) == TokenizerKind::byte_pairs);
  CHECK(pairs.config.vocabulary <= 300);
  CHECK(run("steps=20").training.warmup == 10);
  CHECK(run("steps=20 warmup=3").training.warmup == 3);
  CHECK(run("context=24").training.sequence == 24);
  CHECK(run("context=24 sequence=8").training.sequence == 8);
  const TextRun llama = run("family=llama3 width=64 optimizer=muon beta1=0.8 decay=0.2 threads=1");
  CHECK(llama.config.norm.kind == NormKind::rms);
  CHECK(llama.config.width == 64);
  CHECK(llama.threads == 1);
  double decay = 0, beta1 = 0;
  for_each_setting(llama.training.optimizer,
                   [&](std::string_view name, double value, const SettingRange&) {
                     if (name == "weight_decay") decay = value;
                     if (name == "beta1") beta1 = value;
                   });
  CHECK(decay == 0.2);
  CHECK(beta1 == 0.8);
}

TEST_CASE("the same bits as a trainer of C++") {
  const TextRun described = run("layers=1 width=16 heads=2 ff=32 context=8 batch=2 steps=5");
  ThreadPool threads(1);
  const TokenStore tokens = tokenize(described.tokenizer, text);
  Trainer<float> expected(described.config, described.training, threads);
  OwnedTrainer trainer(text, described, nullptr);
  const Index training = tokens.view().size() - tokens.view().size() / 10;
  for (int i = 0; i < 5; ++i) {
    CHECK(trainer.step().loss == expected.step(tokens.view().subview(0, training)).loss);
  }
  CHECK_THROWS_AS(trainer.step(), ConfigError);
}

TEST_CASE("the model of a run with averages has the averages") {
  const TextRun described = run("layers=1 width=16 heads=2 ff=32 context=8 steps=5 ema=0.9");
  ThreadPool threads(1);
  const TokenStore tokens = tokenize(described.tokenizer, text);
  const TokenView training = tokens.view().subview(0, tokens.view().size() - std::ssize(text) / 10);
  Trainer<float> expected(described.config, described.training, threads);
  OwnedTrainer trainer(text, described, nullptr);
  for (int i = 0; i < 5; ++i) trainer.step(), expected.step(training);
  OwnedModel model = trainer.model();
  const auto model_now = [&] {
    return OwnedModel(described.config, 8, described.tokenizer, expected.weights(), 1);
  };
  OwnedModel last = model_now();
  const auto averaged = expected.use_averages();
  OwnedModel averages = model_now();
  CHECK(model.score(text) == averages.score(text));
  CHECK(model.score(text) != last.score(text));
}
