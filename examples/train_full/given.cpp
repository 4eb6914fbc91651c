// SPDX-License-Identifier: MIT
// Resolves train_full's options for a given model (--from) or a resumed run (--resume).
#include <algorithm>

#include <octavo/interop/model_source.hpp>

#include "train_full/options.hpp"

namespace support {

FullOptions FullCommandLine::resolve(const octavo::ModelSource& from) const {
  require_no_new_schedule();
  if (iterations_) require_no_time_with("ITERATIONS");
  if (preset_ != nullptr) {
    const std::string preset = "--" + std::string(preset_->name);
    throw octavo::ConfigError(preset + ": it chooses a model, but --from provides one",
                              "leave out " + preset + " or --from");
  }
  octavo::require(!no_unknown_, "--no-unknown: the model of --from brings its own tokenizer");
  octavo::require(tokenizer_.empty() && !vocabulary_, [&] {
    return std::string(tokenizer_.empty() ? "--vocab" : "--tokenizer") +
           ": the model of --from brings its own tokenizer";
  });
  FullOptions options = base();
  const octavo::ModelConfig& config = from.config();
  options.preset = "from";
  options.why = "a model to continue";
  options.config = config;
  options.training.sequence = std::min<Index>(from.trained_length(), 128);
  const bool adapters = lora_ || model_.asked("lora_rank") || config.lora.rank > 0;
  options.training.learning_rate = adapters ? 2e-4 : 1e-4;
  if (names_rows()) {
    options.training.learning_rate = octavo::chosen_rate(config.width, adapters);
  }
  if (adapters || names_rows()) options.training.optimizer = octavo::AdamW{.weight_decay = 0};
  if (names_rows()) set_row_defaults(options.training);
  training_.apply(options.training);
  if (!names_rows()) options.training.min_lr = options.training.learning_rate / 10;
  options = begun(std::move(options));
  if (adapters && names_rows() && !options.double_precision && !training_.asked("train_too") &&
      octavo::head_trains(octavo::standard_model(options.config).parameters)) {
    options.training.train_too = octavo::NamePatterns("head.weight");
  }
  options.from = &from;
  options.from_name = from_;
  if (names_rows()) options.training.trained_length = from.trained_length();
  if (from.tokenizer()) options.corpus.given_tokenizer = &*from.tokenizer();
  model_.for_each_given(
      config, [&](const octavo::Field& field, const auto& asked, const auto& has) {
        if (asked == has || (field.group == octavo::FieldGroup::lora && config.lora.rank == 0))
          return;
        throw octavo::ConfigError(option_of(field) + ": got " + octavo::value_text(asked) +
                                      ", but the model of --from has " + octavo::value_text(has),
                                  "leave it out, or begin without --from");
      });
  octavo::require(!no_bias_ || config == without_biases(config),
                  "--no-bias: the model of --from has biases");
  const octavo::ModelConfig plain = without_adapters(options.config);
  octavo::require(family_.empty() || plain == without_adapters(config),
                  [&] { return "--family: the model of --from is not a " + family_; });
  octavo::require(!gpt2_ || plain == without_adapters(config),
                  "--gpt2: the model of --from is not a GPT-2");
  check(options);
  return options;
}

FullOptions FullCommandLine::resolve(const octavo::CheckpointInfo& info) const {
  require_no_time_with("--resume");
  const bool chosen = preset_ != nullptr;
  FullOptions options;
  if (chosen) options = base();
  const octavo::ModelConfig preset = options.config;
  options.preset = chosen ? options.preset : "resume";
  options.why = "going on";
  options.config = info.config;
  if (chosen) {
    options.config.layers = preset.layers;
    options.config.attention.heads = preset.attention.heads;
    options.config.width = preset.width;
    options.config.feed_forward.d_ff = preset.feed_forward.d_ff;
    options.config.context = preset.context;
  }
  options.training = info.options;
  options.double_precision = info.double_precision;
  options.wants_shakespeare = false;
  options.corpus.tokenizer = kind_of(info.tokenizer);
  check_tokenizer(info);
  options = finished(std::move(options));
  choose_texts(options, info.corpus);
  options.training.packed = octavo::means_rows(options.corpus.documents);
  octavo::require(options.training.packed || !(names_rows() || epochs_),
                  "--resume: the run is on a text, not on rows for fine-tuning");
  octavo::require(!epochs_, "--epochs: the run of --resume has its number of steps");
  check_resumed(options, info);
  if (options.training.steps < info.state.steps_done) {
    throw octavo::ConfigError("ITERATIONS: got " + std::to_string(options.training.steps) +
                                  ", but " + std::to_string(info.state.steps_done) +
                                  " steps of the run are done already",
                              "ITERATIONS counts from the beginning of the run");
  }
  return options;
}

void FullCommandLine::check_resumed(const FullOptions& options,
                                    const octavo::CheckpointInfo& info) const {
  const auto of = [](Index tokens) { return tokens == 0 ? "all" : std::to_string(tokens); };
  if (options.training.evaluation_tokens != info.options.evaluation_tokens) {
    throw octavo::ConfigError("--resume: the run has eval-tokens " +
                                  of(info.options.evaluation_tokens) + ", but " +
                                  of(options.training.evaluation_tokens) + " was asked",
                              "leave it out: losses of other tokens do not compare");
  }
  for (const octavo::ChangedSetting& changed :
       changed_settings(info, options.config, options.training, options.double_precision)) {
    const std::string& key = changed.name;
    if (key == "evaluate_every" || key == "patience" || key == "stop_at_spike") continue;
    const bool schedule = key == "steps" || key == "schedule" || key == "learning_rate" ||
                          key == "minimum_learning_rate" || key == "warmup";
    if (schedule && new_schedule_) continue;
    throw octavo::ConfigError(
        "--resume: the run has " + key + " " + changed.before + ", but " +
            (changed.after.empty() ? "another optimizer" : changed.after) + " was asked",
        schedule ? "leave it out, or say --new-schedule to replace the run's own"
                 : "leave it out, or begin a new run");
  }
  octavo::check_schedule(options.training.rate());
}

void FullCommandLine::check_tokenizer(const octavo::CheckpointInfo& info) const {
  const auto refuse = [](const std::string& before, const std::string& asked) {
    throw octavo::ConfigError("--resume: the run has " + before + ", but " + asked + " was asked",
                              "leave it out, or begin a new run");
  };
  const std::string before(name_of(octavo::kind_of(info.tokenizer)));
  if (!tokenizer_.empty() && tokenizer_ != before) refuse("tokenizer " + before, tokenizer_);
  if (vocabulary_ && *vocabulary_ != info.config.vocabulary) {
    refuse("a vocabulary of " + std::to_string(info.config.vocabulary),
           std::to_string(*vocabulary_));
  }
}

}  // namespace support
