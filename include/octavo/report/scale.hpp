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

namespace OCTAVO_NAMESPACE {

/// What an axis can show: a finite number of a size that leaves room for sums.
inline bool is_drawable(double value) noexcept { return std::abs(value) < 1e30; }

/// An axis: where values lie between its ends, and where it has numbers. It begins and ends with
/// one of them. Linear; logarithmic where all values are positive and span three decades.
class ReportScale {
 public:
  static constexpr Index most_ticks = 9;

  /// For values from `low` to `high`. Where there are none (low > high) from 0 to 1; where they are
  /// all the same, a little around that one.
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

  /// For counts from 0 to `last`, which is the end whether it is a round number or not.
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

  /// 0 at the low end, 1 at the high one; values beyond them lie on them.
  double share(double value) const noexcept {
    if (logarithmic_) {
      if (!(value > low_)) return 0;
      return std::min(std::log(value / low_) / std::log(high_ / low_), 1.0);
    }
    return std::clamp((value - low_) / (high_ - low_), 0.0, 1.0);
  }

  /// A tick's number: "0.25", "1.5k", "0.2e-3". As many digits as tell it from its neighbours, and
  /// one form along an axis: the same decimals, the same unit or power of ten.
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
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                   std::chars_format::fixed, decimals);
    return {text.data(), end.ptr};
  }

  /// "1.25e-5": in units of the power of ten that `largest` has, with digits that tell `step`.
  static std::string scientific(double value, double largest, double step) {
    const double power = decade(largest);
    const int decimals = static_cast<int>(std::clamp(power - decade(step), 0.0, 16.0));
    std::array<char, 16> exponent;
    const auto end =
        std::to_chars(exponent.data(), exponent.data() + exponent.size(), static_cast<int>(power));
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
