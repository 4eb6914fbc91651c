// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/runs/chat_rows_data.hpp>
#include <octavo/training/evaluation_windows.hpp>
#include <octavo/training/trainer.hpp>

// The plan of a run, in lines for the user.
namespace OCTAVO_NAMESPACE {

/// Steps, their tokens and learning rates: "2000 steps of 1 x 32 tokens, lr 0.003 to 0.0003,
/// warm-up 100, adamw".
inline std::string describe_steps(const TrainingOptions& training) {
  const LearningRateSchedule rate = training.rate();
  std::string text = detail::concat({training.steps, " steps of ", training.batch});
  if (training.accumulate > 1) text += detail::concat({" x ", training.accumulate});
  return text +
         detail::concat({" x ", training.sequence, " tokens, lr ",
                         FormattedNumber::general(rate.peak, 3), " to ",
                         FormattedNumber::general(rate.min_lr, 3), ", warm-up ", rate.warmup, ", ",
                         name_of(training.optimizer)}) +
         (training.ema > 0 ? detail::concat({", ema ", FormattedNumber::general(training.ema, 6)})
                           : "");
}

/// The share of a text of `text_tokens` tokens that a run sees.
inline std::string describe_passes(const TrainingOptions& training, Index text_tokens) {
  const Index rows = training.all_sequences() * training.sequence;
  const double seen = static_cast<double>(training.steps) * static_cast<double>(rows);
  const double passes = seen / static_cast<double>(text_tokens);
  const FormattedNumber tokens = FormattedNumber::fixed(seen, 0);
  if (passes < 1) {
    return detail::concat({FormattedNumber::general(passes, 2),
                           " of the text will be seen: ", tokens, " of ", text_tokens, " tokens"});
  }
  return detail::concat(
      {tokens, " tokens: the text is seen ", FormattedNumber::general(passes, 3), " times"});
}

/// The rows of a run for fine-tuning: how many, how they are packed, and what counts.
/// `documents`: CorpusIdentity::documents.
inline std::string describe_rows(const ChatRows& rows, std::string_view documents) {
  const ChatRowOptions options = chat_row_options(documents);
  const auto percent = [](Index part, Index whole) {
    return detail::concat(
        {FormattedNumber::general(
             100 * static_cast<double>(part) / static_cast<double>(std::max<Index>(whole, 1)), 2),
         "%"});
  };
  const PackedData& train = rows.split.train;
  const Index others = rows.validation_packing.documents;
  std::string text = detail::concat({counted(rows.packing.documents, "row"), " for training, ",
                                     others == 0 ? std::string("none") : std::to_string(others),
                                     " for validation"});
  if (rows.skipped > 0) {
    text += detail::concat(
        {"; ", counted(rows.skipped, "bad row"), rows.skipped == 1 ? " is" : " are", " skipped"});
  }
  text += detail::concat({"\npacked into ", counted(train.rows(), "row"), " of ", train.sequence(),
                          " tokens, ", percent(rows.packing.padding, train.positions()),
                          " of them padding; ", train.counted(), " tokens count, ",
                          options.train_on == TrainOn::all ? "all of a row" : "those of answers"});
  const Index cut = rows.packing.cut + rows.validation_packing.cut;
  const Index split = rows.packing.split + rows.validation_packing.split;
  const Index empty = rows.packing.empty + rows.validation_packing.empty;
  if (cut + split > 0) {
    text += detail::concat({"\n", counted(cut + split, "row"), " longer than that, up to ",
                            rows.longest, ": ", cut > 0 ? "cut" : "split"});
  }
  if (empty > 0) {
    text += detail::concat({"\n", counted(empty, cut > 0 ? "row" : "piece"),
                            " left out: no token that counts is within the length"});
  }
  return text;
}

/// The times that packed rows are seen, and how they are evaluated.
inline std::string describe_epochs(const TrainingOptions& training, const PackedSplit& rows) {
  const double seen = static_cast<double>(training.steps) *
                      static_cast<double>(training.all_sequences()) /
                      static_cast<double>(rows.train.rows());
  std::string text = detail::concat({FormattedNumber::general(seen, 3), " epochs"});
  if (rows.validation.empty()) return text;
  if (training.evaluate_every == 0) return text + "; evaluation: only at the end";
  const EvaluationWindows windows(evaluation_targets(rows.validation), training.sequence,
                                  training.evaluation_tokens);
  return text + detail::concat({"; evaluation: ", windows.is_sample() ? "" : "all ",
                                counted(windows.count(), "packed row"), " every ",
                                counted(training.evaluate_every, "step"),
                                windows.is_sample() ? ", all at the end" : ""});
}

/// The share of `targets` tokens that is evaluated, and the cost.
inline std::string describe_evaluations(const TrainingOptions& training, Index targets) {
  if (training.evaluate_every == 0) return "evaluation: only at the end";
  const EvaluationWindows windows(targets, training.sequence, training.evaluation_tokens);
  const double trained =
      3 * static_cast<double>(training.evaluate_every) * static_cast<double>(training.rows());
  return detail::concat(
      {"evaluation: ", windows.is_sample() ? "" : "all ", windows.targets(), " tokens every ",
       training.evaluate_every, " steps, ",
       FormattedNumber::general(static_cast<double>(windows.targets()) / trained, 2),
       " of the training's arithmetic", windows.is_sample() ? "; all at the end" : ""});
}

}  // namespace OCTAVO_NAMESPACE
