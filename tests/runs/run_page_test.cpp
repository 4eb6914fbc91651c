// SPDX-License-Identifier: MIT
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include <octavo/runs/corpus_reader.hpp>
#include <octavo/runs/run_page.hpp>

TEST_CASE("a run's page knows text, model, training and machine") {
  const octavo::Corpus corpus = octavo::CorpusReader({}).read();
  octavo::ThreadPool threads(1);
  const octavo::Trainer<float> trainer({.vocabulary = 35,
                                        .context = 8,
                                        .layers = 1,
                                        .width = 8,
                                        .attention = {.heads = 2},
                                        .feed_forward = {.d_ff = 8}},
                                       {.steps = 50, .batch = 2, .sequence = 8, .clip = 0.5},
                                       threads);
  const octavo::TextStatistics text = octavo::text_statistics(corpus.split(8), corpus.tokenizer);
  CHECK(text.tokens_per_character == doctest::Approx(1));
  CHECK(text.references.uniform == doctest::Approx(std::log(35.0)));
  const octavo::RunReport page = run_page(trainer, corpus, threads, text);
  CHECK(page.steps == 50);
  CHECK(page.tokens_per_step == 16);
  CHECK(page.clip == 0.5);
  CHECK(page.plan == &trainer.plan());
  REQUIRE(page.configuration.size() == 4);
  CHECK(page.configuration[0].name == "Text");
  const auto setting = [&](std::size_t group, const std::string& name) {
    for (const octavo::ReportSetting& one : page.configuration[group].settings) {
      if (one.name == name) return one.value;
    }
    return std::string("none of that name");
  };
  CHECK(setting(0, "data") == "the built-in text");
  CHECK(setting(0, "tokens") == "432");
  CHECK(setting(0, "documents") == "none");
  CHECK(setting(1, "tokenizer") == "char");
  CHECK(setting(1, "unknown") == "yes");
  CHECK(setting(1, "scalar") == "float");
}
