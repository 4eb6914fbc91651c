// SPDX-License-Identifier: MIT
// Resolves train_full's options to a run.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <string_view>

#include <octavo/interop/gpt2_config.hpp>
#include <octavo/optimizers/optimizer_list.hpp>

#include "support/program.hpp"
#include "train_full/options.hpp"
#include "train_full/processes.hpp"
#include "train_full/report.hpp"

namespace support {

namespace {

const Preset tiny{"tiny", octavo::presets::tiny, 1, 32, 2000, 3e-3, false};
const Preset small{"small", octavo::presets::small, 1, 64, 10000, 1e-3, false};
const Preset medium{"medium", octavo::presets::medium, 8, 128, 10000, 1e-3, true};
const Preset large{"large", octavo::presets::large, 8, 128, 10000, 1e-3, true};

}  // namespace

void FullCommandLine::add_presets(CLI::App& app) {
  auto* group = app.add_option_group(
      "Presets",
      "at most one. Without one, and without options of the model, all is chosen for the text of "
      "--data and for --time or ITERATIONS, except for what is given; otherwise --small is taken");
  const auto after = [](const Preset& preset) {
    octavo::TrainingOptions training;
    training.steps = preset.iterations;
    training.batch = preset.batch;
    training.sequence = preset.sequence;
    training.learning_rate = preset.rate;
    return ", " + describe_steps(training);
  };
  const auto add = [&](const Preset& preset, const std::string& help) {
    group->add_flag_callback(
        "--" + std::string(preset.name),
        [this, &preset] {
          octavo::require(preset_ == nullptr, [&] {
            return "preset: got --" + std::string(preset_->name) + " and --" + preset.name +
                   ", expected at most one";
          });
          preset_ = &preset;
        },
        help + after(preset));
  };
  add(tiny, "46 thousand parameters, built-in text");
  add(small, "422 thousand parameters, built-in text");
  add(medium, "2.2 million parameters, tiny Shakespeare");
  add(large, "8.5 million parameters, tiny Shakespeare");
  app.add_option_function<std::string>(
         "ITERATIONS",
         [this](const std::string& text) {
           try {
             iterations_ = parse_integer("ITERATIONS", text, 1);
           } catch (const octavo::ConfigError& error) {
             std::error_code unknown;
             if (!std::filesystem::exists(text, unknown)) throw;
             throw octavo::ConfigError(error.what(),
                                       "to train on a text say --data " + shell_word(text));
           }
         },
         "Training steps, instead of the preset's or --time")
      ->type_name("N");
}

octavo::AnyOptimizer FullCommandLine::optimizer(octavo::AnyOptimizer chosen) const {
  if (!optimizer_.empty()) {
    const auto named = *octavo::find_optimizer(optimizer_, octavo::builtin_optimizers<>);
    if (!named.same_rule(chosen)) chosen = named;
  }
  std::string its_options;
  octavo::for_each_setting(chosen, [&](std::string_view name, const auto&...) {
    its_options += (its_options.empty() ? "" : ", ") + setting_option(name);
  });
  for (const auto& setting : settings_) {
    const std::string& name = setting.first;
    const Given<double>& given = setting.second;
    bool found = !given;
    octavo::for_each_setting(chosen, [&](std::string_view its_name, double& value, const auto&) {
      if (its_name != name || !given) return;
      value = *given;
      found = true;
    });
    if (found) continue;
    throw octavo::ConfigError(
        setting_option(name) + ": " + std::string(name_of(chosen)) + " has no such setting",
        "its settings are " + its_options);
  }
  return chosen;
}

/// The preset without other options; the default preset is --small.
FullOptions FullCommandLine::base() const {
  const bool chosen = preset_ != nullptr;
  const Preset& preset = chosen ? *preset_ : small;
  FullOptions options;
  options.preset = preset.name;
  options.why = chosen ? "as asked" : "the default: learns a small text in about a minute";
  options.config = preset.config;
  choose_family(options.config);
  model_.apply(options.config);
  options.wants_shakespeare = preset.wants_shakespeare;
  octavo::TrainingOptions& training = options.training;
  training.steps = iterations_.value_or(preset.iterations);
  training.batch = preset.batch;
  training.sequence = std::min(preset.sequence, options.config.context);
  training.learning_rate = preset.rate;
  if (chooses()) {  // until the text's size is known
    const octavo::Recipe recipe = with_given(octavo::choose_recipe(1'000'000, 0));
    options.config = recipe.config;
    options.training = recipe.training;
    options.corpus.tokenizer = recipe.tokenizer;
  }
  training_.apply(training);
  training.min_lr = training.learning_rate / 10;
  training.warmup = std::min<Index>(100, training.steps / 2);
  training.evaluate_every = 500;
  training_.apply(training);
  return options;
}

void FullCommandLine::require_no_new_schedule() const {
  if (!new_schedule_) return;
  throw octavo::ConfigError("--new-schedule: it needs --resume, whose schedule it replaces",
                            "say --resume too, or leave it out");
}

FullOptions FullCommandLine::resolve() const {
  require_no_new_schedule();
  if (iterations_) require_no_time_with("ITERATIONS");
  FullOptions options = begun(base());
  check(options);
  return options;
}

void FullCommandLine::check(const FullOptions& options) {
  octavo::check_config(options.config);
  const Index most = std::numeric_limits<std::int32_t>::max() / options.training.batch;
  octavo::require(options.training.accumulate <= most, [&] {
    return "--accumulate: got " + std::to_string(options.training.accumulate) +
           ", expected at most " + std::to_string(most) + " with --batch " +
           std::to_string(options.training.batch);
  });
  if (options.training.min_lr > options.training.learning_rate) {
    char message[120];
    std::snprintf(message, sizeof(message),
                  "--min-lr: got %g, expected at most %g, the learning rate",
                  options.training.min_lr, options.training.learning_rate);
    throw octavo::ConfigError(message);
  }
  octavo::check_schedule(options.training.rate());
  octavo::require(options.training.sequence <= options.config.context, [&] {
    return "--sequence: got " + std::to_string(options.training.sequence) + ", expected at most " +
           std::to_string(options.config.context) + ", the model's context";
  });
  // Before a text is read.
  octavo::ModelDescription model = octavo::standard_model(options.config);
  octavo::set_trained(model.parameters, options.training, options.config.layers);
}

void FullCommandLine::choose_tokenizer(FullOptions& options) const {
  using octavo::TokenizerKind;
  octavo::CorpusOptions& corpus = options.corpus;
  for (const auto kind :
       {TokenizerKind::characters, TokenizerKind::bytes, TokenizerKind::byte_pairs}) {
    if (tokenizer_ == name_of(kind)) corpus.tokenizer = kind;
  }
  corpus.vocabulary = vocabulary_.value_or(corpus.vocabulary);
  octavo::require(!vocabulary_ || corpus.tokenizer == TokenizerKind::byte_pairs,
                  "--vocab: only --tokenizer bpe has a vocabulary to choose");
  octavo::require(!no_unknown_ || corpus.tokenizer == TokenizerKind::characters, [&] {
    return "--no-unknown: --tokenizer " + std::string(name_of(corpus.tokenizer)) +
           " has a token for every byte";
  });
}

void FullCommandLine::choose_family(octavo::ModelConfig& config) const {
  const auto names = choice_names(octavo::Family{});
  const auto found = std::find(names.begin(), names.end(), family_);
  if (found == names.end()) return;
  config = with_family(config, static_cast<octavo::Family>(found - names.begin()));
}

void FullCommandLine::choose_gpt2(octavo::ModelConfig& config) const {
  octavo::require(!no_bias_, "--gpt2: GPT-2 has biases everywhere, but --no-bias was asked");
  octavo::Activation& activation = config.feed_forward.activation;
  octavo::require(!model_.asked("activation") || activation == octavo::Activation::gelu_tanh, [&] {
    return "--gpt2: GPT-2 has gelu-tanh, but --activation " + std::string(name_of(activation)) +
           " was asked";
  });
  activation = octavo::Activation::gelu_tanh;
  config.head.tied = true;
  try {
    require_gpt2(config, "--gpt2", octavo::Gpt2Activations::gelu_tanh);
  } catch (const octavo::Error& error) {
    throw octavo::ConfigError(error.what(), error.hint());
  }
}

/// --lora is --lora-rank 16 --lora-alpha 32, unless these are given.
void FullCommandLine::choose_lora(octavo::ModelConfig& config) const {
  octavo::LoraConfig& lora = config.lora;
  if (lora_ && lora.rank == 0) {
    octavo::require(!model_.asked("lora_rank"), "--lora: it has adapters, but --lora-rank is 0");
    lora.rank = 16;
    if (!model_.asked("lora_alpha")) lora.alpha = 32;
  }
  if (lora.rank > 0) return;
  for_each_field(lora, [&](const octavo::Field& field, const auto&...) {
    octavo::require(field.name == "lora_rank" || !model_.asked(field.name),
                    [&] { return option_of(field) + ": it needs --lora or --lora-rank"; });
  });
}

/// The same of a run that does not go on with a checkpoint, whose evaluations stay what they are.
FullOptions FullCommandLine::begun(FullOptions options) const {
  options = finished(std::move(options));
  octavo::TrainingOptions& training = options.training;
  if (!training_.asked("evaluation_tokens")) {
    training.evaluation_tokens =
        octavo::affordable_evaluation_tokens(training.evaluate_every, training.rows());
  }
  return options;
}

/// Applies the given options to a preset or a checkpoint's options.
FullOptions FullCommandLine::finished(FullOptions options) const {
  octavo::ModelConfig& config = options.config;
  choose_family(config);
  model_.apply(config);
  if (no_bias_) config = without_biases(config);
  if (gpt2_) choose_gpt2(config);
  choose_lora(config);
  choose_tokenizer(options);
  octavo::TrainingOptions& training = options.training;
  training.steps = iterations_.value_or(training.steps);
  training_.apply(training);
  if (training.diloco.on()) {
    if (processes() != nullptr) training.diloco.workers = processes()->count();
    if (!training_.asked("evaluate_every")) {
      training.evaluate_every = training.diloco.rounded_up(training.evaluate_every);
    }
  }
  training.optimizer = optimizer(training.optimizer);
  options.leanest_micro_batch = !training_.asked("micro_batch");
  octavo::CorpusOptions& corpus = options.corpus;
  corpus.data = data_;
  corpus.validation = validation_;
  octavo::require(documents_.empty() || document_end_.empty(),
                  "--document-end: it cannot be combined with --documents");
  corpus.documents = document_end_.empty() ? documents_ : "end " + document_end_;
  choose_rows(options);
  corpus.load_at_most = map_above_;
  corpus.token_file = token_file_;
  corpus.memory_budget = memory_budget_;
  corpus.program_bytes = program_bytes();
  corpus.plan_only = dry_run_;
  corpus.allow_other_text = saving_.allow_corpus_change;
  options.wants_shakespeare = data_.empty() && options.wants_shakespeare;
  if (!scalar_.empty()) options.double_precision = scalar_ == "double";
  corpus.unknown = !no_unknown_;
  octavo::require(!quiet_ || !dry_run_, "--quiet: a dry run is all that it prints");
  octavo::require(config.lora.rank == 0 || !from_.empty() || saving_.resume,
                  "--lora: it needs --from, the model whose adapters train");
  octavo::require(!saving_.allow_corpus_change || saving_.resume,
                  "--allow-corpus-change: it needs --resume");
  octavo::require(training.patience == 0 || training.evaluate_every > 0,
                  "--patience: it needs evaluations, but --eval-every is 0");
  options.quiet = quiet_;
  options.timings = timings_;
  options.dry_run = dry_run_;
  options.memory_report = memory_report_;
  options.threads = threads_;
  options.sample_tokens = sample_tokens_.value_or(options.sample_tokens);
  options.prompt = prompt_;
  options.sample_every = sample_every_.value_or(1000);
  options.log_every = log_every_.value_or(100);
  options.metrics_every = metrics_every_.value_or(10);
  options.saving = saving_;
  options.saving.replaces_future = new_schedule_;
  options.saving.rollback = training.stop_at_spike;
  options.session_flags = session_flags();
  return options;
}

std::string FullCommandLine::session_flags() const {
  std::string words;
  octavo::TrainingOptions training;
  const auto add = [&](const char* name, Index value) {
    words += std::string(" ") + name + " " + std::to_string(value);
  };
  const SaveOptions usual;
  if (saving_.save_every != usual.save_every) add("--save-every", saving_.save_every);
  if (saving_.keep != usual.keep) add("--keep", saving_.keep);
  if (threads_ != 0) add("--threads", threads_);
  if (sample_every_) add("--sample-every", *sample_every_);
  if (sample_tokens_) add("--sample-tokens", *sample_tokens_);
  if (!prompt_.empty()) words += " --prompt " + shell_word(prompt_);
  if (log_every_) add("--log-every", *log_every_);
  if (metrics_every_) add("--metrics-every", *metrics_every_);
  training_.for_each_given(training, [&](const octavo::Field& field, const auto& value, auto&) {
    if (field.stored) return;
    words += " " + option_of(field);
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, octavo::Index>) {
      words += " " + octavo::value_text(value);
    }
  });
  if (memory_budget_ != 0) add("--memory-budget", static_cast<Index>(memory_budget_));
  if (map_above_ != octavo::CorpusOptions().load_at_most)
    add("--map-above", static_cast<Index>(map_above_));
  if (!token_file_.empty()) words += " --token-file " + shell_word(token_file_);
  if (quiet_) words += " --quiet";
  return words;
}

}  // namespace support
