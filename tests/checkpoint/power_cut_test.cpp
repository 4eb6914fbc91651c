// SPDX-License-Identifier: MIT
// A power cut at every moment of a save, with every choice of what the disk has kept until then.
#include <checkpoint/crash_files.hpp>
#include <checkpoint/small_run.hpp>
#include <functional>

#include <doctest/doctest.h>

using namespace octavo;
using namespace octavo_test;

namespace {

/// What a restart finds in a folder; nothing is an answer as well.
using Find = std::function<std::optional<Snapshot>(const Folder&)>;

/// Several saves into one folder, each of them with what must be found after it.
class Saves {
 public:
  Saves(const Contents& before, Index keep, Find find) : find_(std::move(find)) {
    folder_.fill(before);
    found_.push_back(find_(folder_));
    files_.emplace(folder_);
    checkpoints_.emplace(folder_.path(), keep, CheckpointKinds{}, *files_);
  }

  void save(const std::function<void(CheckpointFolder&)>& call, const Snapshot& expected) {
    call(*checkpoints_);
    done_.push_back(files_->operations().size());
    found_.push_back(expected);
    CHECK(find_(folder_) == expected);
  }

  const std::vector<Operation>& operations() const { return files_->operations(); }

  /// After a power cut during a save its run is found, or the one before; after the save, its own.
  /// During the first save `other` will do as well.
  void check(const std::optional<Snapshot>& other = {}) const {
    const Folder disk;
    int states = 0;
    for (std::size_t operation = 0; operation <= operations().size(); ++operation) {
      std::size_t done = 0;
      while (done < done_.size() && done_[done] <= operation) ++done;
      CAPTURE(operation);
      for (const Contents& state : files_->disk(operation).after_power_cut()) {
        disk.fill(state);
        const CheckpointFolder restart(disk.path(), 1);
        CHECK_FALSE(has_leftovers(disk.contents()));
        const auto found = find_(disk);
        const bool before = found == found_[done] || (done == 0 && other && found == other);
        CHECK((before || (done < done_.size() && found == found_[done + 1])));
        ++states;
      }
    }
    MESSAGE(states << " states of the disk");
    CHECK(states > 100);
  }

 private:
  Find find_;
  Folder folder_;
  std::vector<std::optional<Snapshot>> found_;
  std::vector<std::size_t> done_;
  std::optional<CrashFiles> files_;
  std::optional<CheckpointFolder> checkpoints_;
};

std::optional<Snapshot> find_newest(const Folder& folder) { return newest_run(folder.path()); }

std::optional<Snapshot> find_best(const Folder& folder) {
  SmallRun run;
  if (!std::filesystem::exists(folder / "best.safetensors")) return std::nullopt;
  run.load(folder / "best.safetensors");
  return run.now();
}

}  // namespace

TEST_CASE("a power cut loses no checkpoint: the first ones, and those that replace old ones") {
  for (const Index keep : {1, 2}) {
    Saves saves({}, keep, find_newest);
    SmallRun run;
    for (int i = 0; i < 4; ++i) {
      run.train(1);
      saves.save([&](CheckpointFolder& folder) { run.save(folder); }, run.now());
    }
    saves.check();
  }
}

TEST_CASE("a power cut loses no checkpoint: one under the same name") {
  Saves saves({}, 2, find_newest);
  SmallRun run(2);
  for (int i = 0; i < 3; ++i) {
    run.trainer.weights()[0] += 1;
    saves.save([&](CheckpointFolder& folder) { run.save(folder); }, run.now());
  }
  saves.check();
}

TEST_CASE("a power cut loses no checkpoint: the best") {
  Saves saves({}, 2, find_best);
  SmallRun run;
  for (int i = 0; i < 3; ++i) {
    run.train(1);
    saves.save([&](CheckpointFolder& folder) { run.save_best(folder); }, run.now());
  }
  saves.check();
}

TEST_CASE("a power cut after a run was taken up at an earlier step does not bring back the later") {
  Contents later;
  {
    const Folder folder;
    CheckpointFolder checkpoints(folder.path(), 9);
    for (const Index step : {1, 5, 6}) SmallRun(step).save(checkpoints);
    later = folder.contents();
  }
  Saves saves(later, 2, find_newest);
  SmallRun run(1);
  run.trainer.weights()[0] += 1;
  for (int i = 0; i < 2; ++i) {
    run.train(1);
    saves.save([&](CheckpointFolder& folder) { run.save(folder); }, run.now());
  }
  saves.check(SmallRun(5).now());
}

TEST_CASE("a save writes, flushes, closes, renames, flushes the folder, and only then removes") {
  Saves saves({}, 1, find_newest);
  SmallRun run;
  for (int i = 0; i < 2; ++i) {
    run.train(1);
    saves.save([&](CheckpointFolder& folder) { run.save(folder); }, run.now());
  }
  std::vector<Operation::Kind> kinds;
  for (const Operation& operation : saves.operations()) {
    const bool again = operation.kind == Operation::write && kinds.back() == Operation::write;
    if (!again) kinds.push_back(operation.kind);
  }
  const std::vector<Operation::Kind> once = {Operation::create, Operation::write,
                                             Operation::flush,  Operation::close,
                                             Operation::rename, Operation::flush_folder};
  std::vector<Operation::Kind> expected = once;
  expected.insert(expected.end(), once.begin(), once.end());
  expected.push_back(Operation::unlink);
  CHECK(kinds == expected);
}

TEST_CASE("the disk of these tests forgets what was not flushed") {
  const Folder folder;
  folder.fill({{"old", "1"}});
  CrashFiles files(folder);
  const std::string old = folder / "old", fresh = folder / "new";
  {
    const auto file = detail::open_file(files, fresh, O_WRONLY | O_CREAT, 0666);
    files.write(file.get(), "23", 2);
  }
  using States = std::set<Contents>;
  const std::string zero(1, '\0'), zeros(2, '\0');
  const Contents nothing{{"old", "1"}};
  const auto with = [](const std::string& bytes) { return Contents{{"old", "1"}, {"new", bytes}}; };
  CHECK(files.disk(0).after_power_cut() == States{nothing});
  CHECK(files.disk(1).after_power_cut() == States{nothing, with("")});
  CHECK(files.disk(3).after_power_cut() ==
        States{nothing, with(""), with("2"), with("23"), with(zeros)});
  files.rename(fresh.c_str(), old.c_str());
  const auto states = files.disk(4).after_power_cut();
  CHECK(states.contains(Contents{{"old", "2"}}));
  CHECK(states.contains(nothing));
  {
    const auto file = detail::open_file(files, old, O_WRONLY | O_TRUNC);
    files.fsync(file.get());
    const auto whole = detail::open_file(files, folder.path(), O_RDONLY | O_DIRECTORY);
    files.fsync(whole.get());
  }
  CHECK(files.disk(files.operations().size()).after_power_cut() == States{{{"old", ""}}});
}
