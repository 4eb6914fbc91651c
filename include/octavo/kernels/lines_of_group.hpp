// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_LINES_OF_GROUP_HPP)
#define OCTAVO_KERNELS_LINES_OF_GROUP_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/kernels/group_scales.hpp>
#include <octavo/kernels/word_vectors.hpp>
#include <octavo/numeric/quantized_blocks.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/tensor/stored_matrix.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// How the numbers of a block come out of its words: in passes, each over some of the words, of
/// which every one gives some neighbouring numbers.
struct GroupPasses {
  int passes;
  int words;     ///< of a pass
  int per_word;  ///< numbers
};
constexpr GroupPasses passes_of(StoredType type) noexcept {
  if (type == StoredType::f32) return {1, 2, 1};
  if (block_of(type) == 1) return {1, 1, 2};
  if (type == StoredType::q8_0) return {1, 8, 4};
  if (block_of(type) == 32) return {2, 4, 4};
  if (type == StoredType::q4_k || type == StoredType::q5_k) return {8, 8, 4};
  return {16, 4, 4};
}

}  // namespace OCTAVO_NAMESPACE::detail

// Decodes neighbouring lines of a group in registers. Every number is exactly the one that
// decode_line gives.
#define OCTAVO_FILE "octavo/kernels/lines_of_group.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

/// A block of some neighbouring lines of a group, a vector of them.
template <StoredType type>
struct LinesOfGroup {
  static constexpr octavo::detail::GroupPasses shape = octavo::detail::passes_of(type);
  static constexpr int passes = shape.passes;
  static constexpr int pass_words = shape.words;
  static constexpr int per_pass = shape.per_word;
  static constexpr int numbers = passes * pass_words * per_pass;
  static constexpr std::size_t bytes = octavo::detail::group_block_bytes(type);
  /// Loops over more passes are not unrolled.
  static constexpr bool few_passes = passes <= 2;

  const std::byte* first_word = nullptr;
  GroupScales<type> scales;

  OCTAVO_ALWAYS_INLINE LinesOfGroup() = default;
  /// `lane`: the first of the lines.
  OCTAVO_ALWAYS_INLINE LinesOfGroup(const std::byte* block, std::size_t lane)
      : first_word(block + lane * sizeof(std::uint32_t)) {
    const std::byte* const halves = block + lane * sizeof(std::uint16_t);
    if constexpr (octavo::detail::has_half(type)) first_word += octavo::detail::group_half_bytes;
    scales = GroupScales<type>(halves, first_word);
  }

  /// The bits of per_pass numbers: word w of a pass, with the high bits that lie in another word.
  OCTAVO_ALWAYS_INLINE Words word(int pass, int w) const {
    using enum StoredType;
    const auto at = [&](int i) { return word_of_group(first_word, i); };
    if constexpr (type == q8_0) {
      return at(w) ^ 0x80808080u;  // numbers from 0 on
    } else if constexpr (type == q4_1) {
      return at(1 + w);
    } else if constexpr (type == q5_0 || type == q5_1) {
      constexpr int first = type == q5_1 ? 1 : 0;
      // Four neighbouring bits, each moved to its byte.
      const Words high = (at(first) >> (16 * pass + 4 * w) & 15u) * 0x02040810u;
      return (at(first + 1 + w) >> 4 * pass & 0x0f0f0f0fu) | (high & 0x10101010u);
    } else if constexpr (type == q2_k) {
      return at(4 + word_of_two_bits(pass, w)) >> (pass / 2 % 4 * 2) & 0x03030303u;
    } else if constexpr (type == q3_k) {
      const Words low = at(8 + word_of_two_bits(pass, w)) >> (pass / 2 % 4 * 2) & 0x03030303u;
      return low | (at(pass % 2 * 4 + w) >> (pass / 2) & 0x01010101u) << 2;
    } else if constexpr (type == q4_k) {
      return at(4 + pass / 2 * 8 + w) >> (pass % 2 * 4);
    } else if constexpr (type == q5_k) {
      const Words low = at(12 + pass / 2 * 8 + w) >> (pass % 2 * 4) & 0x0f0f0f0fu;
      return low | (at(4 + w) >> pass & 0x01010101u) << 4;
    } else if constexpr (type == q6_k) {
      const int part = pass / 2 % 4;
      const Words low = at(pass / 8 * 16 + part % 2 * 8 + pass % 2 * 4 + w) >> (part / 2 * 4);
      const Words high = at(32 + word_of_two_bits(pass, w)) >> (part * 2) & 0x03030303u;
      return (low & 0x0f0f0f0fu) | high << 4;
    } else if constexpr (type == iq4_xs) {
      return at(2 + pass / 2 * 4 + w) >> (pass % 2 * 4);
    } else {
      return at(w);
    }
  }

