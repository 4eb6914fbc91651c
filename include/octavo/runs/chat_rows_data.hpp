// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/data/packed_data.hpp>
#include <octavo/data/packed_rows.hpp>
#include <octavo/runs/chat_documents.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

/// How the rows of files for fine-tuning become documents and packed rows.
struct ChatRowOptions {
  TrainOn train_on = TrainOn::answers;
  LongDocument long_rows = LongDocument::cut;
  Index skip_bad = 0;  ///< bad rows that are skipped

  friend bool operator==(const ChatRowOptions&, const ChatRowOptions&) = default;
};

/// The options in words, for CorpusIdentity::documents: "rows answers cut 0".
inline std::string words_of(const ChatRowOptions& options) {
  return detail::concat({"rows ", (options.train_on == TrainOn::all ? "all " : "answers "),
                         (options.long_rows == LongDocument::split ? "split " : "cut "),
                         options.skip_bad});
}

/// Whether a division into documents means rows for fine-tuning.
inline bool means_rows(std::string_view documents) { return documents.starts_with("rows "); }

/// The options from these words. ConfigError if they are others.
inline ChatRowOptions chat_row_options(std::string_view words) {
  ChatRowOptions options;
  for (const TrainOn train_on : {TrainOn::answers, TrainOn::all}) {
    for (const LongDocument long_rows : {LongDocument::cut, LongDocument::split}) {
      options = {train_on, long_rows, 0};
      std::string start = words_of(options);
      start.pop_back();
      if (!words.starts_with(start)) continue;
      if (parse_whole(words.substr(start.size()), options.skip_bad) && options.skip_bad >= 0) {
        return options;
      }
    }
  }
  throw ConfigError(detail::concat({"documents: got ", printable(words)}));
}

/// A row that is not trained on: what the model reads, and the answer that the file has.
struct ChatExample {
  std::vector<Token> prompt, answer;
};

/// The rows of a run for fine-tuning.
struct ChatRows {
  PackedSplit split;
  PackingCounts packing{};              ///< of the rows for training
  PackingCounts validation_packing{};   ///< of those for validation
  Index documents = 0;                  ///< good rows of the files
  Index skipped = 0;                    ///< bad ones
  Index longest = 0;                    ///< inputs of the longest document
  std::vector<ChatExample> examples{};  ///< of the rows for validation

  std::size_t bytes() const noexcept { return split.train.bytes() + split.validation.bytes(); }
};

/// The length of packed rows for documents of which the longest has `longest` inputs: a multiple of
/// 16 in which it fits, at most `most`.
constexpr Index chosen_sequence(Index longest, Index most) noexcept {
  return std::min(most, std::max<Index>((longest + 15) / 16 * 16, 16));
}

/// The sequences of a step that are chosen for `rows` packed rows: 8, or fewer of few rows, so that
/// an epoch has some steps.
constexpr Index chosen_batch(Index rows) noexcept { return std::clamp<Index>(rows / 12, 1, 8); }

/// The learning rate that is chosen for fine-tuning a model of this width. Of a whole model it
/// falls as 1 / width from 1e-4 at width 576 (SmolLM2's 135M); of adapters, with a scale of 2, it
/// is about ten times that and falls as width^(-3/4) (Schulman et al., LoRA Without Regret, 2025:
/// from 14 models): 1e-3 at width 576, 2.3e-4 at 4096.
inline double chosen_rate(Index width, bool adapters) {
  const double factor = 576 / static_cast<double>(width);
  if (!adapters) return 1e-4 * factor;
  return 1e-3 * std::sqrt(factor) * std::sqrt(std::sqrt(factor));  // the same bits everywhere
}

/// Whether the head of a model trains besides its adapters, where nothing else is asked: if it is
/// the model's own and has no more numbers than they. Adapters cannot change a head, which matters
/// most to the small models that have so small a one.
inline bool head_trains(const ParameterList& parameters) {
  Index head = 0, adapters = 0;
  for (const Parameter& parameter : parameters) {
    if (is_adapter(parameter.name)) adapters += parameter.count();
    if (parameter.name == "head.weight") head = parameter.count();
  }
  return head > 0 && head <= adapters;
}

/// The steps in which `rows` packed rows are seen `epochs` times, `sequences` in a step.
inline Index steps_of_epochs(double epochs, Index rows, Index sequences) {
  const double steps = epochs * static_cast<double>(rows) / static_cast<double>(sequences);
  return std::max<Index>(1, static_cast<Index>(std::min(std::ceil(steps), 0x1p30)));
}

}  // namespace OCTAVO_NAMESPACE
