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

/// The settings of model, training and scalar type in which a resumed run differs from the saved
/// one, in the order of their names, without those that change no result (micro-batch,
/// recomputation). If there are none, the resumed run has the bits of an uninterrupted one.
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
