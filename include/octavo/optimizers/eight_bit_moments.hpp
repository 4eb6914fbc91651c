// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_EIGHT_BIT_MOMENTS_HPP)
#define OCTAVO_OPTIMIZERS_EIGHT_BIT_MOMENTS_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <octavo/numeric/pack.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// Numbers per scale.
inline constexpr Index eight_bit_block = 256;

/// Mixes the bits of a 32-bit number (Wellons 2018, "Prospecting for Hash Functions", lowbias32).
constexpr std::uint32_t mix_bits(std::uint32_t x) noexcept {
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

/// The bound of Adam's |m| / sqrt(v), by the Cauchy-Schwarz inequality over the two geometric
/// weightings.
inline double eight_bit_bound(double beta1, double beta2) noexcept {
  const double rest = (1 - beta2) * (1 - beta1 * beta1 / beta2);
  constexpr double most = 16;  // no bound exists if beta1^2 >= beta2
  return rest > 0 ? std::min(most, (1 - beta1) / std::sqrt(rest)) : most;
}

}  // namespace OCTAVO_NAMESPACE::detail

#define OCTAVO_FILE "octavo/optimizers/eight_bit_moments.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

/// Both moments of up to 256 neighbouring numbers, one byte each, with one scale:
///   root = sqrt(v) = scale (c / 255)^4,  c in 0..255: relative steps of 1.6% near the largest,
///     under 10% down to a thousandth of it;
///   m = root bound r / 127,  r in -127..127, since |m| <= bound sqrt(v) in Adam, always.
/// Because m is stored relative to the rounded root, no update exceeds what Adam itself could do.
/// Codes are rounded up or down at random, so that slow averages do not stall.
template <Scalar T>
class EightBitMoments {
 public:
  static constexpr Index block = octavo::detail::eight_bit_block;

  EightBitMoments(std::uint8_t* roots, std::int8_t* shares, float* scale, double bound)
      : roots_(roots), shares_(shares), scale_(scale), bound_(static_cast<T>(bound)) {}

  /// root and moment [block]; numbers after `count` are zero.
  void decode(T* root, T* moment, Index count) const {
    const auto scale = static_cast<T>(*scale_);
    for (Index i = 0; i < count; ++i) {
      const T u = static_cast<T>(roots_[i]) * (T{1} / 255);
      root[i] = scale * (u * u) * (u * u);
    }
    for (Index i = 0; i < count; ++i) {
      moment[i] = root[i] * (static_cast<T>(shares_[i]) * (bound_ / 127));
    }
    std::fill(root + count, root + block, T{0});
    std::fill(moment + count, moment + block, T{0});
  }

  /// `first`: the index of the first number among all parameters; together with `draw` it
  /// determines the rounding.
  void encode(const T* root, const T* moment, Index count, Index first, std::uint32_t draw) {
    const float scale = static_cast<float>(*std::max_element(root, root + count));
    using Limits = std::numeric_limits<float>;
    // The scale and its inverse must be finite; moments that are too small or too large are
    // dropped.
    const bool usable = scale >= Limits::min() && scale <= Limits::max();
    *scale_ = usable ? scale : 0.0f;
    if (!usable) {
      std::fill_n(roots_, count, std::uint8_t{0});
      std::fill_n(shares_, count, std::int8_t{0});
      return;
    }
    using P = Pack<T>;
    alignas(alignment_bytes) T code[block];
    alignas(alignment_bytes) T share[block];
    const P inverse = P::broadcast(T{1} / static_cast<T>(scale));
    const P least = P::broadcast(std::numeric_limits<T>::min());
    for (Index i = 0; i < block; i += P::lanes) {
      const P r = P::load(root + i);
      (sqrt(sqrt(r * inverse)) * P::broadcast(T{255})).store(code + i);
      (P::load(moment + i) / max(r, least) * P::broadcast(127 / bound_)).store(share + i);
    }
    for (Index i = 0; i < count; ++i) {
      const std::uint32_t bits =
          octavo::detail::mix_bits(static_cast<std::uint32_t>(first + i) ^ draw);
      const T up = static_cast<T>(bits & 0xFFFF) * T(0x1p-16);
      const T sideways = static_cast<T>(bits >> 16) * T(0x1p-16);
      // Code zero means a root of exactly zero: a number that ever had a gradient keeps its
      // moments.
      const T lowest = root[i] > 0 ? T{1} : T{0};
      roots_[i] = static_cast<std::uint8_t>(std::clamp(code[i] + up, lowest, T{255}));
      const T moved = std::clamp(share[i] + sideways, T{-127}, T{127});
      shares_[i] = static_cast<std::int8_t>(std::floor(moved));
    }
  }

 private:
  std::uint8_t* roots_;
  std::int8_t* shares_;
  float* scale_;
  T bound_;
};

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
