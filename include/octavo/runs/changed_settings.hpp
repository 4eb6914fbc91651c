// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <octavo/checkpoint/model_metadata.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/checkpoint/training_metadata.hpp>
#include <octavo/formats/metadata.hpp>

namespace OCTAVO_NAMESPACE {

/// A setting of a run in a checkpoint, and its new value.
struct ChangedSetting {
  std::string name;    ///< as in the checkpoint's file: "learning_rate"
  std::string before;  ///< the value in the checkpoint
  std::string after;   ///< empty: an optimizer without that setting
};

/// The settings of shape, training and scalar in which a run that goes on would differ from the one
/// that was saved, in the order of their names; those that change nothing of what is computed
/// (micro-batch, recomputation) are not among them. A run without any has the bits that it would
/// have had.
inline std::vector<ChangedSetting> changed_settings(const CheckpointInfo& before,
                                                    const ModelConfig& config,
                                                    const TrainingOptions& options,
                                                    bool double_precision) {
  const auto entries = [](const ModelConfig& model, const TrainingOptions& training, bool wide) {
    MetadataWriter writer;
    for_each_field(model, detail::FieldWriter{writer});
    for_each_field(training, detail::FieldWriter{writer});
    writer.text("scalar", wide ? "double" : "float");
    return writer.entries();
  };
  const auto after = entries(config, options, double_precision);
  std::vector<ChangedSetting> changed;
  for (const auto& [name, value] :
       entries(before.config, before.options, before.double_precision)) {
    const auto found = after.find(name);
    if (found != after.end() && found->second == value) continue;
    changed.push_back({name, value, found == after.end() ? "" : found->second});
  }
  return changed;
}

}  // namespace OCTAVO_NAMESPACE
