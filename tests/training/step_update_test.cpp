// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/sgd.hpp>
#include <octavo/training/training_step.hpp>

using namespace octavo;

namespace {

constexpr ModelConfig config{.vocabulary = 19,
                             .context = 12,
                             .layers = 1,
                             .width = 8,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 12}};

}  // namespace

TEST_CASE("a tensor is updated by its own gradient, one that is not finite stops all that follow") {
  ThreadPool threads(1);
  const TrainingOptions options{.sequence = 4,
                                .optimizer = Sgd{.momentum = 0, .weight_decay = 0},
                                .clip = 0,
                                .fused_update = true};
  TrainingStep<float> step(Transformer<float>{config}, options, threads);
  const Parameter& tensor = step.parameters().find("head.weight");
  const auto weights = step.weights().subspan(static_cast<std::size_t>(tensor.offset),
                                              static_cast<std::size_t>(tensor.count()));
  const std::vector<float> before(weights.begin(), weights.end());
  std::vector<float> gradient(before.size(), 0.5F);
  FusedProgress progress;
  step.work().updates().update_tensor(Worker{}, tensor, gradient, 0.25, progress);
  CHECK_FALSE(progress.diverged);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(weights[i] == before[i] - 0.125F);

  const std::vector<float> updated(weights.begin(), weights.end());
  gradient[3] = std::numeric_limits<float>::quiet_NaN();
  step.work().updates().update_tensor(Worker{}, tensor, gradient, 0.25, progress);
  CHECK(progress.diverged);
  CHECK(std::ranges::equal(updated, weights));
}
