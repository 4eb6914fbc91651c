// SPDX-License-Identifier: MIT
// The options of train_full: what was asked, and the run that follows from it.
#pragma once

#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include <octavo/octavo.hpp>

#include "support/memory_report.hpp"

namespace support {

struct FullOptions {
  octavo::ModelShape shape;  ///< but for the vocabulary, which follows from the text
  octavo::TrainingOptions training;
  std::string preset;
  std::string why;   ///< the preset was taken
  std::string data;  ///< empty: the built-in text, or tiny Shakespeare for medium and large
  std::string out = "out";
  bool wants_shakespeare = false;
  bool double_precision = false;
  bool unknown = true;
  bool dry_run = false;
  MemoryReportOption memory_report;
  std::size_t memory_budget = 0;  ///< of the whole process; 0: none was set
  octavo::Index threads = 0;
  octavo::Index sample_every = 1000;
  octavo::Index log_every = 100;
};

/// Adds train_full's options to `app` and gathers what they say.
class FullCommandLine {
 public:
  explicit FullCommandLine(CLI::App& app);

  /// After parsing: the preset, then what was asked on top of it. ConfigError where that makes no
  /// run.
  FullOptions resolve() const;

 private:
  using Index = octavo::Index;
  template <typename N>
  using Asked = std::optional<N>;

  void add_presets(CLI::App& app);
  void add_model(CLI::App& app);
  void add_training(CLI::App& app);
  void add_run(CLI::App& app);
  void add_memory(CLI::App& app);
  void whole(CLI::App& app, const std::string& name, Asked<Index>& asked, Index least,
             const std::string& help);
  void real(CLI::App& app, const std::string& name, Asked<double>& asked, bool (*legal)(double),
            const std::string& expected, const std::string& help);
  octavo::AnyOptimizer optimizer() const;

  bool tiny_ = false, small_ = false, medium_ = false, large_ = false;
  Asked<Index> iterations_, batch_, sequence_, accumulate_, layers_, heads_, width_, d_ff_,
      context_, warmup_, threads_, evaluate_every_, sample_every_, log_every_, micro_batch_;
  Asked<double> rate_, minimum_rate_, decay_, beta1_, beta2_, clip_, dropout_;
  MemoryReportOption memory_report_;
  std::size_t memory_budget_ = 0;
  std::string data_, out_ = "out", scalar_ = "float", activation_, optimizer_ = "adamw";
  std::uint64_t seed_ = 1;
  bool no_bias_ = false, tied_ = false, no_unknown_ = false, dry_run_ = false, recompute_ = false,
       fused_update_ = false;
};

}  // namespace support
