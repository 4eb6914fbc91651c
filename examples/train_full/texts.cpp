// SPDX-License-Identifier: MIT
// What the options of train_full say about what a run reads: texts, or rows for fine-tuning.
#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "train_full/options.hpp"

namespace support {

/// Whether --data names rows for fine-tuning. ConfigError if it names texts as well.
bool FullCommandLine::names_rows() const {
  const auto is_jsonl = [](const std::string& name) {
    return name.ends_with(".jsonl") || name.ends_with(".ndjson");
  };
  const auto count = std::count_if(data_.begin(), data_.end(), is_jsonl);
  octavo::require(count == 0 || count == std::ssize(data_),
                  "--data: it names rows for fine-tuning (.jsonl) and texts, expected one kind");
  return count > 0;
}

/// Rows instead of a text, where --data names some.
void FullCommandLine::choose_rows(FullOptions& options) const {
  const bool rows = names_rows();
  const char* const option = epochs_               ? "--epochs"
                             : skip_bad_           ? "--skip-bad"
                             : !train_on_.empty()  ? "--train-on"
                             : !long_rows_.empty() ? "--long-rows"
                                                   : nullptr;
  if (!rows) {
    if (option == nullptr || saving_.resume) return;
    throw octavo::ConfigError(std::string(option) + ": it needs --data NAME.jsonl",
                              epochs_ ? "for a text write the steps, as in train_full 2000" : "");
  }
  if (from_.empty() && !saving_.resume) {
    throw octavo::ConfigError(
        "--data: rows for fine-tuning (.jsonl) need --from, the model to fine-tune",
        "name it; or, to train a new model on the file as a text, give it another name");
  }
  octavo::require(!iterations_ || !epochs_, "--epochs: the steps are given by ITERATIONS");
  octavo::require(!time_, "--time: rows for fine-tuning are seen --epochs times");
  octavo::require(options.corpus.documents.empty(),
                  "--documents, --document-end: each row of a .jsonl file is a document");
  octavo::ChatRowOptions chosen;
  if (train_on_ == "all") chosen.train_on = octavo::TrainOn::all;
  if (long_rows_ == "split") chosen.long_rows = octavo::LongDocument::split;
  chosen.skip_bad = skip_bad_.value_or(0);
  options.corpus.documents = octavo::words_of(chosen);
  options.training.packed = true;
}

/// What users of PEFT and TRL know, with the learning rate of the model's width: linear to zero,
/// a short warm-up, and the end of the run where the loss of validation rows does not fall.
void FullCommandLine::set_row_defaults(octavo::TrainingOptions& training) {
  training.batch = 8;
  training.schedule = octavo::LearningRateSchedule::Shape::linear;
  training.min_lr = 0;
  training.warmup = std::min<Index>(100, training.steps / 10);
  // Three epochs: the loss of few rows rises and falls while the learning rate is high.
  training.patience = training.evaluate_every > 0 ? 6 : 0;
}

/// The texts of a resumed run: the given texts, or its own, with its own division into documents.
void FullCommandLine::choose_texts(FullOptions& options,
                                   const octavo::CorpusIdentity& before) const {
  const auto names = [](const char* option, const std::string& joined) {
    const std::vector<std::string> split = octavo::split_names(joined);
    for (const std::string& name : split) {
      if (!octavo::is_read_once(name)) continue;
      throw octavo::ConfigError(
          "--resume: the run's text came through " + octavo::printable(name) +
              ", which cannot be read again",
          std::string("name the same text with ") + option + ", - for standard input");
    }
    return split;
  };
  if (data_.empty()) options.corpus.data = names("--data", before.name);
  if (validation_.empty()) options.corpus.validation = names("--val", before.validation_name);
  const std::string kind = before.documents.starts_with("file ") ? "file" : before.documents;
  const bool same_rows =
      octavo::means_rows(before.documents) && train_on_.empty() && long_rows_.empty() && !skip_bad_;
  if (same_rows && (data_.empty() || names_rows())) options.corpus.documents.clear();
  if (!same_rows && octavo::means_rows(before.documents) && data_.empty()) {
    throw octavo::ConfigError("--resume: the run's rows are read as it began",
                              "leave out --train-on, --long-rows and --skip-bad");
  }
  const bool asked = !options.corpus.documents.empty();
  const auto in_words = [](const std::string& documents) {
    if (documents.empty()) return std::string("no documents");
    if (octavo::means_rows(documents)) return "rows for fine-tuning (" + documents.substr(5) + ")";
    return documents.starts_with("end ")
               ? "--document-end " + octavo::printable(documents.substr(4))
               : "--documents " + documents;
  };
  octavo::require(!asked || options.corpus.documents == kind, [&] {
    return "--resume: the run has " + in_words(kind) + ", but " +
           in_words(options.corpus.documents) + " was asked";
  });
  options.corpus.documents = kind;
}

}  // namespace support
