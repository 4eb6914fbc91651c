// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// Means over the steps after the previous point up to `step`.
struct HistoryPoint {
  Index step = 0;   ///< steps done
  Index steps = 0;  ///< number of steps in the means
  double loss = 0;
  double learning_rate = 0;
  double gradient_norm = 0;
  double seconds = 0;  ///< of these steps together

  /// Merges the steps of a later point into this one.
  void merge(const HistoryPoint& later) noexcept {
    step = later.step;
    steps += later.steps;
    const double share = static_cast<double>(later.steps) / static_cast<double>(steps);
    loss += (later.loss - loss) * share;
    learning_rate += (later.learning_rate - learning_rate) * share;
    gradient_norm += (later.gradient_norm - gradient_norm) * share;
    seconds += later.seconds;
  }
};

/// Tokens per second; 0 if no time was measured.
inline double tokens_per_second(const HistoryPoint& point, Index tokens_per_step) noexcept {
  const auto tokens = static_cast<double>(point.steps * tokens_per_step);
  return point.seconds > 0 ? tokens / point.seconds : 0;
}

/// An evaluation within a run.
struct EvaluationPoint {
  Index step = 0;
  double training_loss = 0;  ///< of the preceding steps; see RunHistory::recent_loss
  double validation_loss = 0;
};

/// The history of a run, in fixed memory: when all points are in use, neighbours are merged and a
/// point stands for twice as many steps; of evaluations every second one is dropped. A million
/// steps thus need as few numbers as a thousand. No heap call after construction.
class RunHistory {
 public:
  /// The most steps in recent_loss().
  static constexpr Index recent_steps = 100;

  explicit RunHistory(std::size_t capacity = 512) : capacity_(capacity) {
    require(capacity >= 4 && capacity % 2 == 0,
            "run history: expected an even capacity, 4 or more");
    points_.reserve(capacity);
    evaluations_.reserve(capacity);
  }

  /// Adds a step, or the means of several steps. Steps must increase.
  void add(const HistoryPoint& point) {
    remember(point.loss, point.steps);
    open_.merge(point);
    if (open_.steps < stride_) return;
    if (points_.size() == capacity_) halve();
    if (open_.steps < stride_) return;  // the stride was just doubled
    points_.push_back(open_);
    open_ = {};
  }

  void add(const EvaluationPoint& point) {
    if (evaluations_.size() == capacity_) {
      std::size_t kept = 0;
      for (std::size_t i = 1; i < capacity_; i += 2) evaluations_[kept++] = evaluations_[i];
      evaluations_.resize(kept);
    }
    evaluations_.push_back(point);
  }

  /// Removes everything after `step`, and the steps of recent_loss(): after a rollback the run
  /// takes another course.
  void rewind(Index step) {
    if (open_.step > step) open_ = {};
    while (!points_.empty() && points_.back().step > step) points_.pop_back();
    while (!evaluations_.empty() && evaluations_.back().step > step) evaluations_.pop_back();
    recent_count_ = 0;
  }

  /// Complete points, in order of their steps; the steps after the last point are not included yet.
  std::span<const HistoryPoint> points() const noexcept { return points_; }
  std::span<const EvaluationPoint> evaluations() const noexcept { return evaluations_; }

  Index steps_done() const noexcept {
    return open_.steps > 0 ? open_.step : points_.empty() ? 0 : points_.back().step;
  }

  /// The number of steps in recent_loss().
  Index recent_count() const noexcept { return std::min(recent_count_, recent_steps); }

  /// Mean loss of the last (at most) 100 steps; NaN before the first step.
  double recent_loss() const noexcept {
    const Index count = recent_count();
    double total = 0;
    for (Index i = 0; i < count; ++i) total += recent_[static_cast<std::size_t>(i)];
    return count == 0 ? std::numeric_limits<double>::quiet_NaN()
                      : total / static_cast<double>(count);
  }

  /// Mean loss of the steps in (first, last], by complete points; NaN if there is none.
  double mean_loss(Index first, Index last) const noexcept {
    HistoryPoint total;
    for (const HistoryPoint& point : points_) {
      if (point.step - point.steps >= first && point.step <= last) total.merge(point);
    }
    return total.steps == 0 ? std::numeric_limits<double>::quiet_NaN() : total.loss;
  }

 private:
  void halve() noexcept {
    for (std::size_t i = 0; i < capacity_; i += 2) {
      HistoryPoint pair = points_[i];
      pair.merge(points_[i + 1]);
      points_[i / 2] = pair;
    }
    points_.resize(capacity_ / 2);
    stride_ *= 2;
  }

  void remember(double loss, Index steps) noexcept {
    for (Index i = 0; i < std::min(steps, recent_steps); ++i) {
      recent_[static_cast<std::size_t>(recent_count_++ % recent_steps)] = loss;
    }
  }

  std::size_t capacity_;
  Index stride_ = 1;
  std::vector<HistoryPoint> points_;
  std::vector<EvaluationPoint> evaluations_;
  HistoryPoint open_;  ///< the incomplete point
  double recent_[recent_steps] = {};
  Index recent_count_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
