// SPDX-License-Identifier: MIT
// An earlier run is moved whole or not at all, whatever happens meanwhile.
#include <algorithm>
#include <checkpoint/crash_files.hpp>
#include <checkpoint/fault_files.hpp>
#include <csignal>
#include <set>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

using namespace octavo;
using namespace octavo_test;

namespace {

/// What a run leaves; the names are what counts.
const Contents run{{"checkpoint-00000020.safetensors", "20"},
                   {"checkpoint-00000040.safetensors", "40"},
                   {"best.safetensors", "best"},
                   {"model.safetensors", "model"},
                   {"metrics.csv", "step,loss,learning_rate,1"},
                   {"report.html", "page"}};

Contents below(const std::string& folder, const Contents& contents) {
  Contents all;
  for (const auto& [name, bytes] : contents) all[folder + "/" + name] = bytes;
  return all;
}

Contents with(Contents some, const Contents& others) {
  some.insert(others.begin(), others.end());
  return some;
}

/// A start after a move that was interrupted: all of the run is in one place, and a new run's start
/// then brings it there.
void check_restart(const Folder& disk, const Contents& before) {
  {
    const CheckpointFolder restart(disk.path(), 1);
    const Contents found = disk.all_contents();
    const bool whole = found == with(before, run) || found == with(before, below("earlier-2", run));
    CHECK(whole);
    CHECK_FALSE(std::filesystem::exists(disk / "earlier.part"));
  }
  CheckpointFolder(disk.path(), 1).set_aside();
  CHECK(disk.all_contents() == with(before, below("earlier-2", run)));
}

/// An earlier run that was moved by version 1, and one by this.
const Contents others = {{"earlier/checkpoint-00000040.safetensors", "version 1"},
                         {"earlier/notes", "a user's"},
                         {"earlier-1/checkpoint-00000040.safetensors", "the first"},
                         {"notes", "a user's"},
                         {"tokens.bin", "of a text"}};

}  // namespace

TEST_CASE("an earlier run is moved to the next number; what is no run's stays") {
  const Folder folder;
  folder.fill(with(others, run));
  CheckpointFolder checkpoints(folder.path(), 1);
  CHECK(checkpoints.set_aside() == folder / "earlier-2");
  CHECK(folder.all_contents() == with(others, below("earlier-2", run)));
  CHECK(checkpoints.set_aside() == std::nullopt);
}

TEST_CASE("what is not there is passed over, and a number without a next one is none of ours") {
  const Folder folder;
  folder.fill({{"a", "1"}, {"c", "3"}, {"earlier-9223372036854775807/a", "a user's"}});
  const std::vector<std::string> names{"a", "b", "c"};
  CHECK(EarlierRuns(folder.path()).move(names) == folder / "earlier-1");
  CHECK(folder.all_contents() == Contents{{"earlier-1/a", "1"},
                                          {"earlier-1/c", "3"},
                                          {"earlier-9223372036854775807/a", "a user's"}});
}

TEST_CASE("the largest number that counts is followed by the next free one") {
  const Folder folder;
  folder.fill({{"a", "1"}, {"earlier-999999999/a", "old"}, {"earlier-1000000000/a", "a user's"}});
  const std::vector<std::string> names{"a"};
  CHECK(EarlierRuns(folder.path()).move(names) == folder / "earlier-1000000001");
}

TEST_CASE("a file that has come since a move was interrupted stays, and so does the one moved") {
  const Folder folder;
  folder.fill({{"metrics.csv", "new"},
               {"earlier.part/metrics.csv", "old"},
               {"earlier.part/report.html", "page"}});
  EarlierRuns(folder.path()).recover();
  CHECK(folder.all_contents() == Contents{{"metrics.csv", "new"},
                                          {"earlier-1/metrics.csv", "old"},
                                          {"report.html", "page"}});
}

TEST_CASE("every single file of a run is a run, but for tables of something else") {
  for (const auto& file : run) {
    CAPTURE(file.first);
    const Folder folder;
    folder.fill({file});
    CHECK(CheckpointFolder(folder.path(), 1).set_aside() == folder / "earlier-1");
    CHECK(folder.all_contents() == Contents{{"earlier-1/" + file.first, file.second}});
  }
  const Folder folder;
  folder.fill({{"samples.tsv", "step\ttext\n1\ta\n"}});
  CHECK(CheckpointFolder(folder.path(), 1).set_aside() == folder / "earlier-1");
  const Contents foreign{{"metrics.csv", "my,own\n"}, {"samples.tsv", "step,text\n"}};
  const Folder other;
  other.fill(foreign);
  CHECK(CheckpointFolder(other.path(), 1).set_aside() == std::nullopt);
  CHECK(other.all_contents() == foreign);
}

