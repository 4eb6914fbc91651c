// SPDX-License-Identifier: MIT
// Every call to the operating system that saving and loading make fails once, or from then on.
#include <algorithm>
#include <checkpoint/fault_files.hpp>
#include <checkpoint/small_run.hpp>
#include <functional>
#include <set>

#include <doctest/doctest.h>

using namespace octavo;
using namespace octavo_test;

namespace {

/// Calls body(fault), which says whether the fault has happened, for every kind of fault at the
/// first call, the second, and so on until there is no such call.
void for_every_fault(const std::function<bool(const Fault&)>& body) {
  const Fault kinds[] = {{.error = ENOSPC}, {.error = EIO},   {.error = EDQUOT},
                         {.error = EINTR},  {.error = EROFS}, {.error = EACCES},
                         {.error = EMFILE}, {.half = false},  {.half = true}};
  int cases = 0;
  for (Fault fault : kinds) {
    for (const bool forever : {false, true}) {
      fault.forever = forever;
      fault.number = 0;
      while (body(fault)) ++fault.number;
      CAPTURE(fault);
      REQUIRE_MESSAGE(fault.number > 0, "no fault has happened");
      cases += fault.number;
    }
  }
  MESSAGE(cases << " faults");
}

bool is_survivable(const Fault& fault) { return fault.error == 0 || fault.error == EINTR; }

/// A save does without handing permissions on.
bool save_survives(const FaultFiles& files, const Fault& fault) {
  return !files.fired() || is_survivable(fault) ||
         (files.first() == Call::fchmod && !fault.forever);
}

/// What a call has thrown, if anything.
struct Outcome {
  std::optional<ErrorCode> code;
  std::string message;

