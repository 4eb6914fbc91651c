// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/training/evaluation_windows.hpp>

using namespace octavo;

namespace {

std::vector<Index> first_tokens(const EvaluationWindows& windows) {
  std::vector<Index> all;
  for (Index i = 0; i < windows.count(); ++i) all.push_back(windows.first(i));
  return all;
}

}  // namespace

TEST_CASE("evaluation windows: all of them, the last of which may be shorter") {
  const EvaluationWindows windows(25, 10, 0);
  CHECK(!windows.is_sample());
  CHECK(first_tokens(windows) == std::vector<Index>{0, 10, 20});
  CHECK(windows.targets() == 25);
  CHECK(windows.length(1) == 10);
  CHECK(windows.length(2) == 5);
  CHECK(EvaluationWindows(20, 10, 0).count() == 2);
}

TEST_CASE("evaluation windows: a sample spreads what is left over when it divides the text") {
  // 11 whole windows, of which 4 are taken: every 2.75th, rounded down.
  const EvaluationWindows windows(115, 10, 49);
  CHECK(windows.is_sample());
  CHECK(first_tokens(windows) == std::vector<Index>{0, 20, 50, 80});
  CHECK(windows.targets() == 40);
  CHECK(windows.length(3) == 10);
}

TEST_CASE(
    "evaluation windows: as many targets as there are is no sample, fewer than a window one") {
  CHECK(!EvaluationWindows(50, 10, 50).is_sample());
  CHECK(EvaluationWindows(50, 10, 49).is_sample());
  CHECK(EvaluationWindows(50, 10, 3).count() == 1);
  CHECK(!EvaluationWindows(5, 10, 3).is_sample());
}
