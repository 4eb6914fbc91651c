// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_GROUP_SCALES_HPP)
#define OCTAVO_KERNELS_GROUP_SCALES_HPP

#include <cstddef>
#include <cstdint>

#include <octavo/base/config.hpp>
#include <octavo/kernels/word_vectors.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/numeric/stored_type.hpp>

// The scales and minima of a block of neighbouring lines of a group.
#define OCTAVO_FILE "octavo/kernels/group_scales.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

/// Whether the numbers are scale * whole number - minimum.
constexpr bool has_minimum(StoredType type) noexcept {
  using enum StoredType;
  return type == q4_1 || type == q5_1 || type == q2_k || type == q4_k || type == q5_k;
}

/// For types without scales.
template <StoredType type>
struct GroupScales {
  OCTAVO_ALWAYS_INLINE GroupScales() = default;
  OCTAVO_ALWAYS_INLINE GroupScales(const std::byte*, const std::byte*) {}
};

/// One scale, and what is added: the minimum, or the scale times minus what stands for zero.
template <StoredType type>
requires(block_of(type) == 32) struct GroupScales<type> {
  OCTAVO_ALWAYS_INLINE GroupScales() = default;
  /// `halves`, `words`: the binary16s and words of the lines.
  OCTAVO_ALWAYS_INLINE GroupScales(const std::byte* halves, const std::byte* words) {
    using enum StoredType;
    if constexpr (has_minimum(type)) {
      const Words both = word_of_group(words, 0);
      scale_ = floats_of_halves(both << 16);
      start_ = floats_of_halves(both);
      return;
    }
    scale_ = load_halves(halves);
    constexpr float zero = type == q8_0 ? 128 : type == q5_0 ? 16 : 8;
    start_ = scale_ * simd::broadcast(-zero);
  }
  OCTAVO_ALWAYS_INLINE Floats factor(int) const { return scale_; }
  OCTAVO_ALWAYS_INLINE Floats start(int) const { return start_; }

 private:
  Floats scale_{};
  Floats start_{};
};

/// The same for each 16 or 32 of the 256 numbers.
template <StoredType type>
requires(block_of(type) == 256) struct GroupScales<type> {
  static constexpr Index count =
      type == StoredType::q4_k || type == StoredType::q5_k || type == StoredType::iq4_xs ? 8 : 16;

  OCTAVO_ALWAYS_INLINE GroupScales() {}
  OCTAVO_ALWAYS_INLINE GroupScales(const std::byte* halves, const std::byte* words) {
    using enum StoredType;
    const auto at = [&](int i) { return word_of_group(words, i); };
    if constexpr (type == q4_k || type == q5_k) {
      const Words low = at(1), high = at(2), rest = at(3);
      const Words scales[2]{low & 0x3f3f3f3fu, (rest & 0x0f0f0f0fu) | (low >> 2 & 0x30303030u)};
      const Words minima[2]{high & 0x3f3f3f3fu,
                            (rest >> 4 & 0x0f0f0f0fu) | (high >> 2 & 0x30303030u)};
      const Words both = at(0);
      set_with_minimum(
          both, [&](int i) { return byte_of(scales[i < 4 ? 0 : 1], i % 4); },
          [&](int i) { return byte_of(minima[i < 4 ? 0 : 1], i % 4); });
    } else if constexpr (type == q2_k) {
      set_with_minimum(
          at(20), [&](int i) { return byte_of(at(i / 4) & 0x0f0f0f0fu, i % 4); },
          [&](int i) { return byte_of(at(i / 4) >> 4 & 0x0f0f0f0fu, i % 4); });
    } else if constexpr (type == q3_k) {
      const Words high = at(26);
      set(load_halves(halves), 4, [&](int i) {
        const Words low = at(24 + i / 4 % 2) >> (i / 8 * 4) & 0x0f0f0f0fu;
        return byte_of(low | (high >> (i / 4 * 2) & 0x03030303u) << 4, i % 4) -
               simd::broadcast(32.f);
      });
    } else if constexpr (type == q6_k) {
      set(load_halves(halves), 32, [&](int i) {
        return byte_of(at(48 + i / 4) ^ 0x80808080u, i % 4) - simd::broadcast(128.f);
      });
    } else {
      const Words first = at(0), low = at(1);
      set(floats_of_halves(first << 16), 0, [&](int i) {
        const Words bits = (low >> (4 * i) & 15u) | (first >> (16 + 2 * i) & 3u) << 4;
        return byte_of(bits, 0) - simd::broadcast(32.f);
      });
    }
  }
  OCTAVO_ALWAYS_INLINE Floats factor(int pass) const { return factor_[place(pass)]; }
  OCTAVO_ALWAYS_INLINE Floats start(int pass) const { return start_[place(pass)]; }

 private:
  static constexpr int place(int pass) noexcept {
    return type == StoredType::iq4_xs ? pass / 2 : pass;
  }
  template <typename Whole>
  OCTAVO_ALWAYS_INLINE void set(Floats scale, float zero, Whole whole) {
    OCTAVO_UNROLL
    for (int i = 0; i < count; ++i) {
      factor_[i] = scale * whole(i);
      start_[i] = factor_[i] * simd::broadcast(-zero);
    }
  }
  /// `both`: the binary16 of scales in the lower halves, that of minima in the upper ones.
  template <typename Scale, typename Minimum>
  OCTAVO_ALWAYS_INLINE void set_with_minimum(Words both, Scale scale, Minimum minimum) {
    const Floats of_scales = floats_of_halves(both << 16);
    const Floats of_minima = -floats_of_halves(both);
    OCTAVO_UNROLL
    for (int i = 0; i < count; ++i) {
      factor_[i] = of_scales * scale(i);
      start_[i] = of_minima * minimum(i);
    }
  }

  Floats factor_[array_size(count)];
  Floats start_[array_size(count)];
};

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
