// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/testing/workers_in_turn.hpp>

using namespace octavo;
using testing::run_in_turn;
using testing::Turns;

namespace {

/// Who did what, in order: "0a1a0b1b".
std::string story(Index workers, Turns turns) {
  std::string told;
  const auto task = [&](const Worker& worker) {
    for (const char* const part : {"a", "b", "c"}) {
      told += std::to_string(worker.index()) + part;
      if (*part != 'c') worker.barrier();
    }
  };
  CHECK(run_in_turn(workers, turns, task) ==
        std::vector<Index>(static_cast<std::size_t>(workers), workers == 1 ? 0 : 2));
  return told;
}

}  // namespace

TEST_CASE("one worker goes up to its barrier before the next one begins") {
  CHECK(story(1, Turns::first_to_last) == "0a0b0c");
  CHECK(story(2, Turns::first_to_last) == "0a1a0b1b0c1c");
  CHECK(story(3, Turns::last_to_first) == "2a1a0a2b1b0b2c1c0c");
}

TEST_CASE("a worker that waits less often than the others hangs nobody, and is told") {
  const auto waits = [](const Worker& worker) {
    for (Index i = 0; i < 5 - worker.index(); ++i) worker.barrier();
  };
  const std::vector<Index> barriers = run_in_turn(3, Turns::first_to_last, waits);
  CHECK(barriers == std::vector<Index>{5, 4, 3});
  CHECK(testing::unequal_barriers(barriers) ==
        "worker 0 waits at 5 barriers, worker 1 at 4: they would wait for ever\n");
  CHECK(testing::unequal_barriers({2, 2, 2}).empty());
}

TEST_CASE("an exception of a worker arrives when all have ended") {
  int ended = 0;
  const auto task = [&](const Worker& worker) {
    worker.barrier();
    if (worker.index() == 1) throw std::runtime_error("tired");
    worker.barrier();
    ++ended;
  };
  CHECK_THROWS_WITH(run_in_turn(3, Turns::last_to_first, task), "tired");
  CHECK(ended == 2);
  CHECK_THROWS_AS(run_in_turn(0, Turns::first_to_last, task), ConfigError);
}
