// SPDX-License-Identifier: MIT
// Where runs go back to: by their steps alone, never twice to the same, and what is kept for that.
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkpoint/small_run.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// A folder of checkpoints whose steps and rates are said, not trained.
struct Steps {
  Folder folder;
  CheckpointFolder checkpoints;
  SmallRun run;

  explicit Steps(Index keep = 1) : checkpoints(folder.path(), keep) {
    checkpoints.keep_rollback_targets(0);
  }

  void save(Index step, double factor = 1) {
    RunState state = run.trainer.state();
    state.steps_done = step;
    state.lr_scale = factor;
    run.trainer.set_state(state);
    run.save(checkpoints);
  }

  /// -1: there is none.
  Index target(Index now, double factor = 1) {
    RunState state;
    state.steps_done = now;
    state.lr_scale = factor;
    const auto found = rollback_target(find_checkpoints(folder.path()), state);
    return found ? found->step : -1;
  }

  std::vector<Index> kept() const {
    std::vector<Index> steps;
    for (const auto& one : find_checkpoints(folder.path())) steps.push_back(one.step);
    return steps;
  }
};

using Kept = std::vector<Index>;

}  // namespace

TEST_CASE("a run goes back to a multiple of 50, 16 steps before the spike or more") {
  Steps steps(100);
  for (const Index step : {0, 20, 50, 99, 100, 130, 133, 148}) steps.save(step);
  CHECK(steps.target(149) == 100);
  CHECK(steps.target(116) == 100);
  CHECK(steps.target(115) == 50);
  CHECK(steps.target(66) == 50);
  CHECK(steps.target(65) == 0);
  CHECK(steps.target(3) == 0);  // there is nothing older
  CHECK(Steps().target(60) == -1);
}

TEST_CASE("a run goes back to no checkpoint twice") {
  Steps steps(100);
  for (const Index step : {0, 50, 100, 150, 200}) steps.save(step);
  CHECK(steps.target(230) == 200);
  CHECK(steps.target(130, 0.5) == 50);  // later ones say nothing of it; 100 was gone back to
  steps.checkpoints.forget_after(200);
  CHECK(steps.target(230, 0.5) == 150);
  CHECK(steps.target(201, 0.5) == 150);
  steps.checkpoints.forget_after(150);
  CHECK(steps.target(170, 0.25) == 100);
  steps.checkpoints.forget_after(100);
  steps.save(150, 0.125);  // the run has come further, and this one is new
  CHECK(steps.target(170, 0.125) == 150);
  CHECK(steps.target(155, 0.125) == 50);  // 100 was gone back to
  steps.checkpoints.forget_after(150);
  CHECK(steps.target(170, 1.0 / 16) == -1);  // the fifth time in a row
  steps.save(200, 1.0 / 16);
  CHECK(steps.target(220, 1.0 / 16) == 200);
}

TEST_CASE("four rollbacks in a row find a checkpoint, the fifth none") {
  for (const Index keep : {1, 100}) {
    Steps steps(keep);
    for (Index step = 0; step <= 600; step += 50) steps.save(step);
    double factor = 1;
    Index spike = 649;
    for (const Index expected : {600, 550, 500, 450, -1}) {
      CAPTURE(expected);
      CHECK(steps.target(spike, factor) == expected);
      steps.checkpoints.forget_after(expected);
      spike = expected + 20;
      factor /= 2;
      if (expected < 0) break;
    }
  }
}

TEST_CASE("what a rollback can go back to stays, whatever else is kept") {
  Steps steps;
  steps.save(0);
  for (Index step = 7; step <= 260; step += 7) {
    if (step % 50 < 7 && step / 50 > 0) steps.save(step / 50 * 50);
    steps.save(step);
  }
  CHECK(steps.kept() == Kept{259, 250, 200, 150, 100, 50});
  Steps ordinary;
  CheckpointFolder& none = ordinary.checkpoints;
  none.keep_rollback_targets(0);
  steps.save(300);
  CHECK(steps.kept() == Kept{300, 250, 200, 150, 100});
  // A start that comes after a kill between saving and removing.
  std::ofstream(steps.folder / "checkpoint-00000050.safetensors") << "old";
  steps.checkpoints.keep_rollback_targets(310);
  CHECK(steps.kept() == Kept{300, 250, 200, 150, 100});
}

TEST_CASE("a checkpoint that is not whole is passed over, and told") {
  Steps steps(100);
  for (const Index step : {0, 50, 100}) steps.save(step);
  std::string bytes = read_file(steps.folder / "checkpoint-00000100.safetensors");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(steps.folder / "checkpoint-00000100.safetensors", std::ios::binary) << bytes;
  RunState state;
  state.steps_done = 149;
  int skipped = 0;
  const auto found = rollback_target(find_checkpoints(steps.folder.path()), state,
                                     [&](const Error&) { ++skipped; });
  REQUIRE(found);
  CHECK(found->step == 50);
  CHECK(skipped == 1);
}
