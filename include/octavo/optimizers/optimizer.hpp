// SPDX-License-Identifier: MIT
#pragma once

#include <array>
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

/// The values that change from update to update.
struct UpdateInfo {
  Index step = 1;            ///< number of this update, counted from 1
  double learning_rate = 0;  ///< before the tensors' learning-rate factors
  double scale = 1;          ///< the clipping factor of every gradient
  Index first_gradient = 0;  ///< Parameter::gradient_offset of gradients[0]
  Index moments = 0;         ///< numbers in each moment: those that train; 0: as many as weights
  std::span<std::byte> scratch{};  ///< optimizer_scratch_bytes, aligned to 64 bytes
  /// What to add to a tensor's gradient_offset for its place among all that trains: tensors may be
  /// those of a process's share. Random rounding depends on that place.
  Index other_numbers = 0;

  constexpr Index moments_of(std::size_t weights) const noexcept {
    return moments > 0 ? moments : static_cast<Index>(weights);
  }
};

/// The arguments of an update rule for one tensor.
struct UpdateRates {
  Index step = 1;            ///< number of this update, counted from 1
  double learning_rate = 0;  ///< including the tensor's learning-rate factor
  bool decays = false;  ///< whether weight decay applies to this tensor (a matrix, not a vector)

  /// `setting` if the tensor decays, else 0.
  constexpr double weight_decay(double setting) const noexcept { return decays ? setting : 0.0; }
};

/// The valid values of a moment in a file.
enum class MomentRange { finite, not_negative };

/// A contiguous range of numbers in an optimizer's state.
struct StateSection {
  enum class Number {
    scalar,   ///< T, the scalar of the weights
    float32,  ///< float for every T
    code,     ///< one byte; all values are valid
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

/// A range of bytes of an optimizer's state.
struct StateRange {
  std::size_t first = 0;
  std::size_t bytes = 0;
};

/// Where the state of some numbers of a tensor lies: one range per section or part of a section.
struct StateRanges {
  static constexpr std::size_t most = 8;

  std::array<StateRange, most> ranges{};
  std::size_t count = 0;

  constexpr void add(std::size_t first, std::size_t bytes) { ranges.at(count++) = {first, bytes}; }
  constexpr auto begin() const noexcept { return ranges.begin(); }
  constexpr auto end() const noexcept {
    return ranges.begin() + static_cast<std::ptrdiff_t>(count);
  }
};

/// How an optimizer's state can be divided among processes (TrainingOptions::zero).
namespace shard_block {
inline constexpr Index none = -1;         ///< not at all
inline constexpr Index whole_tensor = 0;  ///< only between tensors; tables also between rows
inline constexpr Index number = 1;        ///< anywhere; larger: between blocks of a tensor
}  // namespace shard_block

/// An optimizer as a rule for one number; update_rule.hpp applies it to all numbers:
///
///   struct Adagrad {
///     static constexpr std::string_view name = "adagrad";      // in files and command lines
///     static constexpr std::array moments{MomentRange::not_negative};  // one per number of state
///     double epsilon = 1e-10;                  // settings: doubles, nothing else
///     static constexpr auto settings() {
///       return std::array{Setting{"epsilon", &Adagrad::epsilon, positive_range}};
///     }
///     template <Scalar T>                     // returns the new weight and changes the moments
///     T step(T weight, T gradient, std::array<T, 1>& moments, const UpdateRates& rates) const;
///   };
///
/// The gradient is already clipped. Moments are 0 before the first update. Tensors with a
/// learning-rate factor of 0 are not updated. `step` is compiled once per instruction set: it
/// should be inline, and write std::fma(a, b, c) instead of a * b + c, which compilers may or may
/// not fuse, so that every machine computes the same bits. Instead of `step` a rule may have a
/// function on packs: see update_rule.hpp.
template <typename O>
concept UpdateRule = std::convertible_to<decltype(O::name), std::string_view> && requires {
  { O::moments.size() } -> std::convertible_to<std::size_t>;
  { O::settings().size() } -> std::convertible_to<std::size_t>;
};

/// An optimizer with its own layout of state and its own loop, such as AdamW8bit.
/// state_sections(sizes) describes the state; it is zero before the first update, and aligned to 64
/// bytes. All workers call update together with the tensors to update, some or all; each worker
/// updates its share. Frozen tensors and those with a learning-rate factor of 0 must not change.
/// weights [all parameters], gradients [from info.first_gradient on], state [all sections]. An
/// optimizer that works on whole matrices may have
///
///   template <Scalar T>
///   static constexpr std::size_t scratch_bytes(Index rows, const MapColumns& maps, Index workers);
///
/// which tells the bytes that update<T> needs in info.scratch for a linear map's weight. One whose
/// state can be divided among processes says between which numbers of a tensor (shard_block), and
/// where the state of numbers [numbers.begin, numbers.end) of a tensor lies:
///
///   static constexpr Index shard_block = 256;
///   static StateRanges state_ranges(const TrainedSizes& sizes, std::size_t scalar_bytes,
///                                   const Parameter& tensor, Range numbers);
///
/// update then also gets tensors that are parts of a tensor, in a state of their sizes.
template <typename O>
concept StatefulOptimizer = std::convertible_to<decltype(O::name), std::string_view> &&
    requires(const O optimizer, const Worker worker, const UpdateInfo info,
             std::span<const Parameter> tensors, std::span<float> weights,
             std::span<const float> gradients, std::span<std::byte> state) {
  { O::settings().size() } -> std::convertible_to<std::size_t>;
  { O::state_sections(TrainedSizes{}).size() } -> std::convertible_to<std::size_t>;
  optimizer.template update<float>(worker, info, tensors, weights, gradients, state);
};

/// The optimizers that AnyOptimizer can hold.
template <typename O>
concept Optimizer = UpdateRule<O> || StatefulOptimizer<O>;

}  // namespace OCTAVO_NAMESPACE
