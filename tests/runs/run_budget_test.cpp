// SPDX-License-Identifier: MIT
#include <algorithm>

#include <doctest/doctest.h>

#include <octavo/runs/corpus_reader.hpp>
#include <octavo/runs/run_budget.hpp>

namespace {

constexpr octavo::ModelConfig config{.vocabulary = 35,
                                     .context = 64,
                                     .layers = 6,
                                     .width = 64,
                                     .attention = {.heads = 2},
                                     .feed_forward = {.d_ff = 256}};

octavo::TrainingOptions fitted(const octavo::Corpus& corpus, std::size_t budget) {
  const octavo::TrainingOptions wanted{.batch = 8, .sequence = 64, .micro_batch = 8};
  octavo::CorpusOptions options;
  options.memory_budget = budget;
  options.program_bytes = 1'000'000;
  return octavo::fit_run<float>(config, wanted, 1, corpus, options,
                                [](const octavo::ModelConfig&) { return std::size_t{100'000}; });
}

}  // namespace

TEST_CASE("a run fits its budget with smaller micro-batches first, then by computing twice") {
  const octavo::Corpus corpus = octavo::CorpusReader({}).read();
  CHECK(fitted(corpus, 0).micro_batch == 8);  // no budget
  CHECK(fitted(corpus, 1'000'000'000).micro_batch == 8);
  octavo::TrainingOptions way;
  std::size_t most_micro = 0, least = 1'000'000'000;
  bool recomputes = false;
  for (std::size_t budget = 30'000'000; budget > 0; budget -= 20'000) {
    try {
      way = fitted(corpus, budget);
    } catch (const octavo::ConfigError&) {
      break;
    }
    CHECK_FALSE((recomputes && !way.recompute));  // never back to the faster way
    recomputes = way.recompute;
    most_micro = std::max(most_micro, static_cast<std::size_t>(way.micro_batch));
    least = budget;
    CHECK(octavo::expected_peak(octavo::training_bytes<float>(config, way), way, corpus,
                                {.program_bytes = 1'000'000}) <= budget);
  }
  CHECK(most_micro == 8);
  CHECK(recomputes);
  CHECK_THROWS_AS(fitted(corpus, least - 50'000), octavo::ConfigError);
}
