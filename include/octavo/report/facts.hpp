// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/version.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/model_shape.hpp>

namespace OCTAVO_NAMESPACE {

/// The choices that make a model, under short names such as a command line has.
inline FactGroup facts_of(const ModelShape& shape) {
  FactGroup group{"Model", {}};
  group.add("layers", shape.layers);
  group.add("heads", shape.heads);
  group.add("width", shape.width);
  group.add("ff", shape.d_ff);
  group.add_count("context", shape.context);
  group.add_count("vocabulary", shape.vocabulary);
  group.add("activation", name_of(shape.activation));
  group.add("bias", shape.bias);
  group.add("tied", shape.tied);
  return group;
}

/// All that a run computes with, in the same way.
inline FactGroup facts_of(const TrainingOptions& options) {
  FactGroup group{"Training", {}};
  const LearningRateSchedule rate = options.rate();
  group.add_count("steps", options.steps);
  group.add("batch", options.batch);
  group.add("sequence", options.sequence);
  group.add("accumulate", options.accumulate);
  group.add("lr", rate.peak);
  group.add("min-lr", rate.min_lr);
  group.add_count("warmup", options.warmup);
  group.add("schedule", name_of(options.schedule));
  group.add("optimizer", name_of(options.optimizer));
  for_each_setting(options.optimizer, [&](std::string_view name, double value, const auto&) {
    group.add(name == "weight_decay" ? "decay" : name, value);
  });
  group.add("clip", options.clip);
  group.add("dropout", options.dropout);
  group.add("seed", options.seed);
  group.add_count("eval-every", options.evaluate_every);
  if (options.evaluation_tokens == 0) {
    group.add("eval-tokens", "all");
  } else {
    group.add_count("eval-tokens", options.evaluation_tokens);
  }
  group.add("patience", options.patience);
  group.add("rollback", options.stop_at_spike);
  group.add("micro-batch", options.micro_batch);
  group.add("recompute", options.recompute);
  group.add("fused-update", options.fused_update);
  return group;
}

/// The choices of a run that are looked at first, as the run uses them: given, or the preset's.
inline std::vector<Fact> settings_of(const TrainingOptions& options) {
  const LearningRateSchedule rate = options.rate();
  FactGroup group;
  group.add("learning rate", rate.peak);
  if (options.schedule != LearningRateSchedule::Shape::constant) {
    group.add("falling to", rate.min_lr);
  }
  group.add("warm-up", detail::concat({FormattedNumber::grouped(options.warmup), " steps"}));
  group.add("batch", detail::concat({options.batch * options.accumulate, " \u00d7 ",
                                     options.sequence, " tokens"}));
  group.add("optimizer", name_of(options.optimizer));
  group.add("dropout", options.dropout);
  group.add("seed", options.seed);
  return std::move(group.facts);
}

/// What the run is computed by.
inline FactGroup facts_of_machine(const ThreadPool& threads) {
  FactGroup group{"Machine", {}};
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
