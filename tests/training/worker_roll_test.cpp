// SPDX-License-Identifier: MIT
// Which processes take part in a round, where some are late.
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/training/worker_roll.hpp>

#include "parallel/late_ranks.hpp"

using namespace octavo;
using octavo_test::LateRanks;
using octavo_test::Mailbox;
using Part = WorkerRoll::Part;

TEST_CASE("all are there if the first process waits for them") {
  Mailbox box(3);
  box.run([&](Ranks& ranks) {
    WorkerRoll roll(ranks, -1);
    for (Index done = 10; done <= 30; done += 10) {
      Index steps = done;
      roll.call(steps, ranks.rank() == 2 && done == 20, false);
      const bool all = steps == done && roll.all_are_there() && roll.present().size() == 3;
      CHECK(all);
      if (ranks.rank() == 0) CHECK(roll.asked() == (done == 20));
      CHECK(roll.agree(ranks.rank() == 0 ? done : Index{-1}) == done);
    }
  });
}

TEST_CASE("one that is late is left out, and joins at a later round") {
  Mailbox box(3);
  std::vector<Index> steps_of_late;
  box.run([&](Mailbox::Rank& inner) {
    LateRanks ranks(inner);
    ranks.late = [](Index from, Index call) { return from == 2 && call <= 2; };
    WorkerRoll roll(ranks, 1e-9);
    Index steps = 0;
    for (Index round = 1; round <= 4; ++round) {
      steps += 10;
      ranks.next_call();
      roll.call(steps, false, false);
      if (ranks.rank() == 2) {
        steps_of_late.push_back(steps);
        CHECK(roll.part() == (round == 1 ? Part::joining : Part::present));
        if (steps == 40) break;
        continue;
      }
      CHECK(steps == 10 * round);
      CHECK(roll.part(2) == (round <= 2   ? Part::absent
                             : round == 3 ? Part::joining
                                          : Part::present));
      CHECK(roll.present().size() == (round <= 3 ? 2 : 3));
    }
  });
  CHECK(steps_of_late == std::vector<Index>{30, 40});
}

TEST_CASE("the end of a run waits for those that are late") {
  Mailbox box(2);
  box.run([&](Mailbox::Rank& inner) {
    LateRanks ranks(inner);
    ranks.late = [](Index, Index) { return true; };
    WorkerRoll roll(ranks, 1e-9);
    Index steps = 5, waited_for = 0;
    ranks.next_call();
    roll.call(steps, false, false);
    if (ranks.rank() == 0) {
      CHECK_FALSE(roll.all_are_there());
      roll.wait_for_absent([&](Index late) { waited_for = late; });
      CHECK(waited_for == 1);
    }
    CHECK(roll.part(1) == Part::joining);
    CHECK(roll.agree(ranks.rank() == 0 ? 7 : 0) == 7);
  });
}
