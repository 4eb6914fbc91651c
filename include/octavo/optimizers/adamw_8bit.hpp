// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_ADAMW_8BIT_HPP)
#define OCTAVO_OPTIMIZERS_ADAMW_8BIT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/optimizers/eight_bit_moments.hpp>
#include <octavo/optimizers/optimizer.hpp>

#define OCTAVO_FILE "octavo/optimizers/adamw_8bit.hpp"
#include <octavo/numeric/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// AdamW with both moments in 8 bits, one scale for 256 numbers: 2.02 bytes of state per parameter
/// instead of 8 (the idea of Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization",
/// with the code of EightBitMoments). The update is that of AdamW; only the stored moments are
/// rounded.
struct AdamW8bit {
  static constexpr std::string_view name = "adamw-8bit";
  double beta1 = 0.9;
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double weight_decay = 0.1;  ///< for matrices only

  static constexpr auto settings() {
    return std::array{Setting{"beta1", &AdamW8bit::beta1, share_range},
                      Setting{"beta2", &AdamW8bit::beta2, share_range},
                      Setting{"epsilon", &AdamW8bit::epsilon, positive_range},
                      Setting{"weight_decay", &AdamW8bit::weight_decay, not_negative_range}};
  }

  /// Two planes of codes, each padded to 64 bytes, and the scales.
  static constexpr std::array<StateSection, 2> state_sections(const TrainedSizes& sizes) {
    const auto plane = static_cast<Index>(align_up(bytes_of<std::uint8_t>(sizes.count)));
    return {{{StateSection::Number::code, 2 * plane},
             {StateSection::Number::float32, scale_index(sizes.count, sizes.tensors),
              MomentRange::not_negative}}};
  }

  template <Scalar T>
  void update(const Worker& worker, const UpdateInfo& info, std::span<const Parameter> tensors,
              std::span<T> weights, std::span<const T> gradients,
              std::span<std::byte> state) const {
    OCTAVO_DISPATCH(update_8bit<T>(*this, worker, info, tensors, weights, gradients, state))
  }

  static constexpr Index shard_block = detail::eight_bit_block;
  /// `numbers` begin with a block.
  static StateRanges state_ranges(const TrainedSizes& sizes, std::size_t, const Parameter& tensor,
                                  Range numbers) {
    const std::size_t plane = align_up(bytes_of<std::uint8_t>(sizes.count));
    const auto first = static_cast<std::size_t>(tensor.gradient_offset + numbers.begin);
    const auto count = static_cast<std::size_t>(numbers.size());
    const Index scale =
        scale_index(tensor.gradient_offset, tensor.gradient_index) + numbers.begin / shard_block;
    StateRanges found;
    found.add(first, count);
    found.add(plane + first, count);
    found.add(2 * plane + bytes_of<float>(scale),
              bytes_of<float>((numbers.size() + shard_block - 1) / shard_block));
    return found;
  }

  /// Every tensor starts a new block. The index of a tensor's first scale: an upper bound of the
  /// scales of the tensors before it.
  static constexpr Index scale_index(Index offset, Index tensor) {
    return offset / detail::eight_bit_block + tensor;
  }
};

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {
namespace detail {

template <Scalar T, typename Options>
void update_block(const Options& options, const UpdateInfo& info, const Parameter& tensor,
                  EightBitMoments<T>& moments, Index first, Index count, T* weights,
                  const T* gradients) {
  using P = Pack<T>;
  alignas(alignment_bytes) T root[EightBitMoments<T>::block];
  alignas(alignment_bytes) T moment[EightBitMoments<T>::block];
  moments.decode(root, moment, count);
  const auto power = static_cast<double>(info.step);
  const double rate = info.learning_rate * tensor.learning_rate_factor;
  const double shrink = std::fma(-rate, tensor.decays ? options.weight_decay : 0.0, 1.0);
  const auto broadcast = [](double x) { return P::broadcast(static_cast<T>(x)); };
  const P b1 = broadcast(options.beta1), rest1 = broadcast(1.0 - options.beta1);
  const P b2 = broadcast(options.beta2), rest2 = broadcast(1.0 - options.beta2);
  const P unbias = broadcast(1.0 / std::sqrt(1.0 - std::pow(options.beta2, power)));
  const P pace = broadcast(-rate / (1.0 - std::pow(options.beta1, power)));
  for_each_pack(count, [&](Index i, Index n) {
    const P g = P::load(gradients + i, n) * broadcast(info.scale);
    const P m = fma(b1, P::load(moment + i), rest1 * g);
    const P old = P::load(root + i);
    const P r = sqrt(fma(b2, old * old, rest2 * g * g));
    const P w = P::load(weights + i, n) * broadcast(shrink);
    fma(pace, divide_by_positive(m, fma(r, unbias, broadcast(options.epsilon))), w)
        .store(weights + i, n);
    m.store(moment + i);
    r.store(root + i);
  });
  moments.encode(root, moment, count, first + info.other_numbers,
                 octavo::detail::mix_bits(static_cast<std::uint32_t>(info.step) + 0x9e3779b9U));
}

}  // namespace detail

template <Scalar T, typename Options>
void update_8bit(const Options& options, const Worker& worker, const UpdateInfo& info,
                 std::span<const Parameter> tensors, std::span<T> weights,
                 std::span<const T> gradients, std::span<std::byte> state) {
  constexpr Index block = octavo::detail::eight_bit_block;
  const std::size_t plane = align_up(static_cast<std::size_t>(info.moments_of(weights.size())));
  auto* const roots = reinterpret_cast<std::uint8_t*>(state.data());
  auto* const shares = reinterpret_cast<std::int8_t*>(state.data() + plane);
  auto* const scales = reinterpret_cast<float*>(state.data() + 2 * plane);
  const double bound = octavo::detail::eight_bit_bound(options.beta1, options.beta2);
  for (const Parameter& tensor : tensors) {
    if (!tensor.learns()) continue;
    const Range blocks = worker.split((tensor.count() + block - 1) / block);
    for (Index b = blocks.begin; b < blocks.end; ++b) {
      const Index first = tensor.gradient_offset + b * block;
      EightBitMoments<T> moments(
          roots + first, shares + first,
          scales + Options::scale_index(tensor.gradient_offset, tensor.gradient_index) + b, bound);
      detail::update_block<T>(options, info, tensor, moments, first,
                              std::min(block, tensor.count() - b * block),
                              weights.data() + tensor.offset + b * block,
                              gradients.data() + (first - info.first_gradient));
    }
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
