// SPDX-License-Identifier: MIT
#include "train_full/choosing.hpp"

#include <algorithm>
#include <cstdio>

#include <octavo/octavo.hpp>

#include "support/arguments.hpp"
#include "support/memory_report.hpp"
#include "support/program.hpp"
#include "train_full/processes.hpp"
#include "train_full/run.hpp"

namespace support {
namespace {

using octavo::Index;
using octavo::Recipe;
using Words = std::vector<std::string>;

/// As measured on the first process, each of which has its share of a step.
double step_seconds(const FullOptions& options, const octavo::Corpus* corpus) {
  return agreed([&] {
    octavo::ThreadPool threads(options.threads);
    const double seconds = options.double_precision ? double_step_seconds(options, corpus, threads)
                                                    : float_step_seconds(options, corpus, threads);
    return seconds / (processes() == nullptr ? 1.0 : static_cast<double>(processes()->count()));
  });
}

FullOptions with_recipe(FullOptions options, const Recipe& recipe) {
  options.config = recipe.config;
  options.training = recipe.training;
  return options;
}

/// The tokens to train on, and those for validation; estimates if a dry run has not made them.
std::pair<Index, Index> count_tokens(const octavo::Corpus& corpus, Index sequence) {
  if (corpus.is_large && corpus.mapped == nullptr) {
    const auto all = static_cast<Index>(corpus.text_bytes);
    return {all, std::min(all / 10, octavo::most_validation_tokens)};
  }
  const octavo::TokenSplit split = corpus.split(sequence);
  return {split.train.size(), split.validation.size()};
}

/// The arguments without an option and its value.
Words without(const std::string& option, const Words& words) {
  Words result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == option) {
      ++i;
    } else if (!words[i].starts_with(option + "=")) {
      result.push_back(words[i]);
    }
  }
  return result;
}

FullCommandLine parsed(const Words& words) {
  CLI::App app("", "train_full");
  FullCommandLine line(app);
  std::vector<const char*> arguments{"train_full"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  parse_arguments(app, static_cast<int>(arguments.size()), arguments.data());
  return line;
}

/// What is chosen, and the other arguments; prints the command.
FullCommandLine chosen_line(Words chosen, const Words& others) {
  chosen.insert(chosen.end(), others.begin(), others.end());
  std::string command = command_of("train_full");
  for (const std::string& word : chosen) command += " " + shell_word(word);
  std::printf("chosen: %s\n", command.c_str());
  return parsed(chosen);
}

}  // namespace

std::optional<Recipe> recipe_for(const FullCommandLine& line, FullOptions options,
                                 std::size_t text_bytes) {
  if (!line.chooses()) return std::nullopt;
  const std::size_t budget = options.corpus.memory_budget;
  const Index workers = octavo::ThreadPool(options.threads).size();
  const octavo::RecipeLimit fits = [&](const Recipe& recipe) {
    const FullOptions chosen = with_recipe(options, line.with_given(recipe));
    const std::size_t planned = options.double_precision ? double_least_bytes(chosen, workers)
                                                         : float_least_bytes(chosen, workers);
    // Up to two bytes a token, and as many for what reads the text.
    const std::size_t text = 2 * std::min(text_bytes, options.corpus.load_at_most);
    return budget == 0 || planned + text + program_bytes() <= budget;
  };
  if (const auto steps = line.iterations()) {
    return line.with_given(octavo::choose_recipe_for_steps(text_bytes, *steps, fits));
  }
  const Recipe least = line.with_given(octavo::choose_recipe(text_bytes, 0, fits));
  const double operations = *line.seconds() *
                            octavo::step_operations(least.config, least.training) /
                            step_seconds(with_recipe(options, least), nullptr);
  return line.with_given(octavo::choose_recipe(text_bytes, operations, fits));
}

FullCommandLine with_choices(const FullCommandLine& line, const Words& words, FullOptions options,
                             std::optional<Recipe> recipe, const octavo::Corpus& corpus) {
  if (recipe) {
    recipe->training = octavo::with_steps(recipe->training, 1000);  // with evaluations
    options = with_recipe(options, line.with_given(*recipe));
  }
  options.config.vocabulary = corpus.tokenizer.vocabulary_size();
  octavo::TrainingOptions& training = options.training;
  if (const auto steps = line.iterations()) training.steps = *steps;
  const auto seconds = line.seconds();
  if (seconds) {
    const auto [tokens, validation] = count_tokens(corpus, training.sequence);
    const double step = step_seconds(options, &corpus);
    training.steps = octavo::steps_in(*seconds, step, training, validation);
    const Index most = recipe ? octavo::most_steps(*recipe, tokens) : training.steps;
    std::printf("measured: %.3g ms a step, %td steps in %s%s\n", 1000 * step, training.steps,
                octavo::readable_duration(*seconds).c_str(),
                training.steps <= most ? ""
                                       : (", of which " + std::to_string(most) +
                                          " are enough: the text would be learned by heart")
                                             .c_str());
    training.steps = std::min(training.steps, most);
  }
  Words chosen;
  if (recipe) {
    recipe->training = octavo::with_steps(recipe->training, training.steps);
    chosen = line.words_of(*recipe);
  } else {
    chosen = {std::to_string(training.steps)};
  }
  return chosen_line(std::move(chosen), without("--time", words));
}

FullCommandLine with_row_choices(const FullCommandLine& line, const Words& words,
                                 const FullOptions& options, const octavo::Corpus& corpus) {
  const octavo::PackedData& rows = corpus.rows->split.train;
  const octavo::TrainingOptions& training = options.training;
  const Index batch = line.gives("batch") ? training.batch : octavo::chosen_batch(rows.rows());
  const Index sequences = batch * training.accumulate * training.diloco.workers;
  const Index epoch = octavo::steps_of_epochs(1, rows.rows(), sequences);
  const Index steps =
      line.iterations().value_or(octavo::steps_of_epochs(line.epochs(), rows.rows(), sequences));
  Words chosen{std::to_string(steps)};
  const auto add = [&](const char* field, const char* option, Index value) {
    if (line.gives(field)) return;
    chosen.emplace_back(option);
    chosen.push_back(std::to_string(value));
  };
  add("sequence", "--sequence", rows.sequence());
  add("batch", "--batch", batch);
  const Index half_epoch = std::max<Index>(1, (epoch + 1) / 2);
  add("evaluate_every", "--eval-every",
      training.diloco.on() ? training.diloco.rounded_up(half_epoch) : half_epoch);
  Words others = without("--epochs", words);
  if (line.iterations()) chosen.erase(chosen.begin());  // given already
  return chosen_line(std::move(chosen), others);
}

}  // namespace support
