// SPDX-License-Identifier: MIT
// Learning-rate factors are part of a run: a fine-tuning with frozen tensors goes on, bit for bit.
#include <string>

#include <doctest/doctest.h>

#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr const char* frozen = "transformer.wte.weight";

/// Nothing but the block learns, its feed-forward part half as fast.
void freeze(ParameterList& parameters) {
  CHECK(parameters.set_learning_rate_factor("", 0) == 18);
  CHECK(parameters.set_learning_rate_factor("transformer.h.", 1) == 12);
  CHECK(parameters.set_learning_rate_factor("mlp", 0.5) == 4);
}

std::vector<double> factors(const ParameterList& parameters) {
  std::vector<double> all;
  for (const Parameter& parameter : parameters) all.push_back(parameter.learning_rate_factor);
  return all;
}

}  // namespace

TEST_CASE("a resumed run with frozen tensors has the bits of one that never stopped") {
  const Folder folder;
  CheckpointFolder saves(folder.path(), 1);
  SmallRun whole;
  freeze(whole.trainer.parameters());
  const Eigen::MatrixXf before = whole.trainer.weight(frozen);
  whole.train(3);
  const std::string path = whole.save(saves);
  SmallRun resumed;
  resumed.load(path);
  CHECK(factors(resumed.trainer.parameters()) == factors(whole.trainer.parameters()));
  CHECK(read_file(resumed.save(saves)) == read_file(path));
  whole.train(4);
  resumed.train(4);
  CHECK(resumed.now() == whole.now());
  CHECK(resumed.trainer.weight(frozen) == before);
  CHECK(!(whole.now() == SmallRun(7).now()));
}

TEST_CASE("a checkpoint without factors makes all of them 1") {
  SmallRun run;
  freeze(run.trainer.parameters());
  run.load(OCTAVO_TEST_REFERENCE_FOLDER "/checkpoint_1.safetensors");
  CHECK(factors(run.trainer.parameters()) == std::vector<double>(18, 1.0));
  run.train(2);
  CHECK(run.now() == SmallRun(5).now());
}

TEST_CASE("a factor of a tensor that is not there, or out of range, is refused") {
  SavedRun run;
  CHECK(run.saved.parameters().set_learning_rate_factor(frozen, 0.25) == 1);
  const std::string key = std::string("learning_rate_factor.") + frozen;
  const ForgedFile good = ForgedFile::from(checkpoint_bytes(run.saved));
  CHECK(run.failure(good.bytes()) == "");
  CHECK(run.other.parameters().find(frozen).learning_rate_factor == 0.25);
  for (const std::string bad : {"-1", "inf", "nan", "", "x"}) {
    ForgedFile forged = good;
    CHECK(run.failure(forged.set(key, bad).seal().bytes()).starts_with("metadata '" + key + "'"));
  }
  ForgedFile forged = good;
  forged.replace(key, "learning_rate_factor.transformer.wtf.weight");
  CHECK(run.failure(forged.seal().bytes()) ==
        "metadata 'learning_rate_factor.transformer.wtf.weight': there is no tensor "
        "'transformer.wtf.weight'");
  CHECK(run.other.parameters().find(frozen).learning_rate_factor == 0.25);
}