  /// Number i of a word in a pass. With a scale alone, scale * whole number + start is exact.
  OCTAVO_ALWAYS_INLINE Floats number(Words word, int pass, int i) const {
    using enum StoredType;
    if constexpr (type == f32) {
      return as_floats(word);
    } else if constexpr (type == bf16) {
      return as_floats(i == 0 ? word << 16 : word & 0xffff0000u);
    } else if constexpr (type == f16) {
      return floats_of_halves(i == 0 ? word << 16 : word);
    } else if constexpr (type == iq4_nl || type == iq4_xs) {
      return level_of(word >> from(pass, i)) * scales.factor(pass);
    } else if constexpr (type == q4_0 || type == q4_1 || type == q4_k) {
      const Floats whole = four_bits_of(word, from(pass, i));
      return simd::fma(whole, scales.factor(pass), scales.start(pass));
    } else {
      return simd::fma(byte_of(word, i), scales.factor(pass), scales.start(pass));
    }
  }

 private:
  /// Word w of a pass of sixteen numbers, where a word has two bits of numbers of four parts.
  static constexpr int word_of_two_bits(int pass, int w) noexcept {
    return pass / 8 * 8 + pass % 2 * 4 + w;
  }
  /// The first bit of number i, for numbers of four bits. In blocks of 256 the word is moved.
  static constexpr int from(int pass, int i) noexcept {
    return 8 * i + (block_of(type) == 32 ? 4 * pass : 0);
  }
};

/// Calls body(number of the line, its values in all lanes) for a block.
template <StoredType type, typename Body>
OCTAVO_ALWAYS_INLINE void for_each_number(const LinesOfGroup<type>& lines, Body body) {
  using Lines = LinesOfGroup<type>;
  for_each_pass<Lines>([&](int pass) OCTAVO_INLINE_LAMBDA {
    for (int w = 0; w < Lines::pass_words; ++w) {
      const Words word = lines.word(pass, w);
      OCTAVO_UNROLL
      for (int i = 0; i < Lines::per_pass; ++i) {
        body((pass * Lines::pass_words + w) * Lines::per_pass + i, lines.number(word, pass, i));
      }
    }
  });
}

/// Calls body(std::integral_constant of the type).
template <typename Body>
void with_grouped_type(StoredType type, Body body) {
  using enum StoredType;
  const auto call = [&]<StoredType one>() { body(std::integral_constant<StoredType, one>{}); };
  switch (type) {
    case f32:
      return call.template operator()<f32>();
    case f16:
      return call.template operator()<f16>();
    case bf16:
      return call.template operator()<bf16>();
    case q8_0:
      return call.template operator()<q8_0>();
    case q4_0:
      return call.template operator()<q4_0>();
    case q4_1:
      return call.template operator()<q4_1>();
    case q5_0:
      return call.template operator()<q5_0>();
    case q5_1:
      return call.template operator()<q5_1>();
    case q2_k:
      return call.template operator()<q2_k>();
    case q3_k:
      return call.template operator()<q3_k>();
    case q4_k:
      return call.template operator()<q4_k>();
    case q5_k:
      return call.template operator()<q5_k>();
    case q6_k:
      return call.template operator()<q6_k>();
    case iq4_nl:
      return call.template operator()<iq4_nl>();
    case iq4_xs:
      return call.template operator()<iq4_xs>();
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
