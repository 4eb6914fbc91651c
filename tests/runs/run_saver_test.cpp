// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/run_saver.hpp>

#include "checkpoint/small_run.hpp"

namespace {

namespace fs = std::filesystem;
using octavo_test::Folder;
using octavo_test::SmallRun;
using Saver = octavo::RunSaver<octavo::Trainer<float>>;

/// A run and its saver, and what that has said.
struct SavedRun {
  explicit SavedRun(const octavo::SaveOptions& options, octavo::Index steps = 0,
                    const octavo::ResumedRun* resumed = nullptr)
      : run(steps), tokenizer(run.tokenizer) {
    if (resumed != nullptr) resumed->file().load(run.trainer);
    saver.emplace(
        options, run.trainer, tokenizer, run.corpus,
        octavo::RunCallbacks{.say = [this](const std::string& line) { said.push_back(line); },
                             .warn = [this](const std::string& what,
                                            const std::string&) { warned.push_back(what); }},
        resumed);
  }

  void train(octavo::Index steps) {
    for (octavo::Index i = 0; i < steps; ++i) {
      run.train(1);
      saver->step(run.trainer.state().steps_done);
    }
  }

  SmallRun run;
  octavo::AnyTokenizer tokenizer;
  std::vector<std::string> said, warned;
  std::optional<Saver> saver;
};

std::vector<octavo::Index> steps_in(const std::string& folder) {
  std::vector<octavo::Index> steps;
  for (const auto& one : octavo::find_checkpoints(folder)) steps.push_back(one.step);
  return steps;
}

using Steps = std::vector<octavo::Index>;

}  // namespace

TEST_CASE("a run is saved when that is due, and at its end") {
  const Folder folder;
  SavedRun one({.folder = folder / "run", .save_every = 3, .keep = 2});
  CHECK(one.said == std::vector{"saves to " + (folder / "run") +
                                ": a checkpoint every 3 steps, the newest 2 stay"});
  CHECK(one.saver->newest_model() == "");
  one.train(10);
  CHECK(steps_in(folder / "run") == Steps{9, 6});
  CHECK(one.saver->newest_model() == one.saver->last());
  one.saver->finish();
  CHECK(steps_in(folder / "run") == Steps{10, 9});
  CHECK(one.said.back() == "saved " + one.saver->last());
  one.saver->finish();  // what has just been saved is not saved again
  CHECK(steps_in(folder / "run") == Steps{10, 9});
}

TEST_CASE("a run without a folder is not saved") {
  SavedRun one({});
  one.train(3);
  one.saver->best();
  one.saver->check_folder();
  one.saver->finish();
  CHECK(one.said.empty());
  CHECK(one.saver->last() == "");
  CHECK(one.saver->best_path() == "");
  CHECK(one.saver->folder() == nullptr);
  CHECK_FALSE(one.saver->is_due(500));
  CHECK_FALSE(one.saver->rollback_target());
}

TEST_CASE("how a run is saved, in words") {
  CHECK(octavo::saves_of({.folder = "o", .save_every = 0}) ==
        "saves to o: a checkpoint at the end");
  CHECK(octavo::saves_of({.folder = "o", .save_every = 1, .keep = 1}) ==
        "saves to o: a checkpoint every step, the newest stays");
  CHECK(octavo::saves_of({.folder = "a\nb", .save_every = 5, .keep = 3, .rollback = true}) ==
        "saves to a\\nb: a checkpoint every 5 steps, the newest 3 stay; for rollbacks every 50 "
        "steps");
}

