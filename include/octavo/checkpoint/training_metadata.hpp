// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/checkpoint/model_metadata.hpp>
#include <octavo/formats/hexadecimal.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/gpt2_names.hpp>

namespace OCTAVO_NAMESPACE {

/// The most bytes of a corpus's name.
inline constexpr std::size_t most_corpus_name_bytes = 65536;

/// Identifies the text that a run was trained on.
struct CorpusIdentity {
  std::string name;  ///< its name when the run began
  std::size_t bytes = 0;
  std::string hash;  ///< a digest of its bytes, as text; any digest will do
  /// How the text is divided into documents, in the program's words; empty: not divided.
  std::string documents = {};
  /// The text for validation; all empty: a part of the text above, or no validation.
  std::string validation_name = {};
  std::size_t validation_bytes = 0;
  std::string validation_hash = {};

  /// Whether both are the same text; names are not compared.
  bool same_text(const CorpusIdentity& other) const {
    return bytes == other.bytes && hash == other.hash && documents == other.documents &&
           validation_bytes == other.validation_bytes && validation_hash == other.validation_hash;
  }
};

namespace detail {

inline TrainingOptions read_options(const MetadataReader& metadata, const ModelConfig& config,
                                    OptimizerList known) {
  TrainingOptions options;
  for_each_field(options, FieldReader{metadata, known});
  if (options.train_last > config.layers) metadata.refuse("train_last", "at most the layers");
  if (options.sequence > config.context) metadata.refuse("sequence", "at most the context");
  constexpr Index most = (Index{1} << 31) - 1;  // see check_step
  if (options.accumulate > most / options.batch ||
      options.sequence > most / (options.batch * options.accumulate)) {
    metadata.refuse("batch", "at most 2^31 - 1 positions in a step");
  }
  if (options.min_lr > options.learning_rate) {
    metadata.refuse("minimum_learning_rate", "at most the learning rate");
  }
  return options;
}

/// The key of a tensor's learning-rate factor, if it is not 1, is this followed by the tensor's
/// name.
inline constexpr std::string_view factor_key = "learning_rate_factor.";

inline void write_factors(MetadataWriter& metadata, const ParameterList& parameters) {
  for (const Parameter& parameter : parameters) {
    if (parameter.learning_rate_factor == 1) continue;
    metadata.real(concat({factor_key, gpt2_name(parameter.name)}), parameter.learning_rate_factor);
  }
}

/// The learning-rate factors by the tensors' names; empty for a run with all factors 1.
inline std::map<std::string, double> read_factors(const MetadataReader& metadata) {
  std::map<std::string, double> factors;
  for (const auto& [key, value] : metadata.file().metadata()) {
    if (!key.starts_with(factor_key)) continue;
    factors[key.substr(factor_key.size())] =
        metadata.real(key, 0, std::numeric_limits<double>::max());
  }
  return factors;
}

inline void write_state(MetadataWriter& metadata, const RunState& state) {
  metadata.whole("step", state.steps_done);
  metadata.real("rate_factor", state.lr_scale);
  metadata.real("best_validation", state.best_validation);
  metadata.whole("best_step", state.best_step);
  metadata.whole("evaluations_since_best", state.evaluations_since_best);
  metadata.real("average_loss", state.average_loss);
  metadata.real("lowest_average", state.lowest_average);
}

inline RunState read_state(const MetadataReader& metadata) {
  constexpr double large = std::numeric_limits<double>::max();
  RunState state;
  state.steps_done = metadata.whole("step", 0, (Index{1} << 62) - 1);
  state.lr_scale = metadata.real("rate_factor", 0, 1);
  state.best_validation = metadata.real_or_infinity("best_validation");
  state.best_step = metadata.whole("best_step", 0, state.steps_done);
  state.evaluations_since_best = metadata.whole("evaluations_since_best", 0, state.steps_done);
  state.average_loss = metadata.real("average_loss", -large, large);
  state.lowest_average = metadata.real_or_infinity("lowest_average");
  return state;
}

/// The most bytes of CorpusIdentity::documents.
inline constexpr std::size_t most_documents_bytes = 2048;

/// Optional entries are written only for runs that have them, so that the files of other runs keep
/// their bytes.
inline void write_corpus(MetadataWriter& metadata, const CorpusIdentity& corpus) {
  check_writable("corpus.name", corpus.name.size() <= most_corpus_name_bytes);
  check_writable("corpus.documents", corpus.documents.size() <= most_documents_bytes);
  check_writable("validation.name", corpus.validation_name.size() <= most_corpus_name_bytes);
  metadata.text("corpus.name", to_hex(corpus.name));  // a path need not be UTF-8
  metadata.whole("corpus.bytes", corpus.bytes);
  metadata.text("corpus.hash", corpus.hash);
  if (!corpus.documents.empty()) metadata.text("corpus.documents", to_hex(corpus.documents));
  if (corpus.validation_hash.empty()) return;
  metadata.text("validation.name", to_hex(corpus.validation_name));
  metadata.whole("validation.bytes", corpus.validation_bytes);
  metadata.text("validation.hash", corpus.validation_hash);
}

inline CorpusIdentity read_corpus(const MetadataReader& metadata) {
  constexpr Index any = std::numeric_limits<Index>::max();
  CorpusIdentity corpus{from_hex(metadata, "corpus.name", most_corpus_name_bytes),
                        static_cast<std::size_t>(metadata.whole("corpus.bytes", 0, any)),
                        metadata.text("corpus.hash")};
  if (metadata.has("corpus.documents")) {
    corpus.documents = from_hex(metadata, "corpus.documents", most_documents_bytes);
  }
  if (!metadata.has("validation.hash")) return corpus;
  corpus.validation_name = from_hex(metadata, "validation.name", most_corpus_name_bytes);
  corpus.validation_bytes = static_cast<std::size_t>(metadata.whole("validation.bytes", 0, any));
  corpus.validation_hash = metadata.text("validation.hash");
  return corpus;
}

}  // namespace detail
}  // namespace OCTAVO_NAMESPACE
