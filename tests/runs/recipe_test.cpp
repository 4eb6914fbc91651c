// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/corpus_reader.hpp>
#include <octavo/runs/recipe.hpp>
#include <octavo/training/memory_budget.hpp>
#include <octavo/training/trainer.hpp>

namespace {

using octavo::Index;
using octavo::Recipe;

const std::vector<std::size_t> sizes{
    1,       2,       10,      100,       432,        1000,          3000,           10'000,
    100'000, 300'000, 400'000, 1'000'000, 10'000'000, 1'000'000'000, ~std::size_t{0}};

double parameters(const Recipe& recipe) {
  const octavo::ModelConfig& config = recipe.config;
  return static_cast<double>(config.layers * 12 * config.width * config.width);
}

}  // namespace

TEST_CASE("every text and every time has a recipe that makes a run") {
  for (const std::size_t size : sizes) {
    for (double operations = 0; operations < 1e30; operations = 4 * operations + 1e6) {
      CAPTURE(size);
      CAPTURE(operations);
      const Recipe recipe = octavo::choose_recipe(size, operations);
      octavo::check_config(recipe.config);
      octavo::check_options<float>(recipe.training);
      CHECK(recipe.training.sequence <= recipe.config.context);
      CHECK(recipe.passes > 0);
      // A tenth of the characters, of up to four bytes, is a validation text.
      if (size >= 480) CHECK(recipe.training.sequence < static_cast<Index>(size / 4) / 10);
    }
  }
}

TEST_CASE("more time or a longer text never chooses a smaller model") {
  for (const std::size_t size : sizes) {
    double before = 0;
    for (double operations = 1; operations < 1e20; operations *= 1.5) {
      const double now = parameters(octavo::choose_recipe(size, operations));
      CHECK(now >= before);
      before = now;
    }
  }
  for (double operations = 1; operations < 1e20; operations *= 1.5) {
    double before = 0;
    for (const std::size_t size : sizes) {
      const double now = parameters(octavo::choose_recipe(size, operations));
      CHECK(now >= before);
      before = now;
    }
  }
}

TEST_CASE("the same arguments give the same recipe, and nearly the same mostly do") {
  for (const double minutes : {1, 5, 10, 20}) {  // none is near a border of the table
    const double operations = minutes * octavo::detail::recipe_minute;
    const Recipe recipe = octavo::choose_recipe(1'115'394, operations);
    for (const double noise : {0.75, 1.0, 1.35}) {
      const Recipe other = octavo::choose_recipe(1'115'394, noise * operations);
      CHECK(other.config == recipe.config);
      CHECK(other.training.batch == recipe.training.batch);
      CHECK(other.tokenizer == recipe.tokenizer);
    }
  }
}

TEST_CASE("a limit chooses the largest model within it, or else the smallest") {
  const auto bytes = [](const Recipe& recipe) {
    return octavo::least_training_bytes<float>(recipe.config, recipe.training, 1);
  };
  const double much = 1e20;
  const std::size_t most = bytes(octavo::choose_recipe(1'000'000, much));
  const std::size_t least = bytes(octavo::choose_recipe(1'000'000, 0));
  REQUIRE(least < most);
  for (const std::size_t limit : {most, most - 1, least, least - 1, std::size_t{0}}) {
    CAPTURE(limit);
    const Recipe recipe = octavo::choose_recipe(
        1'000'000, much, [&](const Recipe& tried) { return bytes(tried) <= limit; });
    if (limit >= least) CHECK(bytes(recipe) <= limit);
    if (limit == most) CHECK(bytes(recipe) == most);
    if (limit <= least) CHECK(bytes(recipe) == least);
  }
}

TEST_CASE("steps choose the model that has them in its time") {
  for (const std::size_t size : {std::size_t{100'000}, std::size_t{1'000'000}}) {
    double before = 0;
    for (const Index steps : {1, 10, 1000, 10'000, 100'000, 1'000'000'000}) {
      const Recipe recipe = octavo::choose_recipe_for_steps(size, steps);
      CHECK(parameters(recipe) >= before);
      before = parameters(recipe);
    }
    // As many as the smallest recipe does in a minute give the smallest, and a few more as well.
    const Recipe least = octavo::choose_recipe(size, 0);
    const double operations = octavo::step_operations(least.config, least.training);
    for (const double minutes : {1.0, 1.9}) {
      const auto steps = static_cast<Index>(minutes * octavo::detail::recipe_minute / operations);
      const Recipe recipe = octavo::choose_recipe_for_steps(size, steps);
      CHECK(recipe.config == least.config);
      CHECK(recipe.passes == least.passes);
    }
  }
}

TEST_CASE("steps have two significant digits") {
  CHECK(octavo::rounded_steps(0) == 1);
  CHECK(octavo::rounded_steps(-5) == 1);
  CHECK(octavo::rounded_steps(9.9) == 9);
  CHECK(octavo::rounded_steps(99.9) == 99);
  CHECK(octavo::rounded_steps(109) == 100);
  CHECK(octavo::rounded_steps(1289) == 1200);
  CHECK(octavo::rounded_steps(38'999) == 38'000);
  CHECK(octavo::rounded_steps(1e300) == 2'000'000'000);
}

TEST_CASE("the time of a run includes its evaluations") {
  octavo::TrainingOptions options{.batch = 10, .sequence = 10};
  CHECK(octavo::steps_in(100, 0.1, options, 0) == 1000);
  CHECK(octavo::steps_in(100, 0.1, options, 300) == 990);  // 1 s / 3 for the last evaluation
  CHECK(octavo::steps_in(100, 0.1, options, 1'000'000'000) == 500);  // at least half for steps
  options.evaluate_every = 50;
  CHECK(octavo::steps_in(100, 0.1, options, 300) == 900);
  CHECK(octavo::steps_in(100, 0.1, options, 0) == 1000);  // nothing to evaluate on
  CHECK(octavo::steps_in(1, 100, options, 300) == 1);
}

TEST_CASE("a short text ends a run before its time") {
  Recipe recipe = octavo::choose_recipe(100'000, 0);
  const Index few = octavo::most_steps(recipe, 1000), many = octavo::most_steps(recipe, 900'000);
  CHECK(few == 100);
  CHECK(many > 1000);
  recipe.passes *= 2;
  CHECK(octavo::most_steps(recipe, 900'000) > many);
  const octavo::TrainingOptions options = octavo::with_steps(recipe.training, 50);
  CHECK(options.steps == 50);
  CHECK(options.warmup == 5);
  CHECK(options.evaluate_every == 2);
  CHECK(octavo::with_steps(recipe.training, 1).evaluate_every == 1);
  CHECK(octavo::with_steps(recipe.training, 38'000).warmup == 40);
}

TEST_CASE("the smallest texts train with their recipes") {
  octavo::ThreadPool threads(1);
  const octavo::Corpus corpus = octavo::CorpusReader({}).read();  // 432 characters
  Recipe recipe = octavo::choose_recipe(corpus.text_bytes, 0);
  recipe.config.vocabulary = corpus.tokenizer.vocabulary_size();
  recipe.config.layers = 1;  // for the test's time
  recipe.config.width = 32;
  recipe.config.attention.heads = 1;
  recipe.config.feed_forward.d_ff = 32;
  octavo::Trainer<float> trainer(recipe.config, octavo::with_steps(recipe.training, 20), threads);
  double first = 0, last = 0;
  trainer.run(corpus.split(recipe.training.sequence).train,
              {.step = [&](const octavo::StepResult& result) {
                if (result.step == 0) first = result.loss;
                last = result.loss;
              }});
  CHECK(last < first);
}
