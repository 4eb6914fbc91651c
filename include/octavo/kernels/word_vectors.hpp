// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_WORD_VECTORS_HPP)
#define OCTAVO_KERNELS_WORD_VECTORS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <octavo/base/config.hpp>
#include <octavo/numeric/quantized_blocks.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/tensor/stored_matrix.hpp>

// Vectors of words of 32 bits, and the numbers that are in their bits.
#define OCTAVO_FILE "octavo/kernels/word_vectors.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

using Floats = simd::Vector<float>;
using Words = typename simd::detail::VectorType<std::uint32_t, simd::vector_bytes>::type;
inline constexpr Index float_lanes = simd::width<float>;

OCTAVO_ALWAYS_INLINE Words load_words(const std::byte* from) {
  Words words;
  std::memcpy(&words, from, sizeof(words));
  return words;
}
OCTAVO_ALWAYS_INLINE Floats as_floats(Words words) {
  Floats floats;
  std::memcpy(&floats, &words, sizeof(floats));
  return floats;
}
OCTAVO_ALWAYS_INLINE Words as_words(Floats floats) {
  Words words;
  std::memcpy(&words, &floats, sizeof(words));
  return words;
}
/// The words, kept in a register: otherwise g++ reads them from memory again for every number.
OCTAVO_ALWAYS_INLINE Words in_register(Words words) {
#if OCTAVO_VECTOR_BYTES == 64
  asm("" : "+v"(words));
#endif
  return words;
}

/// Word i of the lines from `first_word` on, in a block of a group.
OCTAVO_ALWAYS_INLINE Words word_of_group(const std::byte* first_word, int i) {
  return load_words(first_word + static_cast<std::size_t>(i) * octavo::detail::group_word_bytes);
}

/// The numbers of binary16 in the upper halves of the words, also those below the normal numbers.
OCTAVO_ALWAYS_INLINE Floats floats_of_halves(Words upper) {
  const Floats magnitude = as_floats((upper & 0x7fff0000u) >> 3) * simd::broadcast(0x1p112f);
  return as_floats(as_words(magnitude) | (upper & 0x80000000u));
}

/// The binary16s at `from`, one for each lane.
OCTAVO_ALWAYS_INLINE Floats load_halves(const std::byte* from) {
  using Halves = typename simd::detail::VectorType<std::uint16_t, simd::vector_bytes / 2>::type;
  Halves halves;
  std::memcpy(&halves, from, sizeof(halves));
#if OCTAVO_VECTOR_BYTES == 64
  return OCTAVO_X86_HALVES_64_FLOAT(halves);
#else
  return floats_of_halves(__builtin_convertvector(halves, Words) << 16);
#endif
}

/// The whole numbers of words below 2^31.
OCTAVO_ALWAYS_INLINE Floats floats_of_wholes(Words words) {
  using Integers = typename simd::detail::VectorType<std::int32_t, simd::vector_bytes>::type;
  return __builtin_convertvector(reinterpret_cast<Integers>(words), Floats);
}

/// The whole number of byte i of every word.
OCTAVO_ALWAYS_INLINE Floats byte_of(Words words, int i) {
#if OCTAVO_VECTOR_BYTES == 64
  // One instruction; 128 stands for a byte of zero.
  const Words places = Words{0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12} +
                       (0x80808000u + static_cast<std::uint32_t>(i));
  return floats_of_wholes(OCTAVO_X86_SHUFFLE_BYTES_64(words, places));
#else
  return floats_of_wholes(words >> (8 * i) & 255u);
#endif
}

/// The whole number of the four bits from bit `from` on of every word.
OCTAVO_ALWAYS_INLINE Floats four_bits_of(Words words, int from) {
#if OCTAVO_VECTOR_BYTES == 64
  constexpr Floats wholes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return OCTAVO_X86_LOOKUP_64_FLOAT(wholes, words >> from);  // by the four lowest bits
#else
  return floats_of_wholes(words >> from & 15u);
#endif
}

/// The levels of IQ4_NL that the four lowest bits of every word name.
OCTAVO_ALWAYS_INLINE Floats level_of(Words words) {
  const auto& levels = octavo::detail::iq4_levels;
#if OCTAVO_VECTOR_BYTES == 64
  return OCTAVO_X86_LOOKUP_64_FLOAT(simd::load(levels.data()), words);
#elif OCTAVO_VECTOR_BYTES == 32
  const Words low = as_words(OCTAVO_X86_LOOKUP_32_FLOAT(simd::load(levels.data()), words));
  const Words high = as_words(OCTAVO_X86_LOOKUP_32_FLOAT(simd::load(levels.data() + 8), words));
  const Words is_high = Words{} - (words >> 3 & 1u);
  return as_floats((low & ~is_high) | (high & is_high));
#else
  Floats result;
  for (int lane = 0; lane < float_lanes; ++lane) result[lane] = levels[words[lane] & 15u];
  return result;
#endif
}

/// Calls body(pass) for the passes of a block's lines.
template <typename Lines, typename Body>
OCTAVO_ALWAYS_INLINE void for_each_pass(Body body) {
  if constexpr (Lines::few_passes) {
    OCTAVO_UNROLL
    for (int pass = 0; pass < Lines::passes; ++pass) body(pass);
  } else {
    for (int pass = 0; pass < Lines::passes; ++pass) body(pass);
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
