// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <iterator>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/weight.hpp>
#include <octavo/numeric/scalar.hpp>

namespace OCTAVO_NAMESPACE {

/// The weights that a Generator or a Scorer reads, and does not own: all numbers of a model, one
/// parameter after the other, or its parameters one by one.
template <Scalar T>
class ModelWeights {
 public:
  /// From a std::span, std::vector or AlignedBuffer of numbers.
  template <std::convertible_to<std::span<const T>> Numbers>
  constexpr ModelWeights(const Numbers& numbers) noexcept : numbers_(numbers) {}
  /// From StoredWeights, or whatever has the parameters of a model.
  template <typename Weights>
  requires requires(const Weights& weights) {
    { weights.parameters() } -> std::convertible_to<std::span<const Weight<T>>>;
  }
  ModelWeights(const Weights& weights) noexcept : parameters_(weights.parameters()) {}
  /// The parameters of a model one by one.
  constexpr explicit ModelWeights(std::span<const Weight<T>> parameters) noexcept
      : parameters_(parameters) {}

  const T* numbers() const noexcept { return numbers_.data(); }
  const Weight<T>* parameters() const noexcept { return parameters_.data(); }

  /// ConfigError unless they can be the weights of this model. `what` begins the message.
  template <typename Model>
  void require_model_of(const char* what, const Model& model) const {
    if (parameters_.empty()) {
      require_equal(what, std::ssize(numbers_), model.parameter_count());
    } else {
      require_equal(what, std::ssize(parameters_), model.tensor_count());
    }
  }

 private:
  std::span<const T> numbers_;
  std::span<const Weight<T>> parameters_;
};

}  // namespace OCTAVO_NAMESPACE
