// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <iterator>

#include <octavo/base/config.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/runs/corpus_options.hpp>
#include <octavo/training/evaluation_windows.hpp>
#include <octavo/training/step_time.hpp>
#include <octavo/training/training_options.hpp>
#include <octavo/transformer/model_config.hpp>

// Recipes: model, tokenizer and training options for a text and a time, from a table of measured
// runs (docs/training.md, "Only a text"). All functions here are pure: the same arguments give the
// same recipe on every machine.
namespace OCTAVO_NAMESPACE {

/// Everything that defines a run on a text, except the text and the seed.
struct Recipe {
  ModelConfig config;        ///< the vocabulary is an estimate until the text is read
  TrainingOptions training;  ///< steps, warm-up and evaluations: see with_steps()
  TokenizerKind tokenizer = TokenizerKind::characters;
  Index vocabulary = 1024;  ///< of byte pairs
  double passes = 0;        ///< over the text; a longer run would learn it by heart
};

namespace detail {

/// A cell of the table.
struct RecipeRow {
  Index layers, width, sequence, batch;
  Index pairs;  ///< the vocabulary of byte pairs; 0: characters
  double dropout, passes;
};

/// A minute of the machine on which the table was measured, in step_operations().
inline constexpr double recipe_minute = 1e13;

/// The fewest bytes of a text for each part of the table: for about 100 kB, 1 MB, 10 MB.
inline constexpr double recipe_texts[] = {0, 3e5, 3e6};
/// The fewest operations for each recipe of a part: for about 1, 5 to 10, 20 minutes.
inline constexpr double recipe_times[] = {0, 2 * recipe_minute, 14 * recipe_minute};
/// By text, then by time; models do not become smaller from one time or text to the next.
inline constexpr RecipeRow recipe_rows[std::size(recipe_texts)][std::size(recipe_times)] = {
    {{4, 128, 64, 12, 0, 0.1, 10}, {4, 128, 64, 12, 0, 0.1, 10}, {4, 128, 64, 12, 0, 0.1, 10}},
    {{4, 128, 64, 12, 1024, 0, 7}, {4, 192, 64, 12, 1024, 0.1, 7}, {4, 256, 64, 16, 1024, 0.2, 7}},
    {{4, 128, 64, 12, 1024, 0, 7}, {4, 192, 64, 12, 1024, 0, 7}, {6, 256, 64, 16, 1024, 0, 7}},
};

/// The longest sequence for a text of so many bytes: a tenth of its characters is longer, even if
/// each of them has four bytes, so that there is a validation text.
inline Index longest_sequence(std::size_t text_bytes) {
  return std::max<Index>(1, static_cast<Index>(std::min<std::size_t>(text_bytes / 48, 1 << 20)));
}

inline Recipe recipe_of(const RecipeRow& row, std::size_t text_bytes) {
  const Index sequence = std::min(row.sequence, longest_sequence(text_bytes));
  Recipe recipe;
  recipe.config = without_biases(
      {.vocabulary = row.pairs > 0 ? row.pairs : 128,
       .context = sequence,
       .layers = row.layers,
       .width = row.width,
       .norm = {.kind = NormKind::rms},
       .positions = {.kind = PositionKind::rotary},
       .attention = {.heads = row.width / 32, .qk_norm = true},
       .feed_forward = {.d_ff = 4 * row.width, .activation = Activation::relu_squared},
       .head = {.tied = true}});
  recipe.training.batch = row.batch;
  recipe.training.sequence = sequence;
  recipe.training.learning_rate = 5e-3;
  recipe.training.min_lr = 0;
  recipe.training.schedule = LearningRateSchedule::Shape::linear;
  recipe.training.optimizer = Muon{.momentum = 0.85};
  recipe.training.dropout = row.dropout;
  recipe.training.zero_init = true;
  recipe.tokenizer = row.pairs > 0 ? TokenizerKind::byte_pairs : TokenizerKind::characters;
  if (row.pairs > 0) recipe.vocabulary = row.pairs;
  recipe.passes = row.passes;
  return recipe;
}

/// The index of the last border that is not above `value`; 0 if all are.
template <std::size_t count>
Index part_of(const double (&borders)[count], double value) {
  return std::max<Index>(1, std::upper_bound(borders, borders + count, value) - borders) - 1;
}

/// The recipes for a text, the smallest model first.
inline const RecipeRow* rows_for_text(std::size_t text_bytes) {
  return recipe_rows[part_of(recipe_texts, static_cast<double>(text_bytes))];
}

}  // namespace detail

/// Rounds down to two significant digits, so that nearly equal times give equal numbers of steps.
inline Index rounded_steps(double steps) {
  const FloatEnvironment environment;
  constexpr double most = 2e9;
  auto whole = static_cast<Index>(std::clamp(steps, 1.0, most));
  Index unit = 1;
  while (whole / unit >= 100) unit *= 10;
  return whole / unit * unit;
}

/// Whether a recipe may be used, such as one whose memory is within a limit.
using RecipeLimit = std::function<bool(const Recipe&)>;

/// The recipe for a run on a text of `text_bytes`, validation included, that has room for so many
/// floating-point operations (see step_operations): a time multiplied by the machine's speed. If
/// `fits` refuses it, the largest smaller one that fits; if none does, the smallest.
inline Recipe choose_recipe(std::size_t text_bytes, double operations,
                            const RecipeLimit& fits = {}) {
  const detail::RecipeRow* rows = detail::rows_for_text(text_bytes);
  for (Index size = detail::part_of(detail::recipe_times, operations);; --size) {
    Recipe recipe = detail::recipe_of(rows[size], text_bytes);
    if (size == 0 || !fits || fits(recipe)) return recipe;
  }
}

/// The recipe for a run of `steps`: the smallest that does so many steps in a time for which it is
/// chosen, with `fits` as above.
inline Recipe choose_recipe_for_steps(std::size_t text_bytes, Index steps,
                                      const RecipeLimit& fits = {}) {
  const FloatEnvironment environment;
  const detail::RecipeRow* rows = detail::rows_for_text(text_bytes);
  Index size = 0;
  for (; size + 1 < std::ssize(detail::recipe_times); ++size) {
    const Recipe recipe = detail::recipe_of(rows[size], text_bytes);
    const double operations =
        static_cast<double>(steps) * step_operations(recipe.config, recipe.training);
    if (operations < detail::recipe_times[size + 1]) break;
  }
  return choose_recipe(text_bytes, detail::recipe_times[size], fits);
}

/// The number of steps that a run of `seconds` has time for, if one takes `step_seconds`:
/// evaluations within the run, and of the whole validation text for at most half of the time, are
/// subtracted. `validation_tokens`: 0 without a validation text.
inline Index steps_in(double seconds, double step_seconds, const TrainingOptions& options,
                      Index validation_tokens) {
  const FloatEnvironment environment;
  const double passes =
      static_cast<double>(validation_tokens) / static_cast<double>(options.rows());
  const double last = std::min(seconds / 2, passes * step_seconds / 3);
  const bool evaluates = validation_tokens > 0 && options.evaluate_every > 0;
  const double share = evaluates ? 1 + evaluation_share : 1;
  return rounded_steps((seconds - last) / (share * step_seconds));
}

/// The most steps of a recipe on a text with so many tokens to train on.
inline Index most_steps(const Recipe& recipe, Index training_tokens) {
  const FloatEnvironment environment;
  const double steps = recipe.passes * static_cast<double>(training_tokens) /
                       static_cast<double>(recipe.training.rows());
  return rounded_steps(std::max(100.0, steps));
}

/// The options of a run with so many steps: a warm-up of a tenth of them, at most 40, and twenty
/// evaluations.
inline TrainingOptions with_steps(TrainingOptions options, Index steps) {
  options.steps = steps;
  options.warmup = std::min<Index>(40, steps / 10);
  options.evaluate_every = std::max<Index>(1, rounded_steps(static_cast<double>(steps) / 20));
  return options;
}

}  // namespace OCTAVO_NAMESPACE
