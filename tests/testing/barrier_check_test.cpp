// SPDX-License-Identifier: MIT
// A layer with one fault, which the check must find in every run.
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/testing/barrier_check.hpp>

#include "testing/reversing.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

static_assert(Layer<Reversing>);
static_assert(TransformerBlock<ReversingBlock> && !Layer<ReversingBlock>);

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

TEST_CASE("a missing barrier is found in every run, wherever it is") {
  const std::pair<Fault, const char*> faults[] = {
      {Fault::none, ""},
      {Fault::last_of_forward,
       "forward on 2 workers, the first ahead: worker 0 returns before the output is complete: a "
       "barrier is missing at the end of forward"},
      {Fault::first_of_forward,
       "forward on 2 workers, the first ahead: the output is not that of one worker: a barrier is "
       "missing, or an order of additions depends on the number of workers"},
      {Fault::last_of_backward,
       "backward on 2 workers, the first ahead: worker 0 returns before the input's gradient is "
       "complete: a barrier is missing at the end of backward"},
      {Fault::read_before_overwrite,
       "backward on 2 workers, the first ahead: a parameter's gradient is not that of one worker: "
       "a "
       "barrier is missing, or an order of additions depends on the number of workers"},
      {Fault::one_worker_waits_more,
       "forward on 2 workers, the first ahead: worker 0 waits at 2 barriers, worker 1 at 4: they "
       "would wait for ever"},
  };
  for (const auto& [fault, told] : faults) {
    const auto layer = with<Reversing>(fault);
    for (int run = 0; run < 5; ++run) {
      CHECK(first_line(testing::check_barriers(layer, {.width = 4})) == told);
    }
  }
}

TEST_CASE("a block must leave each worker its own rows, not those of others") {
  CHECK(testing::check_barriers(with<ReversingBlock>(Fault::none), {.width = 4}) == "");
  CHECK(testing::check_barriers(with<ReversingBlock>(Fault::first_of_forward), {.width = 4}) != "");
  CHECK(testing::check_barriers(with<ReversingBlock>(Fault::last_of_forward), {.width = 4}) == "");
}

TEST_CASE("a wrong gradient that all workers agree on is no matter of barriers") {
  CHECK(testing::check_barriers(with<Reversing>(Fault::gradient), {.width = 4}) == "");
}
