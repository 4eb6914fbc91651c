// SPDX-License-Identifier: MIT
// The options of train_full: what was asked, and the run that follows from it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/fwd.hpp>
#include <octavo/octavo.hpp>

#include "support/memory_report.hpp"
#include "support/saving.hpp"
#include "train_full/field_options.hpp"

namespace support {

struct FullOptions {
  octavo::ModelConfig config;  ///< but for the vocabulary, which follows from the text
  octavo::TrainingOptions training;
  octavo::CorpusOptions corpus;  ///< no data: the built-in text, or tiny Shakespeare
  std::string preset;
  std::string why;  ///< the preset was taken
  SaveOptions saving;
  const octavo::ModelSource* from = nullptr;  ///< whose weights the run begins with; null: random
  bool wants_shakespeare = false;
  bool double_precision = false;
  bool dry_run = false;
  bool quiet = false;
  MemoryReportOption memory_report;
  bool leanest_micro_batch = false;  ///< none was set
  std::string not_kept;  ///< what was asked, and no checkpoint says, as words of a command
  octavo::Index threads = 0;
  octavo::Index sample_every = 1000;
  octavo::Index sample_tokens = 200;
  std::string prompt;  ///< of samples; empty: the text's beginning
  octavo::Index log_every = 100;
  octavo::Index metrics_every = 10;
};

/// A model and a run of it, by a name.
struct Preset {
  const char* name;
  octavo::ModelConfig config;
  octavo::Index batch, sequence, iterations;
  double rate;
  bool wants_shakespeare;
};

/// Adds train_full's options to `app` and gathers what they say.
class FullCommandLine {
 public:
  explicit FullCommandLine(CLI::App& app);

  const SaveOptions& saving() const noexcept { return saving_; }
  /// The model to begin with; empty: none.
  const std::string& from() const noexcept { return from_; }

  /// After parsing: the preset, then what was asked on top of it. ConfigError where that makes no
  /// run.
  FullOptions resolve() const;
  /// The run that a checkpoint was saved by. What was asked on top of it may change nothing of what
  /// the run computes but, with --new-schedule, its length and learning rates.
  FullOptions resolve(const octavo::CheckpointInfo& info) const;
  /// A run that begins with the weights of a model, which may not be asked to be another.
  FullOptions resolve(const octavo::ModelSource& from) const;

 private:
  using Index = octavo::Index;
  template <typename N>
  using Asked = std::optional<N>;

  void add_presets(CLI::App& app);
  void add_model(CLI::App& app);
  void add_layers(CLI::App& app);
  void add_training(CLI::App& app);
  void add_run(CLI::App& app);
  void add_data(CLI::App& app);
  void add_memory(CLI::App& app);
  void size(CLI::App& app, const std::string& name, std::size_t& bytes, const std::string& help);
  void whole(CLI::App& app, const std::string& name, Asked<Index>& asked, Index least,
             const std::string& help, Index most = std::numeric_limits<std::int32_t>::max());
  void real(CLI::App& app, const std::string& name, Asked<double>& asked,
            const octavo::SettingRange& range, const std::string& help);
  FullOptions base() const;
  FullOptions begun(FullOptions options) const;
  FullOptions finished(FullOptions options) const;
  std::string not_kept() const;
  static void check(const FullOptions& options);
  void require_no_new_schedule() const;
  void choose_family(octavo::ModelConfig& config) const;
  void choose_gpt2(octavo::ModelConfig& config) const;
  void choose_tokenizer(FullOptions& options) const;
  void choose_texts(FullOptions& options, const octavo::CorpusIdentity& before) const;
  void check_tokenizer(const octavo::CheckpointInfo& info) const;
  void check_resumed(const FullOptions& options, const octavo::CheckpointInfo& info) const;
  octavo::AnyOptimizer optimizer(octavo::AnyOptimizer chosen) const;

  const Preset* preset_ = nullptr;
  FieldOptions<octavo::ModelConfig> model_;
  FieldOptions<octavo::TrainingOptions> training_;
  Asked<Index> iterations_, sample_every_, log_every_, metrics_every_, vocabulary_, sample_tokens_;
  Asked<double> decay_, beta1_, beta2_;
  Index threads_ = 0;
  MemoryReportOption memory_report_;
  std::size_t memory_budget_ = 0, map_above_ = octavo::CorpusOptions().load_at_most;
  SaveOptions saving_;
  std::vector<std::string> data_, validation_;
  std::string documents_, document_end_, token_file_, from_, prompt_, scalar_, optimizer_, family_,
      tokenizer_;
  bool no_bias_ = false, no_unknown_ = false, dry_run_ = false, new_schedule_ = false,
       gpt2_ = false, quiet_ = false;
};

}  // namespace support
