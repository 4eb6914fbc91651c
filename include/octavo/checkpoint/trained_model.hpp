// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/training/trainer.hpp>

namespace OCTAVO_NAMESPACE {

/// Saves the model of a trainer, with the weights that it has now, as save_model; with
/// TrainingOptions::stored_base what trains and adapters alone, with the name of the base:
/// ModelSource opens both.
template <Scalar T, typename Config, typename Part>
void save_trained_model(const std::string& path, const Trainer<T, Config, Part>& trainer,
                        const AnyTokenizer& tokenizer, FileSystem& files = real_file_system()) {
  ModelDescription model(trainer.model());
  model.parameters = trainer.parameters();
  const TrainingOptions& options = trainer.options();
  detail::save_model<T>(path, model, std::max(options.sequence, options.trained_length), tokenizer,
                        WeightSource<T>(trainer.weights()), trainer.base(), files);
}

}  // namespace OCTAVO_NAMESPACE
