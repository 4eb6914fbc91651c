// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/facts.hpp>

using namespace octavo;

namespace {

/// The value of a fact; empty where there is none.
std::string value_of(const std::vector<Fact>& facts, const std::string& name) {
  const auto found =
      std::find_if(facts.begin(), facts.end(), [&](const Fact& one) { return one.name == name; });
  return found == facts.end() ? "" : found->value;
}

}  // namespace

TEST_CASE("facts: the choices that make a model") {
  const FactGroup group =
      facts_of(ModelConfig{.vocabulary = 50257,
                           .context = 1024,
                           .layers = 2,
                           .width = 64,
                           .attention = {.heads = 4},
                           .feed_forward = {.d_ff = 256, .activation = Activation::gelu_tanh},
                           .head = {.tied = false}});
  CHECK(group.name == "Model");
  CHECK(value_of(group.facts, "layers") == "2");
  CHECK(value_of(group.facts, "heads") == "4");
  CHECK(value_of(group.facts, "width") == "64");
  CHECK(value_of(group.facts, "ff") == "256");
  CHECK(value_of(group.facts, "context") == "1,024");
  CHECK(value_of(group.facts, "vocabulary") == "50,257");
  CHECK(value_of(group.facts, "activation") == "gelu-tanh");
  CHECK(value_of(group.facts, "norm-bias") == "yes");
  CHECK(value_of(group.facts, "tied") == "no");
}

TEST_CASE("facts: what a run computes with, the optimizer's own settings among them") {
  TrainingOptions options;
  options.steps = 20'000;
  options.batch = 3;
  options.accumulate = 2;
  options.sequence = 128;
  options.dropout = 0.1;
  options.seed = 7;
  options.evaluation_tokens = 0;
  const FactGroup group = facts_of(options);
  CHECK(group.name == "Training");
  CHECK(value_of(group.facts, "steps") == "20,000");
  CHECK(value_of(group.facts, "batch") == "3");
  CHECK(value_of(group.facts, "sequence") == "128");
  CHECK(value_of(group.facts, "dropout") == "0.1");
  CHECK(value_of(group.facts, "seed") == "7");
  CHECK(value_of(group.facts, "eval-tokens") == "all");
  CHECK(value_of(group.facts, "optimizer") == name_of(options.optimizer));
  CHECK(group.facts.size() > 20);
  const std::vector<Fact> settings = settings_of(options);
  CHECK(value_of(settings, "batch") == "6 \u00d7 128 tokens");
  CHECK(value_of(settings, "seed") == "7");
}

TEST_CASE("facts: what the run is computed by") {
  ThreadPool threads(2);
  const FactGroup group = facts_of_machine(threads);
  CHECK(group.name == "Machine");
  CHECK(value_of(group.facts, "threads") == "2");
  CHECK(value_of(group.facts, "instruction set") == name_of(isa_in_use()));
  CHECK(value_of(group.facts, "version").starts_with("octavo "));
}
