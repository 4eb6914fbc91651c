// SPDX-License-Identifier: MIT
// Files that earlier versions wrote stay readable: tests/reference/checkpoint_<format>.safetensors
// is SmallRun after three steps, saved when that format was new. A format that changes gets another
// file; the old ones stay.
#include <string>

#include <doctest/doctest.h>

#include "checkpoint/small_run.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("a checkpoint of any format goes on as the run would have, saved in the newest") {
  const std::string newest = OCTAVO_TEST_REFERENCE_FOLDER "/checkpoint_2.safetensors";
  for (const std::string& golden :
       {newest, std::string(OCTAVO_TEST_REFERENCE_FOLDER "/checkpoint_1.safetensors")}) {
    SmallRun run;
    run.load(golden);
    CHECK(run.trainer.state().steps_done == 3);
    CHECK(run.now() == SmallRun(3).now());
    const Folder folder;
    CheckpointFolder saves(folder.path(), 1);
    CHECK(read_file(run.save(saves)) == read_file(newest));
    run.train(2);
    CHECK(run.now() == SmallRun(5).now());
  }
}
