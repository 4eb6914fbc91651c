// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

/// While it lives, the weights of a model and their averages have changed places, so that
/// evaluations, generators and saves that read the weights use the averages. Needs no memory. See
/// TrainingStep::use_averages().
template <Scalar T>
class [[nodiscard]] AveragedWeights {
 public:
  /// weights [all parameters], averages [all that train, without gaps]; empty: nothing to do.
  /// `in_use`: whether they have changed places already; then there is nothing to do either.
  AveragedWeights(std::span<const Parameter> parameters, std::span<T> weights,
                  std::span<T> averages, bool& in_use) noexcept
      : parameters_(parameters),
        weights_(weights),
        averages_(averages),
        in_use_(averages.empty() || in_use ? nullptr : &in_use) {
    exchange();
  }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;
  ~AveragedWeights() { exchange(); }

 private:
  void exchange() noexcept {
    if (in_use_ == nullptr) return;
    for (const Parameter& tensor : parameters_) {
      if (!tensor.trains()) continue;
      const std::span<T> weights = weights_.subspan(static_cast<std::size_t>(tensor.offset),
                                                    static_cast<std::size_t>(tensor.count()));
      std::swap_ranges(weights.begin(), weights.end(),
                       averages_.begin() + static_cast<std::ptrdiff_t>(tensor.gradient_offset));
    }
    *in_use_ = !*in_use_;
  }

  std::span<const Parameter> parameters_;
  std::span<T> weights_;
  std::span<T> averages_;
  bool* in_use_;
};

}  // namespace OCTAVO_NAMESPACE
