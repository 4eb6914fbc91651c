// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/rotate.hpp>
#include <octavo/layers/layer_configs.hpp>
#include <octavo/numeric/elementary.hpp>

namespace OCTAVO_NAMESPACE {

/// The frequency of each pair of numbers of a head: base^(-2 i / width) radians per position for
/// pair i of `width` turned numbers (Su et al. 2021), scaled as configured. Computed in double by
/// the library's own functions, with the same bits on every machine; a * b + c is always fma, so
/// that compilers cannot differ.
class RotaryFrequencies {
 public:
  /// `local`: for a layer whose queries see only a window. `positions`: the length of the sequence,
  /// on which dynamic scaling depends.
  RotaryFrequencies(const PositionConfig& config, Index head_width, bool local, Index positions)
      : pairing_(config.pairing),
        width_(config.rotary_width == 0 ? head_width : config.rotary_width) {
    OCTAVO_ASSERT(width_ <= most_rotary_width);
    const bool own_base = local && config.local_base != 0;
    const double base = own_base ? config.local_base : config.base;
    set(base);
    if (!own_base) scale(config, positions);
  }

  Index pairs() const noexcept { return width_ / 2; }
  /// For the kernel; refers to this object.
  Rotation rotation() const noexcept {
    return {std::span(frequencies_).first(static_cast<std::size_t>(pairs())), factor_, pairing_};
  }

 private:
  static double log(double x) { return OCTAVO_BASE_ISA::logarithm(x); }
  static double exp(double x) { return OCTAVO_BASE_ISA::exponential(x); }

  double& at(Index pair) { return frequencies_[static_cast<std::size_t>(pair)]; }

  void set(double base) {
    const double step = -2 * log(base) / static_cast<double>(width_);
    for (Index i = 0; i < pairs(); ++i) at(i) = exp(static_cast<double>(i) * step);
  }

  void scale(const PositionConfig& config, Index positions) {
    switch (config.scaling) {
      case RotaryScaling::none:
        break;
      case RotaryScaling::linear:
        for (Index i = 0; i < pairs(); ++i) at(i) /= config.factor;
        break;
      case RotaryScaling::dynamic:
        scale_base(config, positions);
        break;
      case RotaryScaling::llama3:
        for (Index i = 0; i < pairs(); ++i) at(i) *= llama3_share(config, at(i));
        break;
      case RotaryScaling::yarn:
        scale_yarn(config);
        break;
    }
  }

  void scale_base(const PositionConfig& config, Index positions) {
    if (positions <= config.original_context || width_ <= 2) return;
    const double longer =
        static_cast<double>(positions) / static_cast<double>(config.original_context);
    const double growth = std::fma(config.factor, longer, 1 - config.factor);
    const double width = static_cast<double>(width_);
    set(config.base * exp(log(growth) * width / (width - 2)));
  }

  /// The factor on a frequency, by its number of turns within the original context: 1 from
  /// high_factor turns on, 1 / factor below low_factor turns, interpolated in between.
  static double llama3_share(const PositionConfig& config, double frequency) {
    const double turns =
        frequency * static_cast<double>(config.original_context) / (2 * std::numbers::pi);
    const double unchanged = std::clamp(
        (turns - config.low_factor) / (config.high_factor - config.low_factor), 0.0, 1.0);
    return (1 - unchanged) / config.factor + unchanged;
  }

  void scale_yarn(const PositionConfig& config) {
    const double width = static_cast<double>(width_);
    const double context = static_cast<double>(config.original_context);
    // The pair that makes this number of turns within the original context.
    const auto pair_of = [&](double turns) {
      return width * log(context / (turns * 2 * std::numbers::pi)) / (2 * log(config.base));
    };
    const double low = std::max(0.0, std::floor(pair_of(config.beta_fast)));
    double high = std::min(width - 1, std::ceil(pair_of(config.beta_slow)));
    if (low == high) high += 0.001;
    for (Index i = 0; i < pairs(); ++i) {
      const double divided = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
      at(i) *= divided / config.factor + (1 - divided);
    }
    factor_ = config.attention_factor != 0 ? config.attention_factor
              : config.factor <= 1         ? 1
                                           : std::fma(0.1, log(config.factor), 1.0);
  }

  std::array<double, most_rotary_width / 2> frequencies_;
  double factor_ = 1;
  RotaryPairing pairing_;
  Index width_;
};

}  // namespace OCTAVO_NAMESPACE
