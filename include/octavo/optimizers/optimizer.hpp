// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/optimizers/setting.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

/// What changes from update to update.
struct UpdateInfo {
  Index step = 1;            ///< number of this update, counted from 1
  double learning_rate = 0;  ///< before each tensor's own factor
  double scale = 1;          ///< what clipping multiplies every gradient by
  Index first_gradient = 0;  ///< the parameter whose gradient is gradients[0]
};

/// What an update rule is given for one tensor.
struct UpdateRates {
  Index step = 1;            ///< number of this update, counted from 1
  double learning_rate = 0;  ///< the tensor's own factor included
  bool decays = false;       ///< whether weight decay is for this tensor: a matrix, not a vector

  /// `setting` for tensors that decay, else 0.
  constexpr double weight_decay(double setting) const noexcept { return decays ? setting : 0.0; }
};

/// Which values of a moment a file may hold.
enum class MomentRange { finite, not_negative };

/// Numbers that lie one after another in an optimizer's state.
struct StateSection {
  enum class Number {
    scalar,   ///< T, the scalar of the weights
    float32,  ///< float, whatever T is
    code,     ///< one byte, any of its values
  };

  Number number = Number::scalar;
  Index count = 0;
  MomentRange range = MomentRange::finite;

  template <Scalar T>
  constexpr std::size_t bytes() const {
    if (number == Number::scalar) return bytes_of<T>(count);
    return number == Number::float32 ? bytes_of<float>(count) : bytes_of<std::uint8_t>(count);
  }
};

/// An optimizer as a rule for one number, which update_rule.hpp applies to all of them:
///
///   struct Adagrad {
///     static constexpr std::string_view name = "adagrad";        // in files and command lines
///     static constexpr std::array moments{MomentRange::not_negative};  // one per number of state
///     double epsilon = 1e-10;                                    // settings: doubles, nothing
///     else static constexpr auto settings() {
///       return std::array{Setting{"epsilon", &Adagrad::epsilon, positive_range}};
///     }
///     template <Scalar T>                     // returns the new weight and changes the moments
///     T step(T weight, T gradient, std::array<T, 1>& moments, const UpdateRates& rates) const;
///   };
///
/// The gradient is already clipped. Moments are 0 before the first update. Tensors with a
/// learning-rate factor of 0 are left alone. `step` is compiled once per instruction set: it should
/// be inline, and say std::fma(a, b, c) for a * b + c, which compilers may or may not fuse, so that
/// every machine has the same bits. In the place of `step` a rule may have a function on packs: see
/// update_rule.hpp.
template <typename O>
concept UpdateRule = std::convertible_to<decltype(O::name), std::string_view> && requires {
  { O::moments.size() } -> std::convertible_to<std::size_t>;
  { O::settings().size() } -> std::convertible_to<std::size_t>;
};

/// An optimizer that lays out its state and goes through memory itself, as AdamW8bit does.
/// state_sections says what `parameters` numbers in `tensors` tensors need; all of it is zero
/// before the first update, and aligned to 64 bytes. All workers call update together with the
/// tensors to change, some or all; each changes its share. Tensors with a learning-rate factor of 0
/// are left alone. weights [all parameters], gradients [from info.first_gradient on], state [all
/// sections].
template <typename O>
concept StatefulOptimizer = std::convertible_to<decltype(O::name), std::string_view> &&
    requires(const O optimizer, const Worker worker, const UpdateInfo info,
             std::span<const Parameter> tensors, std::span<float> weights,
             std::span<const float> gradients, std::span<std::byte> state) {
  { O::settings().size() } -> std::convertible_to<std::size_t>;
  { O::state_sections(Index{}, Index{}).size() } -> std::convertible_to<std::size_t>;
  optimizer.template update<float>(worker, info, tensors, weights, gradients, state);
};

/// What AnyOptimizer can be.
template <typename O>
concept Optimizer = UpdateRule<O> || StatefulOptimizer<O>;

}  // namespace OCTAVO_NAMESPACE
