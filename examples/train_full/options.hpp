// SPDX-License-Identifier: MIT
// The options of train_full: the given options, and the resolved options of the run.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/fwd.hpp>
#include <octavo/octavo.hpp>
#include <octavo/runs/recipe.hpp>

#include "support/memory_report.hpp"
#include "support/saving.hpp"
#include "train_full/field_options.hpp"

namespace support {

class StoredBase;

/// The option for a setting of an optimizer: "--beta1", "--matrix-lr-scale".
std::string setting_option(std::string_view setting);

struct FullOptions {
  octavo::ModelConfig config;  ///< except the vocabulary, which depends on the text
  octavo::TrainingOptions training;
  octavo::CorpusOptions corpus;  ///< no data: the built-in text, or tiny Shakespeare
  std::string preset;
  std::string why;  ///< reason for the preset
  SaveOptions saving;
  const octavo::ModelSource* from =
      nullptr;            ///< the model to continue; null: initial weights are random
  std::string from_name;  ///< its path
  std::shared_ptr<StoredBase> base = {};  ///< of adapters; null: all weights are the trainer's
  bool wants_shakespeare = false;
  bool double_precision = false;
  bool dry_run = false;
  bool quiet = false;
  bool timings = false;
  MemoryReportOption memory_report;
  bool leanest_micro_batch = false;  ///< whether no micro-batch was given
  std::string session_flags;  ///< options that checkpoints do not store, as words of a command
  octavo::Index threads = 0;
  octavo::Index sample_every = 1000;
  octavo::Index sample_tokens = 200;
  std::string prompt;  ///< of samples; empty: the text's beginning
  octavo::Index log_every = 100;
  octavo::Index metrics_every = 10;
};

/// A named model and run.
struct Preset {
  const char* name;
  octavo::ModelConfig config;
  octavo::Index batch, sequence, iterations;
  double rate;
  bool wants_shakespeare;
};

/// Adds train_full's options to `app` and collects their values.
class FullCommandLine {
 public:
  explicit FullCommandLine(CLI::App& app);

  const SaveOptions& saving() const noexcept { return saving_; }
  /// The path of the model to continue; empty: none.
  const std::string& from() const noexcept { return from_; }
  /// Where the base of adapters is; empty: where it was.
  const std::string& base_path() const noexcept { return base_path_; }
  /// Whether model, tokenizer and training options are chosen by the text and the time: a text is
  /// given, and nothing that says which model.
  bool chooses() const;
  /// The time for which the number of steps is chosen, in seconds; nothing: it is given, or the
  /// preset's.
  std::optional<double> seconds() const;
  /// The number of steps, if it is given.
  std::optional<octavo::Index> iterations() const noexcept { return iterations_; }
  /// The recipe with the given training options, which are not chosen.
  octavo::Recipe with_given(octavo::Recipe recipe) const;
  /// Whether the training option of this field is given.
  bool gives(std::string_view field) const { return training_.asked(field); }
  /// The times that rows for fine-tuning are seen, unless a number of steps is given.
  double epochs() const noexcept { return epochs_.value_or(3); }
  /// A recipe as words of a command line, without options that are given.
  std::vector<std::string> words_of(const octavo::Recipe& recipe) const;

  /// Call after parsing: the preset with the given options applied. ConfigError if these do not
  /// make a valid run.
  FullOptions resolve() const;
  /// The options of a checkpoint's run with the given options applied. ConfigError if a given
  /// option changes a result, except, with --new-schedule, the run's length and learning rates.
  FullOptions resolve(const octavo::CheckpointInfo& info) const;
  /// The options of a run that continues a model. ConfigError if a given option would change the
  /// model.
  FullOptions resolve(const octavo::ModelSource& from) const;

 private:
  using Index = octavo::Index;
  template <typename N>
  using Given = std::optional<N>;

  void add_presets(CLI::App& app);
  void add_model(CLI::App& app);
  void add_layers(CLI::App& app);
  void add_lora(CLI::App& app);
  void add_training(CLI::App& app);
  void add_optimizer(CLI::App& group);
  void add_run(CLI::App& app);
  void add_data(CLI::App& app);
  void add_rows(CLI::App& app);
  void add_memory(CLI::App& app);
  void size(CLI::App& app, const std::string& name, std::size_t& bytes, const std::string& help);
  void whole(CLI::App& app, const std::string& name, Given<Index>& asked, Index least,
             const std::string& help, Index most = std::numeric_limits<std::int32_t>::max());
  void real(CLI::App& app, const std::string& name, Given<double>& asked,
            const octavo::SettingRange& range, const std::string& help);
  FullOptions base() const;
  FullOptions begun(FullOptions options) const;
  FullOptions finished(FullOptions options) const;
  std::string session_flags() const;
  static void check(const FullOptions& options);
  void require_no_new_schedule() const;
  void require_no_time_with(const char* option) const;
  void choose_family(octavo::ModelConfig& config) const;
  void choose_gpt2(octavo::ModelConfig& config) const;
  void choose_lora(octavo::ModelConfig& config) const;
  void choose_tokenizer(FullOptions& options) const;
  bool names_rows() const;
  void choose_rows(FullOptions& options) const;
  static void set_row_defaults(octavo::TrainingOptions& training);
  void choose_texts(FullOptions& options, const octavo::CorpusIdentity& before) const;
  void check_tokenizer(const octavo::CheckpointInfo& info) const;
  void check_resumed(const FullOptions& options, const octavo::CheckpointInfo& info) const;
  octavo::AnyOptimizer optimizer(octavo::AnyOptimizer chosen) const;

  const Preset* preset_ = nullptr;
  FieldOptions<octavo::ModelConfig> model_;
  FieldOptions<octavo::TrainingOptions> training_;
  Given<Index> iterations_, sample_every_, log_every_, metrics_every_, vocabulary_, sample_tokens_;
  Given<double> time_;  ///< seconds
  Given<double> epochs_;
  Given<Index> skip_bad_;
  /// By the settings' names, see add_optimizer().
  std::map<std::string, Given<double>, std::less<>> settings_;
  Index threads_ = 0;
  MemoryReportOption memory_report_;
  std::size_t memory_budget_ = 0, map_above_ = octavo::CorpusOptions().load_at_most;
  SaveOptions saving_;
  std::vector<std::string> data_, validation_;
  std::string documents_, document_end_, token_file_, from_, base_path_, prompt_, scalar_,
      optimizer_, family_, tokenizer_, train_on_, long_rows_;
  bool no_bias_ = false, no_unknown_ = false, dry_run_ = false, new_schedule_ = false,
       gpt2_ = false, lora_ = false, quiet_ = false, timings_ = false;
};

}  // namespace support
