// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/field.hpp>
#include <octavo/base/version.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/model_config.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Adds fields to a group, under their short names from the command line.
struct FieldSettings {
  SettingGroup& group;

  void operator()(const Field& field, Index value, const WholeRange&) const {
    if (value == 0 && !field.zero.empty()) {
      group.add(field.label(), field.zero);
    } else {
      group.add_count(field.label(), value);
    }
  }
  void operator()(const Field& field, double value, const SettingRange&) const {
    group.add(field.label(), value);
  }
  void operator()(const Field& field, const AnyOptimizer& optimizer) const {
    group.add(field.label(), name_of(optimizer));
    for_each_setting(optimizer, [&](std::string_view name, double value, const auto&) {
      group.add(name == "weight_decay" ? "decay" : name, value);
    });
  }
  void operator()(const Field& field, const NamePatterns& patterns) const {
    group.add(field.label(), patterns.text().empty() ? "none" : patterns.text());
  }
  template <typename Value>
  void operator()(const Field& field, const Value& value) const {
    if constexpr (Choice<Value>) {
      group.add(field.label(), name_of(value));
    } else {
      group.add(field.label(), value);
    }
  }
};

}  // namespace detail

/// The settings of a model.
inline SettingGroup setting_group(const ModelConfig& config) {
  SettingGroup group{"Model", {}};
  for_each_field(config, detail::FieldSettings{group});
  return group;
}

/// All options of a training run.
inline SettingGroup setting_group(TrainingOptions options) {
  SettingGroup group{"Training", {}};
  options.min_lr = options.rate().min_lr;
  for_each_field(options, detail::FieldSettings{group});
  return group;
}

/// The most important settings of a run, as it uses them: given, or from a preset.
inline std::vector<ReportSetting> main_settings(const TrainingOptions& options) {
  const LearningRateSchedule rate = options.rate();
  SettingGroup group;
  group.add("learning rate", rate.peak);
  if (options.schedule != LearningRateSchedule::Shape::constant) {
    group.add("falling to", rate.min_lr);
  }
  group.add("warm-up", detail::concat({FormattedNumber::grouped(options.warmup), " steps"}));
  group.add("batch", detail::concat({options.batch * options.accumulate, " \u00d7 ",
                                     options.sequence, " tokens"}));
  group.add("optimizer", name_of(options.optimizer));
  if (options.ema > 0) group.add("weight average", options.ema);
  group.add("dropout", options.dropout);
  group.add("seed", options.seed);
  return std::move(group.settings);
}

/// The machine that computes the run.
inline SettingGroup machine_settings(const ThreadPool& threads) {
  SettingGroup group{"Machine", {}};
  const Processors& processors = threads.processors();
  group.add("threads", threads.size());
  group.add("cores", processors.online);
  group.add("cores allowed", processors.allowed);
  if (processors.quota > 0) {
    group.add("quota in cores", processors.quota);
  } else {
    group.add("quota in cores", "none");
  }
  group.add("instruction set", name_of(isa_in_use()));
  group.add("version", detail::concat({"octavo ", version_string}));
  return group;
}

}  // namespace OCTAVO_NAMESPACE
