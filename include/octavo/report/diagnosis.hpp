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

/// A probable problem of a run and a remedy, in one line.
struct Diagnosis {
  Finding finding;
  std::string text;
};

namespace detail {

/// The history of a run in stretches of a tenth of it, the last one first.
class Stretches {
 public:
  explicit Stretches(const RunHistory& history)
      : history_(history), length_(std::max<Index>(history.steps_done() / 10, 20)) {}

  /// Mean loss of a stretch; 0 is the last one. NaN if the run is not that long.
  double loss(Index back) const {
    const Index last = history_.steps_done() - back * length_;
    return last < length_ ? std::nan("") : history_.mean_loss(last - length_, last);
  }

  /// Whether the three last stretches are within 3% of the line and within 2% of each other, and
  /// neither they nor the evaluations in them fall by half a percent and 0.01 nats.
  bool rest_on(double line) const {
    const auto [low, high] = std::minmax({loss(0), loss(1), loss(2)});
    return low > 0.97 * line && high < 1.03 * line && high - low < 0.02 * line &&
           std::max(loss(2) - loss(0), validation_fall()) < std::max(0.005 * line, 0.01);
  }

  /// The fall of the validation loss over the last three stretches; 0 unless there are two
  /// evaluations.
  double validation_fall() const {
    const auto all = history_.evaluations();
    const Index begin = history_.steps_done() - 3 * length_;
    const auto first =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.step >= begin; });
    return first == all.end() ? 0 : first->validation_loss - all.back().validation_loss;
  }

  /// Whether the loss is falling again: the last stretch is 2% below the one before.
  bool recovering() const { return loss(0) < 0.98 * loss(1); }

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

/// Whether the last two evaluations are 2% worse than the best, an earlier one, while the training
/// loss has fallen by 1%.
inline std::optional<Diagnosis> find_overfitting(const RunHistory& history) {
  const auto evaluations = history.evaluations();
  if (evaluations.size() < 3) return std::nullopt;
  const auto best = std::min_element(
      evaluations.begin(), evaluations.end(),
      [](const auto& a, const auto& b) { return a.validation_loss < b.validation_loss; });
  const EvaluationPoint& last = evaluations.back();
  const double limit = 1.02 * best->validation_loss;
  if (evaluations.end() - best < 3 || last.validation_loss < limit ||
      (&last - 1)->validation_loss < limit || !(last.training_loss < 0.99 * best->training_loss)) {
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

/// Checks a run of `steps` steps for common problems; returns nothing before step 60, or if none is
/// found. Healthy runs stay near the text's entropies for a while and improve slowly at first: the
/// finding that a run is stuck appears only after a third of the run, that it hardly improves after
/// a tenth. The rules are rough, but their statements are true of the numbers.
inline std::optional<Diagnosis> diagnose(const RunHistory& history, const ReferenceLosses& lines,
                                         Index steps) {
  using detail::concat, detail::loss_text;
  const detail::Stretches stretches(history);
  const Index done = history.steps_done();
  const double now = stretches.loss(0);
  if (std::isnan(stretches.loss(2))) return std::nullopt;
  const bool above = now > 1.2 * stretches.lowest() + 0.1 || now > 1.1 * lines.uniform + 0.1;
  if (above && !stretches.recovering()) {
    return Diagnosis{Finding::diverging,
                     concat({"diverging: the loss is ", loss_text(now), ", it was ",
                             loss_text(stretches.lowest()), ", and blind guessing has ",
                             loss_text(lines.uniform),
                             "; try a learning rate three times lower, or a longer warm-up"})};
  }
  if (auto found = detail::find_overfitting(history)) return found;
  const bool late = done >= (steps + 2) / 3;
  if (late && lines.bigram && stretches.rest_on(*lines.bigram)) {
    return Diagnosis{Finding::stuck_at_bigram,
                     concat({"stuck at ", loss_text(now),
                             ", the text's bigram entropy: the model uses only the last token; try "
                             "a longer sequence, another learning rate, more width or steps"})};
  }
  if (late && lines.unigram && stretches.rest_on(*lines.unigram)) {
    return Diagnosis{
        Finding::stuck_at_unigram,
        concat(
            {"stuck at ", loss_text(now),
             ", the text's unigram entropy: the model knows only how often each token occurs; try "
             "another learning rate or more steps, and check that the text is not shuffled"})};
  }
  const double first = history.points().front().loss;
  const bool above_unigram = !lines.unigram || now > 1.03 * *lines.unigram;
  if (done >= steps / 10 && above_unigram && now > 0.97 * lines.uniform && now > 0.97 * first) {
    return Diagnosis{
        Finding::hardly_moving,
        concat({"hardly moving: the loss went from ", loss_text(first), " to ", loss_text(now),
                " in ", done, " steps; try a learning rate ten times higher"})};
  }
  return std::nullopt;
}

}  // namespace OCTAVO_NAMESPACE
