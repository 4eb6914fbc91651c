// SPDX-License-Identifier: MIT
// Runs of adapters on a base outside the trainer: their files have what trains, and name the base.
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/base_metadata.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/data/tokenize.hpp>

#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"
#include "transformer/stored_model.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr ModelConfig adapted = [] {
  ModelConfig config = SmallRun::config;
  config.lora.rank = 2;
  config.lora.dropout = 0.1;
  return config;
}();
constexpr TrainingOptions plain{.steps = 20, .sequence = 4};

struct BaseRun {
  explicit BaseRun(const TrainingOptions& options = plain, StoredType type = StoredType::f16)
      : base(SmallRun::config, type, StoredLayout::grouped),
        trainer(adapted, options, threads, base.stored.parameters()) {
    trainer.set_base_path("models/base.gguf");
  }
  void step(int steps) {
    while (steps-- > 0) trainer.step(tokens.view());
  }
  std::string save(const Folder& folder, const std::string& name = "c.safetensors") {
    save_checkpoint(folder / name, trainer, tokenizer, corpus);
    return folder / name;
  }
  std::string failure(const std::string& bytes, const Folder& folder) {
    std::ofstream(folder / "f", std::ios::binary) << bytes;
    try {
      const FileSource source(folder / "f");
      const CheckpointFile file(source);
      file.verify();
      file.load(trainer);
    } catch (const Error& error) {
      const std::string what = error.what();
      return what.substr(what.find("': ") + 3);
    }
    return "";
  }

  CharacterTokenizer tokenizer = CharacterTokenizer::from_text(sample_text);
  TokenStore tokens = tokenize(tokenizer, sample_text);
  CorpusIdentity corpus{"soliloquy", sample_text.size(), "0123"};
  ThreadPool threads{2};
  StoredModel base;
  Trainer<float> trainer;
};

}  // namespace

TEST_CASE("a run on a stored base goes on, bit for bit, from checkpoints of what trains") {
  const Folder folder;
  TrainingOptions more = plain;
  more.train_too = "norm";
  more.ema = 0.9;
  more.dropout = 0.1;
  TrainingOptions last = plain;
  last.freeze = "lora_a";
  for (const TrainingOptions& options : {plain, more, last}) {
    BaseRun whole(options);
    whole.step(3);
    const std::string path = whole.save(folder);
    const FileSource source(path);
    const CheckpointFile file(source);
    file.verify();
    CHECK(file.info().base.path == "models/base.gguf");
    CHECK(file.info().base.fingerprint == whole.trainer.base().fingerprint);
    CHECK(file.info().options.stored_base);
    const SafetensorsReader tensors(source);
    for (const auto& entry : tensors.tensors()) {
      const std::string& name = entry.first;
      const bool norm = name.find("ln_") != name.npos && !options.train_too.text().empty();
      INFO(name);
      CHECK((is_adapter(name) || name == "optimizer.state" || norm));
    }
    BaseRun resumed(options);
    file.load(resumed.trainer);
    whole.step(4);
    resumed.step(4);
    CHECK(state_bytes(resumed.trainer) == state_bytes(whole.trainer));
    const std::string a = whole.save(folder, "a"), b = resumed.save(folder, "b");
    CHECK(read_file(a) == read_file(b));
  }
}

TEST_CASE("a checkpoint on another base is refused by name") {
  const Folder folder;
  BaseRun run;
  run.step(1);
  const std::string path = run.save(folder), good = read_file(path);
  CHECK(run.failure(good, folder) == "");
  BaseRun same;
  CHECK(same.trainer.base().fingerprint == run.trainer.base().fingerprint);
  // One bit of a stored matrix, one number beside them, another type.
  BaseRun other(plain, StoredType::bf16);
  CHECK(other.failure(good, folder).starts_with("the base 'models/base.gguf' is another"));
  StoredModel base(SmallRun::config, StoredType::f16, StoredLayout::grouped);
  const auto fingerprint = [&] {
    return Trainer<float>(adapted, plain, run.threads, base.stored.parameters()).base().fingerprint;
  };
  CHECK(fingerprint() == run.trainer.base().fingerprint);
  base.stored.matrix_bytes(0, 0)[5] ^= std::byte{1};
  const std::string of_matrix = fingerprint();
  CHECK(of_matrix != run.trainer.base().fingerprint);
  base.stored.numbers(2)[1] += 1;
  CHECK(fingerprint() != of_matrix);
  // A run that has all weights.
  Trainer<float> whole(adapted, plain, run.threads);
  const FileSource source(path);
  CHECK_THROWS_WITH_AS(CheckpointFile(source).load(whole), doctest::Contains("checkpoint's base"),
                       ConfigError);
}

TEST_CASE("what a file says of its base must make sense") {
  const Folder folder;
  BaseRun run;
  run.step(1);
  const std::string good = read_file(run.save(folder));
  const auto failure = [&](const char* key, const char* value) {
    return run.failure(ForgedFile::from(good).set(key, value).seal().bytes(), folder);
  };
  for (const char* bad : {"", "0123", "0123456789abcdeg", "0123456789ABCDEF"}) {
    CHECK(failure("base.fingerprint", bad).find("expected 16 hexadecimal digits") !=
          std::string::npos);
  }
  CHECK(failure("base.path", "zz").find("bytes in hexadecimal") != std::string::npos);
  CHECK(failure("stored_base", "0").find("expected 1 beside a base") != std::string::npos);
  CHECK(failure("base.fingerprint", "0123456789abcdef").find("is another") != std::string::npos);
  CHECK(run.failure(ForgedFile::from(good).remove("base.path").seal().bytes(), folder) ==
        "the metadata has no entry 'base.path'");
  // A missing adapter is not the base's.
  CHECK(failure("layers", "2").find("is missing") != std::string::npos);
  CHECK(failure("layers", "2147483647").find("expected 1 to") != std::string::npos);
  CHECK(failure("lora_rank", "2147483647").find("has room for") != std::string::npos);
}
