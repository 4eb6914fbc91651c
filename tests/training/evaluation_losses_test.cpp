// SPDX-License-Identifier: MIT
#include <array>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/training/evaluation_losses.hpp>
#include <octavo/training/training_options.hpp>

#include "parallel/mailbox.hpp"

using namespace octavo;

namespace {

/// Its losses are the numbers that were filled in, divided by 3, so that the order of a sum shows.
struct FakeStep {
  explicit FakeStep(Ranks* others) : shared_by(others) { made.micro_batch = 2; }

  Ranks* ranks() const { return shared_by; }
  const TrainingOptions& options() const { return made; }
  std::span<float> losses() { return all; }
  void compute_losses(Index sequences, Index sequence, Index at) {
    for (Index i = 0; i < sequences * sequence; ++i) {
      all[static_cast<std::size_t>(at + i)] = filled[static_cast<std::size_t>(i)] / 3;
    }
    ++computed;
  }

  TrainingOptions made{.batch = 8, .sequence = 4, .leaves = 4};
  Ranks* shared_by;
  std::array<float, 32> all{}, filled{};
  int computed = 0;
};

double sum(FakeStep& step, Index windows) {
  const auto group = [&](Index first) {
    return WindowGroup{std::min<Index>(2, windows - first), first + 2 < windows ? 4 : 3};
  };
  return sum_losses(step, windows, group, [&](Index first, WindowGroup now) {
    std::iota(step.filled.begin(), step.filled.begin() + now.windows * now.length,
              static_cast<float>(100 * first));
  });
}

}  // namespace

TEST_CASE("processes share the windows, and add all losses in the order of one") {
  for (const Index windows : {1, 2, 3, 7, 12, 23}) {
    FakeStep alone(nullptr);
    const double expected = sum(alone, windows);
    CHECK(alone.computed == (windows + 1) / 2);
    for (const Index count : {1, 2, 3, 4}) {
      octavo_test::Mailbox box(count);
      std::array<double, 4> sums{};
      std::array<int, 4> computed{};
      box.run([&](Ranks& ranks) {
        FakeStep step(&ranks);
        const auto own = static_cast<std::size_t>(ranks.rank());
        sums[own] = sum(step, windows);
        computed[own] = step.computed;
      });
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) CHECK(sums[i] == expected);
      CHECK(std::accumulate(computed.begin(), computed.end(), 0) == alone.computed);
      CHECK(computed[0] <=
            (alone.computed + static_cast<int>(count) - 1) / static_cast<int>(count));
    }
  }
}
