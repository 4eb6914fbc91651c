// SPDX-License-Identifier: MIT
// The exact figures in README.md and docs/memory.md are those that the library computes. Where the
// arithmetic changes, runs that take a second end elsewhere than the documents say: then those that
// take longer are to be measured again as well.
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/generation/generator.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/transformer/presets.hpp>

#include "examples/process.hpp"
#include "support/v2.hpp"

using namespace octavo;

namespace {

const std::string root = OCTAVO_EXAMPLES_SOURCE_FOLDER "/../";

/// 5090496 as "5,090,496".
std::string with_commas(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

void check_mentions(const std::string& document, const std::string& text) {
  INFO(document, " should say ", text);
  CHECK(read_file(root + document).find(text) != std::string::npos);
}

/// The plan of a step on two threads with the leanest micro-batch.
std::size_t planned(const ModelConfig& config, Index batch, Index sequence,
                    std::size_t between = 0) {
  TrainingOptions options{.batch = batch, .sequence = sequence};
  options.between_steps_bytes = between;
  options.micro_batch = leanest_micro_batch<float>(config, options, 2);
  return training_bytes<float>(config, options, 2);
}

/// What the trainers plan, samples between the steps included.
std::size_t planned_by_trainers(const ModelConfig& config, Index batch, Index sequence) {
  return planned(config, batch, sequence, generation_bytes<float>(config, sequence, 2));
}

}  // namespace

TEST_CASE("parameters and planned bytes of the presets stand in the documents") {
  struct Row {
    ModelConfig config;
    Index batch, sequence;
  };
  for (const Row& row :
       {Row{support::v2::config, 1, 32}, Row{presets::tiny, 1, 32}, Row{presets::small, 1, 64},
        Row{presets::medium, 8, 128}, Row{presets::large, 8, 128}}) {
    for (const char* document : {"README.md", "docs/memory.md"}) {
      check_mentions(document, with_commas(static_cast<std::size_t>(parameter_count(row.config))));
      check_mentions(document,
                     with_commas(planned_by_trainers(row.config, row.batch, row.sequence)));
    }
  }
  check_mentions("docs/memory.md", with_commas(planned_by_trainers(presets::nano, 12, 64)));
  check_mentions("docs/memory.md", with_commas(planned(presets::gpt2, 4, 64)));
}

TEST_CASE("the worked example comes to what the plan says") {
  const TrainingOptions step{.batch = 1, .sequence = 32};
  check_mentions("docs/memory.md", with_commas(training_bytes<float>(support::v2::config, step)));
}

TEST_CASE("short runs end at the losses that stand in the documents") {
  struct Row {
    const char *command, *before, *document, *row, *told;
  };
  for (const Row& row :
       {Row{"train_v2 --out o --threads 1", "mean loss of the last 100 steps ", "README.md",
            "| `train_v2` |", " loss "},
        Row{"train_full --tiny --out o --threads 1", "mean loss of the last 100 steps ",
            "README.md", "| `train_full --tiny` |", " loss "},
        Row{"train_256kib", "step    500  loss ", "docs/memory.md", "Without FILE it takes",
            "to a loss of "}}) {
    const Sandbox sandbox;
    const Outcome got = start(sandbox, words_of(row.command));
    check_error(got, 0, "");
    const auto number = [](const std::string& text, const std::string& after, std::size_t from) {
      const std::size_t at = text.find(after, from);
      REQUIRE(at != std::string::npos);
      const std::size_t begin = at + after.size();
      return text.substr(begin, text.find_first_not_of("0123456789.", begin) - begin);
    };
    const std::string document = read_file(root + row.document);
    std::string told = number(document, row.told, document.find(row.row));
    while (told.ends_with('.')) told.pop_back();
    const double loss = std::stod(number(got.out, row.before, 0));
    const double unit = told.size() == 6 ? 1e-4 : 1e-3;
    INFO(row.document, ", ", row.row, ": ", told, ", but the run ends at ", loss);
    CHECK(std::abs(loss - std::stod(told)) < 0.51 * unit);
  }
}
