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

/// A line of the table: the recipe for texts of about `text_bytes` and runs of about `operations`.
struct RecipeRow {
  double text_bytes, operations;
  Index layers, width, sequence, batch;
  Index pairs;  ///< the vocabulary of byte pairs; 0: characters
  double dropout, passes;
};

/// Minutes of the machine on which the table was measured, in step_operations().
inline constexpr double recipe_minute = 1e13;

/// By text, and for each text by operations; the same operations for each text.
inline constexpr RecipeRow recipe_rows[] = {
    {1e5, 1 * recipe_minute, 4, 128, 64, 12, 0, 0.2, 20},
    {1e5, 5 * recipe_minute, 4, 128, 64, 12, 0, 0.3, 40},
    {1e5, 20 * recipe_minute, 4, 128, 64, 12, 0, 0.3, 40},
    {1e6, 1 * recipe_minute, 4, 128, 64, 12, 512, 0, 10},
    {1e6, 5 * recipe_minute, 4, 192, 128, 12, 512, 0.1, 20},
    {1e6, 20 * recipe_minute, 6, 256, 128, 16, 512, 0.2, 30},
    {1e7, 1 * recipe_minute, 4, 128, 64, 12, 1024, 0, 10},
    {1e7, 5 * recipe_minute, 4, 192, 128, 12, 1024, 0, 10},
    {1e7, 20 * recipe_minute, 6, 256, 128, 16, 1024, 0, 10},
};
inline constexpr Index recipe_texts = 3, recipe_sizes = 3;
static_assert(std::ssize(recipe_rows) == recipe_texts * recipe_sizes);

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

/// The index of the nearest row: the borders between rows are their geometric means.
template <typename Value>
Index nearest_row(double wanted, Index count, Value value) {
  Index row = 0;
  while (row + 1 < count && wanted >= std::sqrt(value(row) * value(row + 1))) ++row;
  return row;
}

/// The rows of the table for a text, the smallest model first.
inline const RecipeRow* rows_for_text(std::size_t text_bytes) {
  const Index text = nearest_row(static_cast<double>(text_bytes), recipe_texts,
                                 [](Index i) { return recipe_rows[i * recipe_sizes].text_bytes; });
  return recipe_rows + text * recipe_sizes;
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
  const FloatEnvironment environment;
  const detail::RecipeRow* rows = detail::rows_for_text(text_bytes);
  Index size = detail::nearest_row(operations, detail::recipe_sizes,
                                   [&](Index i) { return rows[i].operations; });
  while (true) {
    Recipe recipe = detail::recipe_of(rows[size], text_bytes);
    if (size == 0 || !fits || fits(recipe)) return recipe;
    --size;
  }
}

/// The recipe for a run of `steps`: the largest whose operations in so many steps are those of
/// runs that the table has it for.
inline Recipe choose_recipe_for_steps(std::size_t text_bytes, Index steps,
                                      const RecipeLimit& fits = {}) {
  const FloatEnvironment environment;
  const detail::RecipeRow* rows = detail::rows_for_text(text_bytes);
  Index size = detail::recipe_sizes - 1;
  for (; size > 0; --size) {
    const Recipe recipe = detail::recipe_of(rows[size], text_bytes);
    const double operations =
        static_cast<double>(steps) * step_operations(recipe.config, recipe.training);
    if (operations >= std::sqrt(rows[size].operations * rows[size - 1].operations)) break;
  }
  return choose_recipe(text_bytes, rows[size].operations, fits);
}

/// The number of steps that a run of `seconds` has time for, if one takes `step_seconds`:
/// evaluations within the run and of the whole validation text are counted as affordable, the
/// latter as at most half of the time. `validation_tokens`: 0 if there is no validation text.
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
