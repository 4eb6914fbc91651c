// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <octavo/base/concat.hpp>
#include <octavo/base/formatted_number.hpp>
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
  const Index rows = training.rows();
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
