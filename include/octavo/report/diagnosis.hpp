// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>

#include <octavo/base/config.hpp>
#include <octavo/report/reference_losses.hpp>
#include <octavo/report/run_history.hpp>

namespace octavo {

enum class Finding { diverging, overfitting, stuck_at_unigram, stuck_at_bigram, hardly_moving };

/// What is probably wrong with a run, and what to try, in one line of words.
struct Diagnosis {
  Finding finding;
  std::string text;
};

namespace detail {

/// The course of a run cut into stretches of a tenth of it, the last of them first.
class Stretches {
 public:
  explicit Stretches(const RunHistory& history)
      : history_(history), length_(std::max<Index>(history.steps_done() / 10, 20)) {}

  /// Mean loss of a stretch, 0 being the last; NaN where the run is not that long.
  double loss(Index back) const {
    const Index last = history_.steps_done() - back * length_;
    return last < length_ ? std::nan("") : history_.mean_loss(last - length_, last);
  }

  /// The three last stretches all lie within 3% of the line, and no more than 2% from each other.
  bool rest_on(double line) const {
    const auto [low, high] = std::minmax({loss(0), loss(1), loss(2)});
    return low > 0.97 * line && high < 1.03 * line && high - low < 0.02 * line;
  }

  double lowest() const {
    double low = loss(0);
    for (Index back = 1; back < 10 && !std::isnan(loss(back)); ++back) {
      low = std::min(low, loss(back));
    }
    return low;
  }

 private:
  const RunHistory& history_;
  Index length_;
};

template <typename... Numbers>
Diagnosis diagnosis(Finding finding, const char* format, Numbers... numbers) {
  char text[300];
  std::snprintf(text, sizeof(text), format, numbers...);
  return {finding, text};
}

/// The last evaluation is worse than the best by 2%, which lies at least two evaluations back,
/// while the loss of training has fallen.
inline std::optional<Diagnosis> find_overfitting(const RunHistory& history) {
  const auto evaluations = history.evaluations();
  if (evaluations.size() < 3) return std::nullopt;
  const auto best = std::min_element(
      evaluations.begin(), evaluations.end(),
      [](const auto& a, const auto& b) { return a.validation_loss < b.validation_loss; });
  const EvaluationPoint& last = evaluations.back();
  if (evaluations.end() - best < 3 || last.validation_loss < 1.02 * best->validation_loss ||
      !(last.training_loss < best->training_loss)) {
    return std::nullopt;
  }
  return diagnosis(Finding::overfitting,
                   "overfitting since step %td: validation rose from %.3f to %.3f while training "
                   "fell from %.3f to %.3f; take the best model, or try dropout, a smaller model, "
                   "more text",
                   best->step, best->validation_loss, last.validation_loss, best->training_loss,
                   last.training_loss);
}

}  // namespace detail

/// Looks for what commonly goes wrong; nothing before step 60, and nothing if all seems well. The
/// rules are those in the code: rough, but what they say is what the numbers show.
inline std::optional<Diagnosis> diagnose(const RunHistory& history, const ReferenceLosses& lines) {
  using detail::diagnosis;
  const detail::Stretches stretches(history);
  const double now = stretches.loss(0);
  if (std::isnan(stretches.loss(2))) return std::nullopt;
  if (now > 1.2 * stretches.lowest() + 0.1 || now > 1.1 * lines.uniform + 0.1) {
    return diagnosis(Finding::diverging,
                     "diverging: the loss is %.3f, it was %.3f, and blind guessing has %.3f; try "
                     "a learning rate three times lower, or a longer warm-up",
                     now, stretches.lowest(), lines.uniform);
  }
  if (auto found = detail::find_overfitting(history)) return found;
  if (lines.bigram && stretches.rest_on(*lines.bigram)) {
    return diagnosis(Finding::stuck_at_bigram,
                     "stuck at %.3f, the text's bigram entropy: the model uses the last token "
                     "alone; try a longer sequence, another learning rate, more width or steps",
                     now);
  }
  if (lines.unigram && stretches.rest_on(*lines.unigram)) {
    return diagnosis(Finding::stuck_at_unigram,
                     "stuck at %.3f, the text's unigram entropy: the model knows how often each "
                     "token comes and no more; try another learning rate, more steps, and see "
                     "whether the text has order",
                     now);
  }
  const double first = history.points().front().loss;
  const bool above_unigram = !lines.unigram || now > 1.03 * *lines.unigram;
  if (above_unigram && now > 0.97 * lines.uniform && now > 0.97 * first) {
    return diagnosis(Finding::hardly_moving,
                     "hardly moving: the loss went from %.3f to %.3f in %td steps; try a learning "
                     "rate ten times higher",
                     first, now, history.steps_done());
  }
  return std::nullopt;
}

}  // namespace octavo
