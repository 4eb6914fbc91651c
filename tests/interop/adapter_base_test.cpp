// SPDX-License-Identifier: MIT
// A file that has adapters alone is opened together with its base.
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/trained_model.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/generation/scorer.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/transformer/extract_adapter.hpp>

#include "checkpoint/small_run.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr ModelConfig plain = [] {
  ModelConfig config = SmallRun::config;
  config.width = 32;
  config.feed_forward.d_ff = 64;
  config.attention.heads = 2;
  return config;
}();

struct Adapted {
  explicit Adapted(const std::string& train_too = "") {
    SmallRun other;
    const Trainer<float> base(plain, {.sequence = 4, .seed = 7}, threads);
    save_model<float>(folder / "base", base.model(), 4, tokenizer, base.weights());
    ModelConfig config = plain;
    config.lora.rank = 2;
    const ModelSource source(folder / "base");
    stored.emplace(source.load_stored());
    trainer.emplace(config, TrainingOptions{.sequence = 4, .train_too = NamePatterns(train_too)},
                    threads, stored->parameters());
    trainer->set_base_path(folder / "base");
    for (int i = 0; i < 3; ++i) trainer->step(tokens.view());
    save_trained_model(folder / "model", *trainer, tokenizer);
    save_checkpoint(folder / "checkpoint-00000003.safetensors", *trainer, tokenizer,
                    {"text", 4, "0"});
    all.assign(base.weights().begin(), base.weights().end());
  }

  Folder folder;
  CharacterTokenizer tokenizer = CharacterTokenizer::from_text(sample_text);
  TokenStore tokens = tokenize(tokenizer, sample_text);
  ThreadPool threads{1};
  std::optional<StoredWeights<float>> stored;
  std::optional<Trainer<float>> trainer;
  std::vector<float> all;
};

}  // namespace

TEST_CASE("adapters and their base are one model") {
  for (const std::string train_too : {"", "norm,tokens"}) {
    const Adapted run(train_too);
    for (const std::string name : {"model", "checkpoint-00000003.safetensors", ""}) {
      const ModelSource source(run.folder / name);
      INFO(name);
      CHECK(source.config() == run.trainer->config());
      source.check_sums();
      const ParameterList list = run.trainer->model().parameters();
      std::vector<float> weights(static_cast<std::size_t>(list.count())), one;
      source.read(weights);
      const StoredWeights<float> stored = source.load_stored();
      CHECK(source.stored_bytes() >= stored.bytes());
      Index next = 0;
      for (const Parameter& parameter : list) {
        INFO(parameter.name);
        const Parameter& trained = run.trainer->parameters().find(parameter.name);
        const float* const expected = trained.outside
                                          ? run.all.data() + next
                                          : run.trainer->weights().data() + trained.offset;
        if (!is_adapter(parameter.name)) next += parameter.count();
        CHECK(
            std::equal(expected, expected + parameter.count(), weights.data() + parameter.offset));
        one.assign(static_cast<std::size_t>(parameter.count()), 0);
        source.read(parameter, std::span<float>(one));
        CHECK(std::equal(one.begin(), one.end(), expected));
      }
      const std::vector<Token> text{4, 9, 33, 2, 1, 0, 7, 7, 12};
      ThreadPool threads(1);
      Scorer<float> of_numbers(run.trainer->model(), weights, 4, threads);
      Scorer<float> of_stored(run.trainer->model(), stored, 4, threads);
      Scorer<float> of_trainer(run.trainer->model(), run.trainer->model_weights(), 4, threads);
      const double expected = of_numbers.score(text, 4).nats;
      CHECK(of_stored.score(text, 4).nats == expected);
      CHECK(of_trainer.score(text, 4).nats == expected);
    }
  }
}

