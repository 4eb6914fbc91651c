// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>

#include <octavo/base/config.hpp>
#include <octavo/base/write_number.hpp>

namespace OCTAVO_NAMESPACE {

/// Whether an axis can show a value: it must be finite and small enough for sums.
inline bool is_drawable(double value) noexcept { return std::abs(value) < 1e30; }

/// An axis: the positions of values and of ticks. It starts and ends at a tick. Logarithmic if all
/// values are positive and span three decades, otherwise linear.
class ReportScale {
 public:
  static constexpr Index most_ticks = 9;

  /// An axis for values from `low` to `high`; from 0 to 1 if there are none (low > high), and
  /// slightly around the value if all are equal.
  ReportScale(double low, double high) noexcept {
    if (!(low <= high) || !is_drawable(low) || !is_drawable(high)) low = 0, high = 1;
    const double largest = std::max(std::abs(low), std::abs(high));
    if (high - low <= 1e-6 * largest) {
      const double around = largest < 1e-30 ? 1 : 0.05 * largest;
      low = low < 0 || low > around ? low - around : 0;
      high += around;
    }
    logarithmic_ = low > 0 && high / low >= 999;
    logarithmic_ ? take_decades(low, high) : take_steps(low, high);
  }

  /// An axis for counts from 0 to `last`, which is the end even if it is not a round number.
  static ReportScale of_steps(Index last) noexcept {
    const double end = static_cast<double>(std::max<Index>(last, 1));
    ReportScale scale(0, end);
    while (scale.count_ > 1 && scale.ticks_[scale.count_ - 1] > end) --scale.count_;
    scale.high_ = end;
    return scale;
  }

  double low() const noexcept { return low_; }
  double high() const noexcept { return high_; }
  bool logarithmic() const noexcept { return logarithmic_; }
  std::span<const double> ticks() const noexcept { return {ticks_.data(), count_}; }

  /// The position of a value: 0 at the low end, 1 at the high end; values outside are clamped.
  double share(double value) const noexcept {
    if (logarithmic_) {
      if (!(value > low_)) return 0;
      return std::min(std::log(value / low_) / std::log(high_ / low_), 1.0);
    }
    return std::clamp((value - low_) / (high_ - low_), 0.0, 1.0);
  }

  /// The text of a tick: "0.25", "1.5k", "0.2e-3", with enough digits to distinguish neighbours.
  /// All ticks of an axis have the same number of decimals and the same unit or power of ten.
  std::string label(double tick) const {
    constexpr const char* units[] = {"", "k", "M", "G", "T"};
    if (tick == 0) return "0";
    const double end = std::max(std::abs(low_), std::abs(high_));
    if (logarithmic_ && (low_ < 0.99e-4 || high_ >= 1e15)) return scientific(tick, tick, tick);
    const double largest = logarithmic_ ? tick : end;
    const double step = logarithmic_ ? tick : step_;
    if (!logarithmic_ && (end < 0.99e-2 || step < 0.99e-4 || end >= 1e15)) {
      return scientific(tick, end, step);
    }
    std::size_t unit = 0;
    double divisor = 1;
    for (; largest >= 1e4 && largest / divisor >= 1e3; divisor *= 1e3) ++unit;
    const int decimals = std::max(0, -static_cast<int>(decade(step / divisor)));
    return fixed(tick / divisor, decimals) + units[unit];
  }

 private:
  static double decade(double value) noexcept { return std::floor(std::log10(value) + 1e-9); }

  /// 1, 2 or 5 times a power of ten, so that no more than most_ticks lie between low and high.
  void take_steps(double low, double high) noexcept {
    const double wanted = (high - low) / 5;
    const double power = std::pow(10.0, decade(wanted));
    step_ = power * (wanted > 5.0001 * power   ? 10
                     : wanted > 2.0001 * power ? 5
                     : wanted > 1.0001 * power ? 2
                                               : 1);
    const double first = std::floor(low / step_ + 1e-9), last = std::ceil(high / step_ - 1e-9);
    for (double i = first; i <= last && count_ < ticks_.size(); ++i) ticks_[count_++] = i * step_;
    low_ = ticks_[0];
    high_ = ticks_[count_ - 1];
  }

  void take_decades(double low, double high) noexcept {
    const double first = decade(low);
    const double decades = std::ceil(std::log10(high) - 1e-9) - first;
    const double each = std::ceil(decades / static_cast<double>(most_ticks - 2));
    for (double i = 0; count_ == 0 || i - each < decades; i += each) {
      ticks_[count_++] = std::pow(10.0, first + i);
    }
    low_ = ticks_[0];
    high_ = ticks_[count_ - 1];
  }

  static std::string fixed(double value, int decimals) {
    std::array<char, 64> text;
    const auto end = write_number(text.data(), text.data() + text.size(), value,
                                  std::chars_format::fixed, decimals);
    return {text.data(), end.ptr};
  }

  /// "1.25e-5": with the power of ten of `largest` and enough digits for `step`.
  static std::string scientific(double value, double largest, double step) {
    const double power = decade(largest);
    const int decimals = static_cast<int>(std::clamp(power - decade(step), 0.0, 16.0));
    std::array<char, 16> exponent;
    const auto end =
        write_number(exponent.data(), exponent.data() + exponent.size(), static_cast<int>(power));
    return fixed(value / std::pow(10.0, power), decimals)
        .append("e")
        .append(exponent.data(), end.ptr);
  }

  bool logarithmic_ = false;
  double low_ = 0, high_ = 1, step_ = 1;
  std::array<double, most_ticks> ticks_{};
  std::size_t count_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
