// SPDX-License-Identifier: MIT
// What train_full chooses, if no model is given: recipes as options of the command line.
#include <type_traits>

#include "train_full/options.hpp"

namespace support {
namespace {

/// Calls add(field, value) for each field with an option whose value is not the one in `usual`.
template <typename Config, typename Add>
void for_each_other(const Config& config, const Config& usual, Add add) {
  for_each_field(config, [&](const octavo::Field& field, const auto& value, const auto&...) {
    if (field.group == octavo::FieldGroup::none || field.group == octavo::FieldGroup::memory)
      return;
    for_each_field(usual, [&](const octavo::Field& other, const auto& unlike, const auto&...) {
      if constexpr (std::is_same_v<decltype(value), decltype(unlike)>) {
        if (other.name != field.name || value == unlike) return;
        add(field, value);
      }
    });
  });
}

}  // namespace

bool FullCommandLine::chooses() const {
  const bool names_model = preset_ != nullptr || model_.any() || !family_.empty() || gpt2_ ||
                           no_bias_ || !from_.empty() || saving_.resume;
  const bool other_optimizer = !optimizer_.empty() && optimizer_ != "muon";
  return !names_model && !other_optimizer && (!data_.empty() || time_);
}

std::optional<double> FullCommandLine::seconds() const {
  if (iterations_ || saving_.resume) return std::nullopt;
  constexpr double usual = 600;
  return time_ ? time_ : chooses() ? std::optional(usual) : std::nullopt;
}

void FullCommandLine::require_no_time_with(const char* option) const {
  if (!time_) return;
  const bool resume = saving_.resume;
  throw octavo::ConfigError(
      std::string("--time: ") + (resume ? "the run of " : "the steps are given by ") + option +
          (resume ? " has its number of steps" : ""),
      resume ? "leave it out; to train on say --new-schedule and a number of steps"
             : "leave one of the two out");
}

octavo::Recipe FullCommandLine::with_given(octavo::Recipe recipe) const {
  training_.apply(recipe.training);
  recipe.config.context = std::max(recipe.config.context, recipe.training.sequence);
  if (!tokenizer_.empty() || vocabulary_ || no_unknown_) {
    recipe.vocabulary = vocabulary_.value_or(recipe.vocabulary);
    const bool pairs = tokenizer_ == "bpe" || (tokenizer_.empty() && vocabulary_);
    recipe.tokenizer = pairs                  ? octavo::TokenizerKind::byte_pairs
                       : tokenizer_ == "byte" ? octavo::TokenizerKind::bytes
                                              : octavo::TokenizerKind::characters;
  }
  return recipe;
}

std::vector<std::string> FullCommandLine::words_of(const octavo::Recipe& recipe) const {
  std::vector<std::string> words{"--small"};
  if (!iterations_) words.push_back(std::to_string(recipe.training.steps));
  const auto add = [&](const octavo::Field& field, const auto& value) {
    if (training_.asked(field.name)) return;
    if constexpr (requires { octavo::value_text(value); }) {
      words.push_back(option_of(field));
      if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, bool>) {
        words.push_back(octavo::value_text(value));
      }
    }
  };
  if (tokenizer_.empty() && recipe.tokenizer != octavo::TokenizerKind::characters) {
    words.insert(words.end(), {"--tokenizer", std::string(name_of(recipe.tokenizer))});
  }
  if (!vocabulary_ && recipe.tokenizer == octavo::TokenizerKind::byte_pairs) {
    words.insert(words.end(), {"--vocab", std::to_string(recipe.vocabulary)});
  }
  octavo::ModelConfig plain;
  plain.vocabulary = recipe.config.vocabulary;
  plain.layers = plain.attention.heads = -1;  // always said, as are the sizes that are 0 here
  for_each_other(recipe.config, plain, add);
  if (recipe.config == without_biases(recipe.config)) words.emplace_back("--no-bias");
  octavo::TrainingOptions usual;
  usual.steps = recipe.training.steps;
  usual.batch = usual.sequence = usual.warmup = usual.evaluate_every = -1;  // always said
  usual.learning_rate = usual.min_lr = -1;
  for_each_other(recipe.training, usual, add);
  if (optimizer_.empty()) {
    words.insert(words.end(), {"--optimizer", std::string(name_of(recipe.training.optimizer))});
  }
  octavo::for_each_setting(
      recipe.training.optimizer, [&](std::string_view name, double value, const auto&) {
        double standard = value;
        const octavo::AnyOptimizer muon = octavo::Muon{};
        octavo::for_each_setting(muon, [&](std::string_view other, double its, const auto&) {
          if (other == name) standard = its;
        });
        const auto given = settings_.find(name);
        if (value == standard || (given != settings_.end() && given->second)) return;
        words.insert(words.end(), {setting_option(name), octavo::value_text(value)});
      });
  return words;
}

}  // namespace support
