// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/generation/generation_memory.hpp>
#include <octavo/memory/plan_check.hpp>

using namespace octavo;

namespace {

constexpr ModelConfig config{.vocabulary = 23,
                             .context = 48,
                             .layers = 2,
                             .width = 36,
                             .attention = {.heads = 3},
                             .feed_forward = {.d_ff = 50}};
static_assert(generation_bytes<float>(config, 48) > 2 * 2 * 48 * 36 * sizeof(float));
static_assert(generation_bytes<Transformer<double>>(config, 48) ==
              generation_bytes<double>(config, 48));

}  // namespace

TEST_CASE("plans of generation are sound, and grow with sequences and with sliding ahead") {
  for (const Index workers : {1, 3}) {
    for (const Index sequences : {1, 5}) {
      for (const Sliding sliding : {Sliding::at_once, Sliding::ahead}) {
        const GenerationPlan<Transformer<float>> planned(config, 24, workers, sequences, sliding);
        CHECK(plan_defect(planned.plan) == "");
        CHECK(planned.plan.total_bytes() ==
              generation_bytes<float>(config, 24, workers, sequences, sliding));
        CHECK(planned.memory.prepared.booked() == (sliding == Sliding::ahead));
        CHECK(planned.memory.logits.count == sequences * config.vocabulary);
      }
      CHECK(generation_bytes<float>(config, 24, workers, sequences, Sliding::ahead) >
            generation_bytes<float>(config, 24, workers, sequences));
    }
    CHECK(generation_bytes<float>(config, 24, workers, 5) >
          generation_bytes<float>(config, 24, workers, 1));
  }
}