  bool mentions(const std::string& path) const {
    std::string name = printable(path);
    while (name.ends_with('\'') || name.ends_with('.')) name.pop_back();
    return message.find(name) != message.npos;
  }
};

Outcome outcome_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

bool includes(const Contents& all, const Contents& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

/// A save of the file `name` that turns `before` into `after`.
struct Save {
  std::string name;
  Contents before;
  Contents after;
  std::function<void(const Folder&, FaultFiles&, const Fault&)> call;
  /// Loads the newest of a folder: it must be what was saved, or what was there before.
  std::function<void(const Folder&, bool saved)> load;
};

/// A save into a CheckpointFolder as the call of a Save.
auto into_folder(Index keep, std::function<void(CheckpointFolder&)> save) {
  return [=](const Folder& folder, FaultFiles& files, const Fault& fault) {
    CheckpointFolder checkpoints(folder.path(), keep, {}, files);
    files.inject(fault);
    save(checkpoints);
    files.relent();
  };
}

/// Returns the calls that have failed.
std::set<Call> check_save(const Save& save) {
  const Folder folder;
  std::set<Call> failed;
  for_every_fault([&](const Fault& fault) {
    CAPTURE(fault);
    folder.fill(save.before);
    FaultFiles files;
    const Outcome outcome = outcome_of([&] { save.call(folder, files, fault); });
    CHECK(files.open_files() == 0);
    if (files.fired()) failed.insert(files.first());
    const bool survivable = save_survives(files, fault);
    // What follows the flush of the folder may fail: its closing, and the removal of old files.
    const bool renamed = files.fired() && (files.on_folder() || files.first() == Call::unlink);
    const bool saved = renamed && (files.first() == Call::close || files.first() == Call::unlink);
    if (survivable || saved) {
      CHECK_MESSAGE(!outcome.code, outcome.message);
    } else {
      const bool begun = (files.first() != Call::open && files.first() != Call::stat) || renamed;
      CHECK(outcome.code == (begun ? ErrorCode::io : ErrorCode::cannot_create));
      CHECK_MESSAGE(outcome.mentions(folder / save.name), outcome.message);
    }
    Contents found = folder.contents();
    if (survivable) {
      CHECK(found == save.after);
    } else if (saved) {
      CHECK((includes(found, save.after) && !has_leftovers(found)));
    } else {
      // A half-written file stays only if it cannot be removed, and until the next start.
      if (fault.forever) CheckpointFolder(folder.path(), 1), found = folder.contents();
      Contents expected = save.before;
      if (renamed) expected[save.name] = save.after.at(save.name);
      CHECK(found == expected);
    }
    save.load(folder, survivable || renamed);
    return files.fired();
  });
  return failed;
}

/// What a call of a load has thrown; what it has opened is closed.
Outcome outcome_of_load(FaultFiles& files, const Fault& fault, const std::function<void()>& load) {
  files.inject(fault);
  const Outcome outcome = outcome_of(load);
  files.relent();
  CHECK(files.open_files() == 0);
  return outcome;
}

/// Closing what was read may fail.
bool load_survives(const FaultFiles& files, const Fault& fault) {
  return !files.fired() || is_survivable(fault) || files.first() == Call::close;
}

ErrorCode code_of(Call call) { return call == Call::pread ? ErrorCode::io : ErrorCode::no_input; }

/// The contents of a folder with the checkpoints of these steps.
Contents checkpoints_of(std::initializer_list<Index> steps) {
  const Folder folder;
  CheckpointFolder checkpoints(folder.path(), 100);
  for (const Index step : steps) SmallRun(step).save(checkpoints);
  return folder.contents();
}

std::string name_of_step(Index step) { return detail::checkpoint_name(step); }

}  // namespace

TEST_CASE("no fault of a save harms what was there: the first checkpoint") {
  const SmallRun run(1);
  const auto failed = check_save({
      .name = name_of_step(1),
      .before = {},
      .after = checkpoints_of({1}),
      .call = into_folder(2, [&](CheckpointFolder& folder) { run.save(folder); }),
      .load =
          [&, fresh = run.now()](const Folder& folder, bool saved) {
            CHECK(newest_run(folder.path()) == (saved ? std::optional(fresh) : std::nullopt));
          },
  });
  CHECK(failed == std::set{Call::open, Call::close, Call::write, Call::pwrite, Call::stat,
                           Call::fsync, Call::rename});
}

TEST_CASE("no fault of a save harms what was there: a checkpoint that replaces old ones") {
  const SmallRun run(4);
  const auto failed = check_save({
      .name = name_of_step(4),
      .before = checkpoints_of({1, 2, 3}),
      .after = checkpoints_of({4}),
      .call = into_folder(1, [&](CheckpointFolder& folder) { run.save(folder); }),
      .load = [&, old = SmallRun(3).now(), fresh = run.now()](
                  const Folder& folder,
                  bool saved) { CHECK(newest_run(folder.path()) == (saved ? fresh : old)); },
  });
  CHECK(failed == std::set{Call::open, Call::close, Call::write, Call::pwrite, Call::stat,
                           Call::fsync, Call::rename, Call::unlink});
}

TEST_CASE("no fault of a save harms what was there: a checkpoint under the same name") {
  const SmallRun old(2);
  SmallRun run(2);
  run.trainer.weights()[0] += 1;
  const Folder other;
  CheckpointFolder checkpoints(other.path(), 2);
  run.save(checkpoints);
  check_save({
      .name = name_of_step(2),
      .before = checkpoints_of({2}),
      .after = other.contents(),
      .call = into_folder(2, [&](CheckpointFolder& folder) { run.save(folder); }),
      .load =
          [&](const Folder& folder, bool saved) {
            CHECK(newest_run(folder.path()) == (saved ? run.now() : old.now()));
          },
  });
}

TEST_CASE("no fault of a save harms what was there: the best checkpoint, and a model") {
  const SmallRun old(1);
  const SmallRun run(2);
  Contents before, after;
  const auto fill = [](const SmallRun& one) {
    const Folder folder;
    CheckpointFolder checkpoints(folder.path(), 2);
    one.save_best(checkpoints);
    one.save_model(folder / "model.safetensors");
    return folder.contents();
  };
  const Contents olds = fill(old), news = fill(run);
  const auto with = [&](const std::string& name) {
    Contents contents = olds;
    contents[name] = news.at(name);
    return contents;
  };
  check_save({
      .name = "best.safetensors",
      .before = olds,
      .after = with("best.safetensors"),
      .call = into_folder(2, [&](CheckpointFolder& folder) { run.save_best(folder); }),
      .load =
          [&](const Folder& folder, bool saved) {
            SmallRun loaded;
            loaded.load(folder / "best.safetensors");
            CHECK(loaded.now() == (saved ? run.now() : old.now()));
          },
  });
  check_save({
      .name = "model.safetensors",
      .before = olds,
      .after = with("model.safetensors"),
      .call =
          [&](const Folder& folder, FaultFiles& files, const Fault& fault) {
            files.inject(fault);
            run.save_model(folder / "model.safetensors", files);
            files.relent();
          },
      .load =
          [&](const Folder& folder, bool saved) {
            CHECK(std::ranges::equal(load_model<float>(folder / "model.safetensors").weights,
                                     (saved ? run : old).now().weights));
          },
  });
}

TEST_CASE("a folder that cannot be flushed is no failure of the save") {
  const SmallRun run(1);
  const Folder folder;
  FaultFiles files;
  files.inject({.number = 1, .error = EINVAL, .forever = true, .only = Call::fsync});
  run.save_model(folder / "model", files);
  CHECK((files.fired() && files.on_folder()));
}

TEST_CASE("a run goes on after a disk that was full, and saves when there is room again") {
  const SmallRun run(2);
  const Folder folder;
  folder.fill(checkpoints_of({1}));
  FaultFiles files;
  CheckpointFolder checkpoints(folder.path(), 1, {}, files);
  for (int attempt = 0; attempt < 2; ++attempt) {
    files.inject({.number = 3, .error = ENOSPC, .forever = true, .only = Call::write});
    CHECK(outcome_of([&] { run.save(checkpoints); }).code == ErrorCode::io);
    CHECK(folder.contents() == checkpoints_of({1}));
  }
  files.relent();
  run.save(checkpoints);
  CHECK(folder.contents() == checkpoints_of({2}));
}

TEST_CASE("every fault of loading a model is told, and nothing else is loaded") {
  const SmallRun run(1);
  const Folder folder;
  const std::string path = folder / "model.safetensors";
  run.save_model(path);
  for_every_fault([&](const Fault& fault) {
    CAPTURE(fault);
    FaultFiles files;
    AlignedBuffer<float> weights;
    const Outcome outcome = outcome_of_load(
        files, fault, [&] { weights = load_model<float>(path, standard_model, files).weights; });
    if (load_survives(files, fault)) {
      CHECK_MESSAGE(!outcome.code, outcome.message);
      CHECK(std::ranges::equal(weights, run.now().weights));
    } else {
      CHECK(outcome.code == code_of(files.first()));
      CHECK(outcome.mentions(path));
    }
    return files.fired();
  });
}

TEST_CASE("a fault while a checkpoint is loaded leaves the trainer alone") {
  const Folder folder;
  CheckpointFolder checkpoints(folder.path(), 2);
  const SmallRun saved(2);
  const std::string path = saved.save(checkpoints);
  SmallRun run(1);
  const Snapshot before = run.now();

  FaultFiles verified;
  {
    const FileSource source(path, verified);
    CheckpointFile(source).verify();
  }
  const int first_reading = verified.calls() - 1;  // all but closing

  int untouched = 0, lost = 0;
  for_every_fault([&](const Fault& fault) {
    CAPTURE(fault);
    run.trainer.set_state(before.state);
    std::copy(before.weights.begin(), before.weights.end(), run.trainer.weights().begin());
    std::copy(before.moments.begin(), before.moments.end(), run.trainer.optimizer_state().begin());
    FaultFiles files;
    const Outcome outcome = outcome_of_load(files, fault, [&] { run.load(path, files); });
    if (load_survives(files, fault)) {
      CHECK_MESSAGE(!outcome.code, outcome.message);
      CHECK(run.now() == saved.now());
      return files.fired();
    }
    CHECK(outcome.code == code_of(files.first()));
    CHECK(outcome.mentions(path));
    if (fault.number < first_reading) {
      ++untouched;
      CHECK(run.now() == before);
    } else {
      // What is documented: the second reading goes straight into the trainer. Its counters are
      // still the old ones, and loading again puts everything right.
      ++lost;
      CHECK(outcome.code == ErrorCode::io);
      CHECK(run.now().state == before.state);
      run.load(path);
      CHECK(run.now() == saved.now());
    }
    return true;
  });
  CHECK(untouched > 0);
  CHECK(lost > 0);
}

TEST_CASE("a checkpoint that cannot be read is passed over, and told") {
  const Folder folder;
  folder.fill(checkpoints_of({1, 2, 3}));
  const auto check = [&](Index newest_readable, int damaged) {
    for_every_fault([&](const Fault& fault) {
      CAPTURE(fault);
      FaultFiles files;
      int skipped = 0;
      NamedCheckpoint found;
      const Outcome outcome = outcome_of_load(files, fault, [&] {
        found = newest_valid_checkpoint(
            folder.path(), [&](const Error&) { ++skipped; }, {}, files);
      });
      const bool harmful = files.fired() && !is_survivable(fault);
      if (outcome.code) {
        CHECK((harmful && fault.forever && skipped == 3));
        CHECK(outcome.code == ErrorCode::no_input);
        CHECK(outcome.mentions(folder.path()));
      } else {
        SmallRun run;
        run.load(found.path);
        CHECK(run.now() == SmallRun(found.step).now());
        CHECK(found.step >= newest_readable - harmful);
        CHECK(skipped == 3 - found.step);
        if (!harmful) CHECK((found.step == newest_readable && skipped == damaged));
        CHECK((!harmful || !fault.forever || files.first() == Call::close));
      }
      return files.fired();
    });
  };
  check(3, 0);
  Contents damaged = folder.contents();
  damaged[name_of_step(3)].back() ^= 1;
  folder.fill(damaged);
  check(2, 1);
}

TEST_CASE("every fault of locking a folder is told") {
  const Folder folder;
  for_every_fault([&](const Fault& fault) {
    CAPTURE(fault);
    FaultFiles files;
    const Outcome outcome =
        outcome_of_load(files, fault, [&] { const FolderLock lock(folder.path(), files); });
    const bool survived = load_survives(files, fault) || files.first() == Call::write;
    CHECK(outcome.code == (survived ? std::nullopt : std::optional(ErrorCode::cannot_create)));
    if (!survived) CHECK(outcome.mentions(folder.path()));
    return files.fired();
  });
  const FolderLock free_again(folder.path());
}
