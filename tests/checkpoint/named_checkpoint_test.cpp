// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/named_checkpoint.hpp>

#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"

using namespace octavo;
using namespace octavo_test;
using octavo::detail::checkpoint_name;
using octavo::detail::step_of_name;

namespace {

std::vector<Index> steps_of(const std::vector<NamedCheckpoint>& found) {
  std::vector<Index> steps;
  for (const NamedCheckpoint& checkpoint : found) steps.push_back(checkpoint.step);
  return steps;
}

}  // namespace

TEST_CASE("a checkpoint's name has its step, and steps sort as names do") {
  CHECK(checkpoint_name(500) == "checkpoint-00000500.safetensors");
  CHECK(checkpoint_name(0) == "checkpoint-00000000.safetensors");
  CHECK(checkpoint_name(123'456'789) == "checkpoint-123456789.safetensors");
  for (const Index step : {Index{0}, Index{7}, Index{99'999'999}, Index{1} << 61}) {
    CHECK(step_of_name(checkpoint_name(step)) == step);
  }
  CHECK(checkpoint_name(99) < checkpoint_name(100));
}

TEST_CASE("other names are no checkpoint's") {
  for (const char* name :
       {"", "checkpoint-", "checkpoint-.safetensors", "checkpoint-00000001",
        "checkpoint-0000000x.safetensors", "checkpoint--0000001.safetensors",
        "checkpoint-00000001.safetensors.tmp", "a-checkpoint-00000001.safetensors",
        "checkpoint-1.5.safetensors", "checkpoint-99999999999999999999.safetensors",
        "checkpoint-safetensors"}) {
    INFO(name);
    CHECK(!step_of_name(name));
  }
}

TEST_CASE("the checkpoints of a folder come newest first") {
  const Folder folder;
  CHECK(find_checkpoints(folder.path()).empty());
  folder.fill({{checkpoint_name(9), ""},
               {checkpoint_name(100), ""},
               {checkpoint_name(20), ""},
               {"best.safetensors", ""},
               {"checkpoint-x.safetensors", ""}});
  const auto found = find_checkpoints(folder.path());
  CHECK(steps_of(found) == std::vector<Index>{100, 20, 9});
  CHECK(found[0].path == folder / checkpoint_name(100));
}

TEST_CASE("a folder that cannot be read is the caller's to mend") {
  const Folder folder;
  try {
    find_checkpoints(folder / "missing");
    FAIL("there is no such folder");
  } catch (const IoError& error) {
    CHECK(error.code() == ErrorCode::no_input);
    CHECK(error.hint() == "name a checkpoint or a folder that holds one");
  }
}

TEST_CASE("the newest checkpoint that is whole is found, and others are told") {
  const SavedRun run;
  const Folder folder;
  std::string altered = run.good;
  altered.back() = static_cast<char>(altered.back() ^ 1);
  folder.fill({{checkpoint_name(1), run.good},
               {checkpoint_name(2), run.good},
               {checkpoint_name(3), altered},
               {checkpoint_name(4), "checkpoint"}});
  std::vector<std::string> skipped;
  const auto tell = [&](const Error& error) { skipped.emplace_back(error.what()); };
  const NamedCheckpoint newest = newest_valid_checkpoint(folder.path(), tell);
  CHECK(newest.step == 2);
  CHECK(newest.path == folder / checkpoint_name(2));
  REQUIRE(skipped.size() == 2);
  CHECK(skipped[0].find(checkpoint_name(4)) != std::string::npos);
  CHECK(skipped[1].find("CRC-32C") != std::string::npos);
  CHECK(newest_valid_checkpoint(folder.path(), {}).step == 2);  // nobody listens
}

TEST_CASE("a folder without a whole checkpoint says which of the two it is") {
  const Folder folder;
  const auto said = [&] {
    try {
      newest_valid_checkpoint(folder.path(), {});
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::no_input);
      return std::string(error.what()).substr(0, 36) + " / " + error.hint();
    }
    return std::string();
  };
  CHECK(said() == "there is no checkpoint in " + printable(folder.path(), 1000).substr(0, 10) +
                      " / name a folder to which a run has been saved");
  folder.fill({{checkpoint_name(1), "x"}});
  CHECK(said().ends_with("name another checkpoint, or the folder of another run"));
  CHECK(said().starts_with("there is no valid checkpoint in "));
}
