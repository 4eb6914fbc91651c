// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/c/model.hpp>
#include <octavo/c/option_text.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/runs/corpus_options.hpp>
#include <octavo/runs/sha256.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/bpe_training.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/families.hpp>
#include <octavo/transformer/presets.hpp>

namespace OCTAVO_NAMESPACE {

/// A run on a text, as options describe it.
struct TextRun {
  ModelConfig config;
  TrainingOptions training;
  AnyTokenizer tokenizer;
  double validation = 0.1;  ///< the last share of the tokens
  Index threads = 0;
};

namespace detail {

/// The tokenizer that the options ask for.
inline AnyTokenizer tokenizer_for(std::string_view text, OptionText& options) {
  TokenizerKind kind = TokenizerKind::characters;
  Index vocabulary = 1024;
  options.read("tokenizer", kind);
  if (kind == TokenizerKind::bytes) return ByteTokenizer();
  if (kind == TokenizerKind::characters) return CharacterTokenizer::from_text(text);
  options.read("vocab", vocabulary, size_range);
  return train_bpe(text, vocabulary);
}

/// Reads all that is not the model's.
inline void read_training(TextRun& run, OptionText& options) {
  TrainingOptions& training = run.training;
  constexpr std::string_view of_processes[] = {
      "zero", "diloco", "outer_learning_rate", "outer_momentum", "outer_8bit", "wait_seconds"};
  options.apply(training, of_processes);
  options.read("steps", training.steps, count_range);
  options.read("optimizer", training.optimizer);
  for_each_setting(training.optimizer,
                   [&](std::string_view name, double& value, const SettingRange& range) {
                     options.read(name == "weight_decay" ? "decay" : name, value, range);
                     options.read(name, value, range);
                   });
  if (!options.has("warmup")) training.warmup = std::min(training.warmup, training.steps / 2);
  options.read("validation", run.validation, share_range);
  run.threads = threads_in(options);
  options.require_all_known();
}

}  // namespace detail

/// A new model, as the options describe it.
inline TextRun new_run(std::string_view text, OptionText options) {
  TextRun run{presets::small, {}, detail::tokenizer_for(text, options)};
  if (Family family{}; options.has("family")) {
    options.read("family", family);
    run.config = with_family(run.config, family);
  }
  options.apply(run.config);
  run.config.vocabulary = run.tokenizer.vocabulary_size();
  run.training.sequence = run.config.context;
  detail::read_training(run, options);
  return run;
}

/// The training of a model that exists.
inline TextRun further_run(const OwnedModel& model, OptionText options) {
  TextRun run{model.config(), {}, model.tokenizer()};
  options.apply(run.config.lora);
  run.training.sequence = std::min<Index>(model.trained_length(), 256);
  detail::read_training(run, options);
  return run;
}

/// A run on a text with its threads: octavo_trainer of octavo.h.
class OwnedTrainer {
 public:
  /// `model`: the one to begin with; null: a new one. DataError if the text is too short.
  OwnedTrainer(std::string_view text, TextRun run, const OwnedModel* model)
      : threads_(run.threads),
        tokenizer_(std::move(run.tokenizer)),
        tokens_(tokenize(tokenizer_, text)),
        corpus_{"text", text.size(), sha256(text)} {
    const Index count = tokens_.view().size();
    const auto held_out = static_cast<Index>(run.validation * static_cast<double>(count));
    training_ = tokens_.view().subview(0, count - held_out);
    validation_ = tokens_.view().subview(count - held_out, held_out);
    check_length(training_, run.training.sequence, "text");
    trainer_.emplace(run.config, run.training, threads_);
    if (model == nullptr) return;
    model->read_base(trainer_->parameters(), run.training.seed, trainer_->weights());
  }

  const Trainer<float>& trainer() const noexcept { return *trainer_; }

  StepResult step() {
    require(trainer_->state().steps_done < trainer_->options().steps, [&] {
      return detail::concat({"all ", trainer_->options().steps, " steps are done"});
    });
    return trainer_->step(training_);
  }

  double evaluate() {
    if (validation_.size() < 2) {
      throw DataError("the validation text has fewer than two tokens",
                      "use a longer text, or a larger share: validation=0.2");
    }
    return trainer_->evaluate(validation_);
  }

  OwnedModel model() {
    const auto averaged = trainer_->use_averages();
    return {trainer_->config(), trainer_->options().sequence, tokenizer_, trainer_->weights(),
            threads_.size()};
  }

  void save_checkpoint(const std::string& path) const {
    octavo::save_checkpoint(path, *trainer_, tokenizer_, corpus_);
  }

  void resume(const std::string& path) {
    const FileSource source(path);
    const CheckpointFile file(source, {.optimizers = builtin_optimizers<>});
    require(file.info().corpus.same_text(corpus_), [&] {
      return detail::concat({printable(path), " is of a run on another text"});
    });
    file.load(*trainer_);
  }

 private:
  ThreadPool threads_;
  AnyTokenizer tokenizer_;
  TokenStore tokens_;
  CorpusIdentity corpus_;
  TokenView training_, validation_;
  std::optional<Trainer<float>> trainer_;
};

}  // namespace OCTAVO_NAMESPACE
