// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/report/reference_losses.hpp>
#include <octavo/report/run_history.hpp>

namespace OCTAVO_NAMESPACE {

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

inline FormattedNumber loss_text(double loss) noexcept { return FormattedNumber::fixed(loss, 3); }

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
  return Diagnosis{Finding::overfitting,
                   concat({"overfitting since step ", best->step, ": validation rose from ",
                           loss_text(best->validation_loss), " to ",
                           loss_text(last.validation_loss), " while training fell from ",
                           loss_text(best->training_loss), " to ", loss_text(last.training_loss),
                           "; take the best model, or try dropout, a smaller model, more text"})};
}

}  // namespace detail

/// Looks for what commonly goes wrong; nothing before step 60, and nothing if all seems well. The
/// rules are those in the code: rough, but what they say is what the numbers show.
inline std::optional<Diagnosis> diagnose(const RunHistory& history, const ReferenceLosses& lines) {
  using detail::concat, detail::loss_text;
  const detail::Stretches stretches(history);
  const double now = stretches.loss(0);
  if (std::isnan(stretches.loss(2))) return std::nullopt;
  if (now > 1.2 * stretches.lowest() + 0.1 || now > 1.1 * lines.uniform + 0.1) {
    return Diagnosis{Finding::diverging,
                     concat({"diverging: the loss is ", loss_text(now), ", it was ",
                             loss_text(stretches.lowest()), ", and blind guessing has ",
                             loss_text(lines.uniform),
                             "; try a learning rate three times lower, or a longer warm-up"})};
  }
  if (auto found = detail::find_overfitting(history)) return found;
  if (lines.bigram && stretches.rest_on(*lines.bigram)) {
    return Diagnosis{
        Finding::stuck_at_bigram,
        concat({"stuck at ", loss_text(now),
                ", the text's bigram entropy: the model uses the last token alone; try "
                "a longer sequence, another learning rate, more width or steps"})};
  }
  if (lines.unigram && stretches.rest_on(*lines.unigram)) {
    return Diagnosis{Finding::stuck_at_unigram,
                     concat({"stuck at ", loss_text(now),
                             ", the text's unigram entropy: the model knows how often each token "
                             "comes and no more; try another learning rate, more steps, and see "
                             "whether the text has order"})};
  }
  const double first = history.points().front().loss;
  const bool above_unigram = !lines.unigram || now > 1.03 * *lines.unigram;
  if (above_unigram && now > 0.97 * lines.uniform && now > 0.97 * first) {
    return Diagnosis{
        Finding::hardly_moving,
        concat({"hardly moving: the loss went from ", loss_text(first), " to ", loss_text(now),
                " in ", history.steps_done(), " steps; try a learning rate ten times higher"})};
  }
  return std::nullopt;
}

}  // namespace OCTAVO_NAMESPACE
