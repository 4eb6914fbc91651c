// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/report/bits_per_character.hpp>
#include <octavo/report/diagnosis.hpp>
#include <octavo/report/reference_losses.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/terminal_text.hpp>

namespace OCTAVO_NAMESPACE {

/// The trend of a loss.
enum class Trend { unknown, falling, flat, rising };

/// `since`: the step of the last value of a falling loss, of the first value within 1% of the
/// lowest of a flat loss, or of the lowest value of a rising loss.
struct Course {
  Trend trend = Trend::unknown;
  Index since = 0;
};

/// The trend of a run's validation losses, or of its training losses if there are fewer than four
/// of those. Rising: 2% above the lowest, which is at least two values back. Flat: the first value
/// within 1% of the lowest came before two thirds of the steps. Unknown: fewer than four values of
/// both kinds.
inline Course course_of(const RunHistory& history) {
  std::array<EvaluationPoint, 12> stretches;
  std::span<const EvaluationPoint> values = history.evaluations();
  if (values.size() < 4) {
    const Index length = history.steps_done() / static_cast<Index>(stretches.size());
    if (length < 5) return {};
    for (std::size_t i = 0; i < stretches.size(); ++i) {
      const Index end =
          history.steps_done() - length * static_cast<Index>(stretches.size() - 1 - i);
      stretches[i].step = end;
      stretches[i].validation_loss = history.mean_loss(end - length, end);
    }
    values = stretches;
  }
  const auto best = std::min_element(
      values.begin(), values.end(),
      [](const auto& a, const auto& b) { return a.validation_loss < b.validation_loss; });
  const double low = best->validation_loss, last = values.back().validation_loss;
  if (!std::isfinite(low) || !std::isfinite(last)) return {};
  if (values.end() - best >= 3 && last > low + std::max(0.02 * low, 0.01)) {
    return {Trend::rising, best->step};
  }
  const double near = low + std::max(0.01 * low, 0.005);
  const auto first = std::find_if(values.begin(), values.end(),
                                  [&](const auto& one) { return one.validation_loss <= near; });
  if (3 * first->step <= 2 * history.steps_done()) return {Trend::flat, first->step};
  return {Trend::falling, values.back().step};
}

namespace detail {

/// The decisive loss of a run: that of its best evaluation, or else of its last training steps.
struct JudgedLoss {
  bool validated;
  double loss;
  Index step;

  explicit JudgedLoss(const RunReport& run)
      : validated(run.best_step > 0),
        loss(validated ? run.best_validation : run.loss),
        step(validated ? run.best_step : run.step) {}
};

/// ", perplexity 6.90": the number of equally likely tokens with the same loss. Empty if it would
/// be meaningless.
inline std::string perplexity_words(double loss) {
  const double perplexity = std::exp(loss);
  if (!(perplexity < 1e9)) return "";
  const FormattedNumber number = perplexity >= 999.5
                                     ? FormattedNumber::grouped(std::llround(perplexity))
                                     : short_loss(perplexity);
  return concat({", perplexity ", number});
}

/// The meaning of the loss relative to the text's entropies.
inline std::string standing(double loss, const ReferenceLosses& lines) {
  const auto than = [](const char* before, double line, const char* after) {
    return concat({before, short_loss(line), after});
  };
  if (lines.bigram && loss < *lines.bigram) {
    return than("below the text\u2019s bigram entropy (", *lines.bigram,
                "): the model uses more than the previous token");
  }
  if (lines.unigram && loss < *lines.unigram) {
    const std::string unigram =
        than("below the text\u2019s unigram entropy (", *lines.unigram, ")");
    if (!lines.bigram) return unigram + ": the model uses the tokens before a token";
    return unigram + than(", not yet below its bigram entropy (", *lines.bigram,
                          "): it predicts less well than a table of token pairs");
  }
  if (loss < lines.uniform) {
    if (!lines.unigram) return than("below blind guessing (", lines.uniform, ")");
    return than("not yet below the text\u2019s unigram entropy (", *lines.unigram,
                "): it predicts no better than token frequencies alone");
  }
  return than("no better than blind guessing (", lines.uniform, ")");
}

inline std::string reached(const RunReport& run) {
  const JudgedLoss judged(run);
  if (!std::isfinite(judged.loss)) return "No loss has been measured yet.";
  std::string text = concat({judged.validated ? "The best validation loss is "
                                              : "The mean training loss of the last steps is ",
                             short_loss(judged.loss), " nats per token"});
  if (run.tokens_per_character > 0) {
    const double bits = bits_per_character(judged.loss, run.tokens_per_character);
    text += concat({", ", short_loss(bits), " bits per character"});
  }
  text += perplexity_words(judged.loss);
  if (judged.validated) text += concat({", at step ", FormattedNumber::grouped(judged.step)});
  return concat({text, ", ", standing(judged.loss, run.references), "."});
}

/// The state of the run in a few words.
inline std::string health(const RunReport& run, const RunHistory& history,
                          const std::optional<Diagnosis>& found) {
  using Stage = RunReport::Stage;
  const bool over = run.stage == Stage::finished;
  if (run.stage == Stage::diverged) {
    return concat({"Diverged after step ", FormattedNumber::grouped(run.step),
                   ": the loss or a gradient was not a finite number"});
  }
  if (found && found->finding == Finding::diverging) return over ? "Diverged" : "Diverging";
  const auto since = [](const char* what, Index step) {
    return concat({what, " since step ", FormattedNumber::grouped(step)});
  };
  if (found && found->finding == Finding::overfitting) return since("Overfitting", run.best_step);
  const Course course = course_of(history);
  const bool early = !over && 3 * run.step < run.steps;  // a healthy run may stagnate for a while
  switch (early && course.trend != Trend::falling ? Trend::unknown : course.trend) {
    case Trend::rising:
      return since("No longer improving", course.since);
    case Trend::flat:
      return since("Flat", course.since);
    case Trend::falling:
      return over ? "Still improving when it ended" : "Improving";
    case Trend::unknown:
      break;
  }
  return over ? "A short run" : "Too early to say where it is heading";
}

}  // namespace detail

/// The result and the state of a run.
struct Verdict {
  std::string health;   ///< "Flat since step 6,000"
  std::string reached;  ///< a sentence: the loss and its meaning
};

/// `found`: the result of diagnose() for the same history.
inline Verdict judge(const RunReport& run, const RunHistory& history,
                     const std::optional<Diagnosis>& found) {
  return {detail::health(run, history, found), detail::reached(run)};
}

}  // namespace OCTAVO_NAMESPACE