TEST_CASE("links to a run's files are moved, what is no file stays") {
  const Folder folder, elsewhere;
  elsewhere.fill({{"model", "1"}});
  std::filesystem::create_symlink(elsewhere / "model", folder / "model.safetensors");
  std::filesystem::create_symlink("best.safetensors", folder / "best.safetensors");
  std::filesystem::create_symlink("/dev/null", folder / "report.html");
  std::filesystem::create_directory(folder / "metrics.csv");
  CHECK(CheckpointFolder(folder.path(), 1).set_aside() == folder / "earlier-1");
  CHECK(read_file(folder / "earlier-1/model.safetensors") == "1");
  CHECK(read_file(elsewhere / "model") == "1");
  CHECK(std::filesystem::is_symlink(folder / "best.safetensors"));
  CHECK(std::filesystem::is_symlink(folder / "report.html"));
  CHECK(std::filesystem::is_directory(folder / "metrics.csv"));
}

TEST_CASE("a power cut at any operation of a move loses nothing") {
  const Contents before{{"earlier-1/checkpoint-00000040.safetensors", "the first"}};
  const Folder folder;
  folder.fill(with(before, run));
  CrashFiles files(folder);
  CheckpointFolder(folder.path(), 1, {}, files).set_aside();
  int states = 0;
  for (std::size_t operation = 0; operation <= files.operations().size(); ++operation) {
    CAPTURE(operation);
    for (const Contents& state : files.disk(operation).after_power_cut()) {
      const Folder disk;
      disk.fill(state);
      check_restart(disk, before);
      ++states;
    }
  }
  MESSAGE(states << " states of the disk");
  CHECK(states > 100);
}

TEST_CASE("a process killed at any call of a move loses nothing, and its newest is found") {
  const Contents before{{"earlier-1/checkpoint-00000040.safetensors", "the first"}};
  int killed = 0, halves = 0;
  for (bool ended = false; !ended; ++killed) {
    CAPTURE(killed);
    const Folder folder;
    folder.fill(with(before, run));
    const pid_t child = ::fork();
    if (child == 0) {
      FaultFiles files;
      files.inject({.number = killed, .error = EIO, .kills = true});
      CheckpointFolder(folder.path(), 1, {}, files).set_aside();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ended = WIFEXITED(status);
    const bool moved = std::filesystem::exists(folder / "earlier-2");
    halves += std::filesystem::exists(folder / "earlier.part");
    // Until the last file goes, whoever resumes finds what the run came to.
    const auto found = find_checkpoints(folder.path());
    const bool last =
        std::filesystem::exists(folder / "earlier.part/checkpoint-00000040.safetensors");
    CHECK((moved || last || found.at(0).step == 40));
    check_restart(folder, before);
  }
  CHECK(killed > 15);
  CHECK(halves > 8);
}

TEST_CASE("a move that fails is undone, and told") {
  const Contents before{{"earlier-1/checkpoint-00000040.safetensors", "the first"}};
  for (const Call call : {Call::rename, Call::fsync}) {
    int number = 0;
    for (bool fired = true; fired; ++number) {
      CAPTURE(number);
      const Folder folder;
      folder.fill(with(before, run));
      FaultFiles files;
      CheckpointFolder checkpoints(folder.path(), 1, {}, files);
      files.inject({.number = number, .error = EIO, .only = call});
      try {
        checkpoints.set_aside();
        fired = files.fired();
        CHECK(
            (!fired || call == Call::fsync));  // the last flush is for the next start's sake alone
        CHECK(folder.all_contents() == with(before, below("earlier-2", run)));
      } catch (const IoError& error) {
        CHECK(error.code() == ErrorCode::cannot_create);
        CHECK(folder.all_contents() == with(before, run));
      }
    }
    CHECK(number > (call == Call::fsync ? 3 : 2));  // the flushes of both folders count
  }
}

TEST_CASE("what came after the step that a run is taken up at is moved, with its best model") {
  const Folder folder;
  {
    CheckpointFolder saves(folder.path(), 9);
    for (const Index step : {1, 2, 3}) SmallRun(step).save(saves);
    SmallRun(3).save_best(saves);
  }
  const Contents all = folder.contents();
  CheckpointFolder saves(folder.path(), 9);
  CHECK(saves.set_aside_after(3) == std::nullopt);
  CHECK(saves.set_aside_after(3, true) == std::nullopt);
  CHECK(saves.set_aside_after(1) == folder / "earlier-1");
  CHECK(read_file(folder / "earlier-1/best.safetensors") == all.at("best.safetensors"));
  CHECK(find_checkpoints(folder.path()).size() == 1);
  CHECK(find_checkpoints(folder / "earlier-1").size() == 2);
  // A best alone comes again, unless the run is another now.
  SmallRun(3).save_best(saves);
  CHECK(saves.set_aside_after(1) == std::nullopt);
  CHECK(saves.set_aside_after(1, true) == folder / "earlier-2");
  CHECK_FALSE(std::filesystem::exists(saves.best()));
}