TEST_CASE("a base that has changed, moved or is another model is refused by name") {
  const Adapted run;
  const std::string base = run.folder / "base";
  const auto failure = [&](auto use) -> std::string {
    try {
      use(ModelSource(run.folder / "model"));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto load = [](const ModelSource& source) { source.load_stored(); };
  CHECK(failure(load) == "");
  ThreadPool threads(1);
  {
    const Trainer<float> other(plain, {.sequence = 4, .seed = 8}, threads);
    save_model<float>(base, other.model(), 4, run.tokenizer, other.weights());
  }
  CHECK(failure(load).find("has changed: its fingerprint is") != std::string::npos);
  CHECK(failure([](const ModelSource& source) { source.check_sums(); }).find("has changed") !=
        std::string::npos);
  CHECK(failure([&](const ModelSource& source) {
          std::vector<float> weights(
              static_cast<std::size_t>(Transformer<float>(source.config()).parameter_count()));
          source.read(weights);
        }).find("has changed") != std::string::npos);
  {
    ModelConfig wider = plain;
    wider.feed_forward.d_ff = 96;
    const Trainer<float> other(wider, {.sequence = 4}, threads);
    save_model<float>(base, other.model(), 4, run.tokenizer, other.weights());
  }
  CHECK(failure(load).find("is another model") != std::string::npos);
  std::filesystem::remove(base);
  CHECK(failure(load).find("of their base: cannot open") != std::string::npos);
}

TEST_CASE("adapters go on training on adapters: the base is the same") {
  const Adapted run;
  const ModelSource source(run.folder / "model");
  const StoredWeights<float> both = source.load_stored();
  ThreadPool threads(1);
  Trainer<float> more(source.config(), {.sequence = 4}, threads, both.parameters());
  CHECK(more.base().fingerprint == run.trainer->base().fingerprint);
  CHECK(std::equal(more.weights().begin(), more.weights().end(), run.trainer->weights().begin(),
                   run.trainer->weights().end()));
}

TEST_CASE("a base that was moved is opened where it is now") {
  const Adapted run;
  const std::string moved = run.folder / "moved";
  std::filesystem::rename(run.folder / "base", moved);
  const auto open = [&](const std::string& name, const std::string& base) {
    return ModelSource(run.folder / name, {}, {}, real_file_system(), base);
  };
  try {
    open("model", "");
    FAIL("no base");
  } catch (const Error& error) {
    CHECK(error.hint() == "say with --base where the model is on which it was trained");
  }
  for (const std::string name : {"model", "checkpoint-00000003.safetensors", ""}) {
    const ModelSource source = open(name, moved);
    CHECK(source.base_path() == moved);
    source.check_sums();
    CHECK(source.load_stored().parameters().size() == run.trainer->model().parameters().size());
  }
  CHECK(ModelSource(moved).base_path().empty());
  CHECK_THROWS_WITH_AS(open("moved", moved), doctest::Contains("has all of its weights"),
                       ConfigError);
  CHECK_THROWS_WITH_AS(open("model", run.folder / "model"),
                       doctest::Contains("it has adapters alone, and of their base: "),
                       FormatError);
}

TEST_CASE("the adapter of a file of adapters alone, and of its checkpoint, is that of the whole") {
  const Adapted run;
  const ParameterList list = run.trainer->model().parameters();
  std::vector<float> weights(static_cast<std::size_t>(list.count()));
  ModelSource(run.folder / "model").read(weights);
  const LoraAdapter expected = extract_adapter(
      run.trainer->config(), list, WeightSource<float>(std::span<const float>(weights)));
  CHECK(expected.maps().size() == 6);
  for (const std::string name : {"model", "checkpoint-00000003.safetensors"}) {
    const FileSource source(run.folder / name);
    const ModelFile file(source);
    const LoraAdapter adapter =
        extract_adapter(file.config(), Transformer<float>(file.config()).parameters(),
                        [&](const ParameterBlock& block, std::span<float> numbers) {
                          file.read<float>(block, numbers);
                        });
    REQUIRE(adapter.maps().size() == expected.maps().size());
    for (std::size_t i = 0; i < adapter.maps().size(); ++i) {
      const LoraMap &got = adapter.maps()[i], &whole = expected.maps()[i];
      CHECK(got.parameter == whole.parameter);
      CHECK(got.first == whole.first);
      CHECK(got.alpha == whole.alpha);
      CHECK(got.a == whole.a);
      CHECK(got.b == whole.b);
    }
  }
}