TEST_CASE("an earlier run is moved aside by a run that begins, not by the one that goes on") {
  const Folder folder;
  const octavo::SaveOptions options{.folder = folder / "run", .save_every = 2, .keep = 9};
  {
    SavedRun first(options);
    first.train(6);
  }
  {
    const octavo::ResumedRun resumed(folder / "run");
    CHECK(resumed.info().state.steps_done == 6);
    CHECK(resumed.lies_in(folder / "run/../run"));
    SavedRun second(options, 0, &resumed);
    CHECK(second.saver->goes_on_there());
    CHECK(second.saver->last() == resumed.path());
    second.train(2);
    CHECK(steps_in(folder / "run") == Steps{8, 6, 4, 2});
  }
  SavedRun third(options);
  REQUIRE(third.said.size() == 2);
  CHECK(third.said[0] ==
        (folder / "run") + " holds an earlier run: moved to " + (folder / "run/earlier-1"));
  CHECK(steps_in(folder / "run").empty());
  CHECK(steps_in(folder / "run/earlier-1") == Steps{8, 6, 4, 2});
}

TEST_CASE("a run taken up before its end sets its old future aside when it is saved, not before") {
  const Folder folder;
  const octavo::SaveOptions options{.folder = folder / "run", .save_every = 2, .keep = 9};
  {
    SavedRun first(options);
    first.train(6);
  }
  const octavo::ResumedRun resumed(folder / "run/checkpoint-00000002.safetensors");
  SavedRun second(options, 0, &resumed);
  second.train(1);
  CHECK(steps_in(folder / "run") == Steps{6, 4, 2});
  second.train(1);
  CHECK(steps_in(folder / "run") == Steps{4, 2});
  CHECK(steps_in(folder / "run/earlier-1") == Steps{6, 4});
  CHECK(second.said.back() == "the files after step 2 are moved to " + (folder / "run/earlier-1"));
}

TEST_CASE("the best model counts while it is of this run's past") {
  const Folder folder;
  const octavo::SaveOptions options{.folder = folder / "run", .save_every = 1, .keep = 9};
  {
    SavedRun first(options);
    first.train(2);
    octavo::RunState state = first.run.trainer.state();
    state.observe_validation(2.5);
    first.run.trainer.set_state(state);
    first.saver->best();
    CHECK(first.saver->best_path() == folder / "run/best.safetensors");
    CHECK(first.saver->newest_model() == first.saver->best_path());
    first.train(1);
    CHECK(first.saver->best_path() == folder / "run/best.safetensors");
  }
  const octavo::ResumedRun newest(folder / "run"),
      before(folder / "run/checkpoint-00000001.safetensors");
  {
    SavedRun same(options, 0, &newest);
    CHECK(same.saver->best_path() == folder / "run/best.safetensors");
  }
  SavedRun other(options, 0, &before);
  CHECK(other.saver->best_path() == "");  // it is of a future that this run need not have
}

TEST_CASE("two failed saves do not end a run, the third in a row does") {
  const Folder folder;
  SavedRun one({.folder = folder / "run", .save_every = 1});
  one.train(1);
  fs::remove_all(folder / "run");
  std::ofstream(folder / "run") << "a file";
  const auto train = [&] { one.train(1); };
  CHECK_NOTHROW(train());
  CHECK_NOTHROW(train());
  CHECK(one.warned.size() == 2);
  CHECK_THROWS_AS(train(), octavo::IoError);
}

TEST_CASE("a folder that is not a run's is left alone") {
  const Folder folder;
  fs::create_directories(folder / "hf");
  std::ofstream(folder / "hf/config.json") << "{}";
  CHECK_THROWS_WITH_AS(SavedRun({.folder = folder / "hf"}),
                       doctest::Contains("the folder is Hugging Face's, with a config.json"),
                       octavo::Error);
  fs::create_directories(folder / "other/model.safetensors");
  CHECK_THROWS_WITH_AS(SavedRun({.folder = folder / "other"}), doctest::Contains("it is a folder"),
                       octavo::Error);
  std::ofstream(folder / "file") << "x";
  CHECK_THROWS_WITH_AS(SavedRun({.folder = folder / "file/run"}),
                       doctest::Contains("cannot create folder"), octavo::IoError);
}
