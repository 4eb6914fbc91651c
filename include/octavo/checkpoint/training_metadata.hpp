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
#include <octavo/optimizers/optimizer_list.hpp>
#include <octavo/training/trainer.hpp>

namespace OCTAVO_NAMESPACE {

/// Of a corpus's name.
inline constexpr std::size_t most_corpus_name_bytes = 65536;

/// Which text a run was trained on.
struct CorpusIdentity {
  std::string name;  ///< how it was named when the run began
  std::size_t bytes = 0;
  std::string hash;  ///< of the bytes; any digest will do, text
  /// How the text is divided into documents, in words of the program's; empty: it is not.
  std::string documents = {};
  /// The text for validation; all empty: it is a part of the text above, or there is none.
  std::string validation_name = {};
  std::size_t validation_bytes = 0;
  std::string validation_hash = {};

  /// Whether it is the same text, however it is named.
  bool same_text(const CorpusIdentity& other) const {
    return bytes == other.bytes && hash == other.hash && documents == other.documents &&
           validation_bytes == other.validation_bytes && validation_hash == other.validation_hash;
  }
};

namespace detail {

/// Calls whole or real (key, value, least, most), later (key, value, least, most, if left out),
/// bits or truth (key, value) for each number of a run's options that changes what is computed.
/// Micro-batches, recomputation and threads do not.
template <typename Options, typename Visitor>
void for_each_option(Options& options, Visitor&& visit) {
  constexpr Index any = std::numeric_limits<Index>::max();
  constexpr Index size = (Index{1} << 31) - 1;
  constexpr double large = std::numeric_limits<double>::max();
  visit.whole("steps", options.steps, 0, any);
  visit.whole("batch", options.batch, 1, size);
  visit.whole("sequence", options.sequence, 1, size);
  visit.whole("accumulate", options.accumulate, 1, size);
  visit.real("learning_rate", options.learning_rate, std::numeric_limits<double>::denorm_min(),
             large);
  visit.real("minimum_learning_rate", options.min_lr, -large, large);
  visit.whole("warmup", options.warmup, 0, any);
  visit.real("clip", options.clip, 0, large);
  visit.real("dropout", options.dropout, 0, 1 - std::numeric_limits<double>::epsilon() / 2);
  visit.bits("seed", options.seed);
  visit.whole("evaluate_every", options.evaluate_every, 0, any);
  visit.later("evaluation_tokens", options.evaluation_tokens, 0, any, 0);
  visit.whole("patience", options.patience, 0, any);
  visit.truth("stop_at_spike", options.stop_at_spike);
  visit.truth("fused_update", options.fused_update);
}

/// Refuses, with ConfigError, to write what would be refused when it is read.
struct OptionWriter {
  MetadataWriter& metadata;
  void whole(const std::string& key, Index value, Index least, Index most) {
    check(key, value >= least && value <= most);
    metadata.whole(key, value);
  }
  /// What older files lack stands only where it is not what they mean.
  void later(const std::string& key, Index value, Index least, Index most, Index left_out) {
    if (value != left_out) whole(key, value, least, most);
  }
  void real(const std::string& key, double value, double least, double most) {
    check(key, value >= least && value <= most);  // not if it is not a number
    metadata.real(key, value);
  }
  void bits(const std::string& key, std::uint64_t value) { metadata.whole(key, value); }
  void truth(const std::string& key, bool value) { metadata.truth(key, value); }

  static void check(const std::string& key, bool sound) {
    require(sound, [&] {
      return detail::concat({"cannot save a run whose ", key, " is out of range"});
    });
  }
};

struct OptionReader {
  const MetadataReader& metadata;
  void whole(const std::string& key, Index& value, Index least, Index most) {
    value = metadata.whole(key, least, most);
  }
  void later(const std::string& key, Index& value, Index least, Index most, Index left_out) {
    const bool there = metadata.file().metadata().contains(key);
    value = there ? metadata.whole(key, least, most) : left_out;
  }
  void real(const std::string& key, double& value, double least, double most) {
    value = metadata.real(key, least, most);
  }
  void bits(const std::string& key, std::uint64_t& value) { value = metadata.bits(key); }
  void truth(const std::string& key, bool& value) { value = metadata.truth(key); }
};

/// The entry of an optimizer's setting. Format 1 says "decay".
inline std::string setting_key(std::string_view name) {
  return concat({"optimizer.", name == "weight_decay" ? "decay" : name});
}

inline void write_options(MetadataWriter& metadata, const TrainingOptions& options) {
  OptionWriter writer{metadata};
  for_each_option(options, writer);
  metadata.text("schedule", name_of(options.schedule));
  metadata.text("optimizer", name_of(options.optimizer));
  for_each_setting(options.optimizer,
                   [&](std::string_view name, double value, const SettingRange& range) {
                     writer.real(setting_key(name), value, std::min(0.0, range.least), range.most);
                   });
}

inline AnyOptimizer read_optimizer(const MetadataReader& metadata, OptimizerList known) {
  std::vector<std::string_view> names;
  for (const AnyOptimizer& one : known) names.push_back(name_of(one));
  AnyOptimizer optimizer = known[metadata.choice("optimizer", names)];
  for_each_setting(optimizer, [&](std::string_view name, double& value, const SettingRange& range) {
    value = metadata.real(setting_key(name), std::min(0.0, range.least), range.most);
  });
  return optimizer;
}

inline TrainingOptions read_options(const MetadataReader& metadata, const ModelShape& shape,
                                    OptimizerList known) {
  TrainingOptions options;
  for_each_option(options, OptionReader{metadata});
  options.schedule =
      static_cast<LearningRateSchedule::Shape>(metadata.choice("schedule", schedule_names));
  options.optimizer = read_optimizer(metadata, known);
  if (options.sequence > shape.context) metadata.refuse("sequence", "at most the context");
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

/// Before a tensor's name: what multiplies its learning rate, where that is not 1.
inline constexpr std::string_view factor_key = "learning_rate_factor.";

inline void write_factors(MetadataWriter& metadata, const ParameterList& parameters) {
  for (const Parameter& parameter : parameters) {
    if (parameter.learning_rate_factor == 1) continue;
    metadata.real(concat({factor_key, parameter.name}), parameter.learning_rate_factor);
  }
}

/// By the tensors' names. Files of runs that froze nothing have none.
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
  metadata.real("rate_factor", state.rate_factor);
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
  state.rate_factor = metadata.real("rate_factor", 0, 1);
  state.best_validation = metadata.real_or_infinity("best_validation");
  state.best_step = metadata.whole("best_step", 0, state.steps_done);
  state.evaluations_since_best = metadata.whole("evaluations_since_best", 0, state.steps_done);
  state.average_loss = metadata.real("average_loss", -large, large);
  state.lowest_average = metadata.real_or_infinity("lowest_average");
  return state;
}

/// Of the words that say how a text is divided into documents.
inline constexpr std::size_t most_documents_bytes = 2048;

/// What only some runs have is written for these alone, so that the files of others are what they
/// were.
inline void write_corpus(MetadataWriter& metadata, const CorpusIdentity& corpus) {
  OptionWriter::check("corpus.name", corpus.name.size() <= most_corpus_name_bytes);
  OptionWriter::check("corpus.documents", corpus.documents.size() <= most_documents_bytes);
  OptionWriter::check("validation.name", corpus.validation_name.size() <= most_corpus_name_bytes);
  metadata.text("corpus.name", to_hex(corpus.name));  // a path may be no UTF-8
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
