// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/resumed_run.hpp>

#include "checkpoint/small_run.hpp"

using octavo_test::Folder;
using octavo_test::SmallRun;

TEST_CASE("a resumed run is a checkpoint, or the newest one of a folder") {
  const Folder folder;
  {
    octavo::CheckpointFolder run(folder.path(), 9);
    SmallRun one;
    one.save(run);
    one.train(3);
    one.save(run);
  }
  const octavo::ResumedRun newest(folder.path());
  CHECK(newest.info().state.steps_done == 3);
  CHECK(newest.path() == folder / "checkpoint-00000003.safetensors");
  CHECK(newest.folder() == folder.path());
  CHECK(newest.lies_in(folder / "."));
  CHECK_FALSE(newest.lies_in(folder / "other"));
  const octavo::ResumedRun first(folder / "checkpoint-00000000.safetensors");
  CHECK(first.info().state.steps_done == 0);
  SmallRun loaded;
  newest.file().load(loaded.trainer);
  CHECK(loaded.trainer.state().steps_done == 3);
  CHECK_THROWS_AS(octavo::ResumedRun(folder / "nothing"), octavo::Error);
}

TEST_CASE("a run goes on with the text that it began with") {
  const Folder folder;
  {
    octavo::CheckpointFolder run(
        (std::filesystem::create_directory(folder / "run"), folder / "run"), 1);
    SmallRun().save(run);
  }
  const octavo::ResumedRun resumed(folder / "run");
  octavo::CorpusIdentity corpus = resumed.info().corpus;
  corpus.name = "another name of it";
  CHECK_NOTHROW(resumed.require_same_text(corpus));
  const auto refused = [&](const octavo::CorpusIdentity& other, const char* what) {
    CHECK_THROWS_WITH_AS(resumed.require_same_text(other), doctest::Contains(what),
                         octavo::DataError);
  };
  octavo::CorpusIdentity other = corpus;
  other.hash = "beef";
  refused(other, "the text is another: got 432 bytes with SHA-256 beef..., expected 432 with 0123");
  other = corpus;
  other.validation_hash = "beef";
  refused(other, "the validation text is another: got 0 bytes with SHA-256 beef..., expected none");
  other = corpus;
  other.documents = "line";
  refused(other, "the division into documents is another: got 'line', expected ''");
  // A checkpoint that is not whole is passed over, and told.
  std::ofstream(folder / "run/checkpoint-00000009.safetensors") << "nothing";
  std::vector<std::string> skipped;
  const octavo::ResumedRun again(
      folder / "run", [&](const octavo::Error& error) { skipped.emplace_back(error.what()); });
  CHECK(again.path() == resumed.path());
  CHECK(skipped.size() == 1);
}
