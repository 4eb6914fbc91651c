// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_STORED_BLOCKS_HPP)
#define OCTAVO_KERNELS_STORED_BLOCKS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul_pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/tensor/stored_matrix.hpp>

// Decodes parts of stored matrices in registers. Every number is exactly the one that decode_line
// gives.
#define OCTAVO_FILE "octavo/kernels/stored_blocks.hpp"
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
/// Moves the bits of every word up by `up`, or down.
OCTAVO_ALWAYS_INLINE Words moved(Words words, int up) {
  return up >= 0 ? words << up : words >> -up;
}

/// The numbers of binary16 in the upper halves of the words, also those below the normal numbers.
OCTAVO_ALWAYS_INLINE Floats floats_of_halves(Words upper) {
  const Floats magnitude = as_floats((upper & 0x7fff0000u) >> 3) * simd::broadcast(0x1p112f);
  return as_floats(as_words(magnitude) | (upper & 0x80000000u));
}

/// The scales at `from`, one for each lane.
OCTAVO_ALWAYS_INLINE Floats load_scales(const std::byte* from) {
  using Halves = typename simd::detail::VectorType<std::uint16_t, simd::vector_bytes / 2>::type;
  Halves halves;
  std::memcpy(&halves, from, sizeof(halves));
#if OCTAVO_VECTOR_BYTES == 64
  return OCTAVO_X86_HALVES_64_FLOAT(halves);
#else
  return floats_of_halves(__builtin_convertvector(halves, Words) << 16);
#endif
}

/// A block of some neighbouring lines of a group, a vector of them. Its numbers come in `passes`
/// over its words, of which each gives `per_pass` neighbouring numbers in each pass.
template <StoredType type>
struct LinesOfGroup {
  static constexpr int words = static_cast<int>(octavo::detail::group_words(type));
  static constexpr int passes = type == StoredType::q4_0 ? 2 : 1;
  static constexpr int per_pass = type == StoredType::f32 ? 1 : words == 1 ? 2 : 4;
  static constexpr int numbers = passes * words * per_pass;
  static constexpr std::size_t bytes = octavo::detail::group_block_bytes(type);

  const std::byte* first_word = nullptr;
  Floats scale{};
  Floats start[3]{};  ///< scale * (what a number begins with), see number()

  OCTAVO_ALWAYS_INLINE LinesOfGroup() = default;
  /// `lane`: the first of the lines.
  OCTAVO_ALWAYS_INLINE LinesOfGroup(const std::byte* block, std::size_t lane)
      : first_word(block + lane * sizeof(std::uint32_t)) {
    if constexpr (octavo::detail::has_scales(type)) {
      first_word += octavo::detail::group_scale_bytes;
      scale = load_scales(block + lane * sizeof(std::uint16_t));
      const float offset = type == StoredType::q4_0 ? 8 : 128;
      start[0] = scale * simd::broadcast(-0x1p15f - offset);
      if constexpr (type == StoredType::q4_0) {
        start[1] = scale * simd::broadcast(-0x1p11f - offset);
        start[2] = scale * simd::broadcast(-0x1p7f - offset);
      }
    }
  }

  OCTAVO_ALWAYS_INLINE Words word(int i) const {
    return load_words(first_word + static_cast<std::size_t>(i) * octavo::detail::group_word_bytes);
  }

  /// Number i of a word in a pass. In the fraction of a power of two, the bits of a whole number
  /// from bit `at` on make 2^(23 - at) + number; scale * that + start is then exact for `at` from 8
  /// on. Bits that lie elsewhere are moved by 8 or 12.
  OCTAVO_ALWAYS_INLINE Floats number(Words word, int pass, int i) const {
    if constexpr (type == StoredType::f32) {
      return as_floats(word);
    } else if constexpr (type == StoredType::bf16) {
      return as_floats(i == 0 ? word << 16 : word & 0xffff0000u);
    } else if constexpr (type == StoredType::f16) {
      return floats_of_halves(i == 0 ? word << 16 : word);
    } else if constexpr (type == StoredType::q4_0) {
      const int from = 8 * i + 4 * pass;
      const int at = from < 8 ? from + 8 : from > 16 ? from - 12 : from;
      const Words bits = moved(word, at - from) & (15u << at);
      return simd::fma(as_floats(bits | power_of_two(23 - at)), scale, start[at / 4 - 2]);
    } else {
      const Words bits = (moved(word, 8 - 8 * i) & 0xff00u) ^ (power_of_two(15) | 0x8000u);
      return simd::fma(as_floats(bits), scale, start[0]);
    }
  }

 private:
  static constexpr std::uint32_t power_of_two(int exponent) noexcept {
    return static_cast<std::uint32_t>(127 + exponent) << 23;
  }
};

/// Calls body(number of the line, its values in all lanes) for a block.
template <StoredType type, typename Body>
OCTAVO_ALWAYS_INLINE void for_each_number(const LinesOfGroup<type>& lines, Body body) {
  using Lines = LinesOfGroup<type>;
  OCTAVO_UNROLL
  for (int pass = 0; pass < Lines::passes; ++pass) {
    for (int w = 0; w < Lines::words; ++w) {
      const Words word = lines.word(w);
      OCTAVO_UNROLL
      for (int i = 0; i < Lines::per_pass; ++i) {
        body((pass * Lines::words + w) * Lines::per_pass + i, lines.number(word, pass, i));
      }
    }
  }
}

/// Calls body(std::integral_constant of the type) for a type that has groups.
template <typename Body>
void with_grouped_type(StoredType type, Body body) {
  if (type == StoredType::q8_0) return body(std::integral_constant<StoredType, StoredType::q8_0>{});
  if (type == StoredType::q4_0) return body(std::integral_constant<StoredType, StoredType::q4_0>{});
  if (type == StoredType::f32) return body(std::integral_constant<StoredType, StoredType::f32>{});
  if (type == StoredType::f16) return body(std::integral_constant<StoredType, StoredType::f16>{});
  body(std::integral_constant<StoredType, StoredType::bf16>{});
}

/// The first byte of the block with number k of output j, in a matrix of groups.
template <StoredType type>
const std::byte* group_block(const StoredMatrix& matrix, Index j, Index k) {
  const std::size_t bytes = octavo::detail::group_bytes(type, matrix.length);
  return matrix.data + static_cast<std::size_t>(j / group_lines) * bytes +
         static_cast<std::size_t>(k / LinesOfGroup<type>::numbers) * LinesOfGroup<type>::bytes;
}

/// panel[k, j] = number first_k + k of output first_j + j, for a vector of outputs.
template <StoredType type>
void unpack_vector(const StoredMatrix& matrix, Index first_k, Index depth, Index first_j,
                   float* panel, Index panel_row) {
  using Lines = LinesOfGroup<type>;
  const std::byte* block = group_block<type>(matrix, first_j, first_k);
  const auto ahead = static_cast<std::size_t>(depth / Lines::numbers) * Lines::bytes;
  for (Index k = 0; k < depth; k += Lines::numbers, block += Lines::bytes) {
    for (std::size_t at = 0; at < Lines::bytes; at += alignment_bytes) {
      __builtin_prefetch(block + ahead + at, 0, 2);
    }
    const Lines lines(block, static_cast<std::size_t>(first_j % group_lines));
    const Index rest = depth - k;
    for_each_number<type>(lines, [&](int i, Floats number) {
      if (octavo::detail::has_scales(type) || i < rest)
        simd::store(panel + (k + i) * panel_row, number);
    });
  }
}

/// panel[k, j] = number first_k + k of output first_j + j, from lines as files have them; columns
/// from `columns` to `panel_row` are zero.
template <Scalar T>
void unpack_lines(const StoredMatrix& matrix, Index first_k, Index depth, Index first_j,
                  Index columns, T* panel, Index panel_row) {
  constexpr Index width = simd::width<T>;
  constexpr Index most = octavo::detail::panel_depth;
  alignas(alignment_bytes) T lines[array_size(width * most)];
  for (Index j = 0; j < panel_row; j += width) {
    const Index count = std::clamp<Index>(columns - j, 0, width);
    for (Index i = 0; i < count; ++i) {
      float numbers[most];
      float* to = numbers;
      if constexpr (std::is_same_v<T, float>) to = lines + i * most;
      decode_line(matrix, first_j + j + i, first_k, std::span(to, static_cast<std::size_t>(depth)));
      if constexpr (!std::is_same_v<T, float>) std::copy_n(to, depth, lines + i * most);
    }
    pack_vector_of_columns<T>(lines, most, depth, count, panel + j, panel_row);
  }
}

/// panel[k, j] = number first_k + k of output first_j + j; first_j is a multiple of a vector. Tiles
/// ignore the panel's columns from `columns` on.
template <Scalar T>
void unpack_outputs(const StoredMatrix& matrix, Index first_k, Index depth, Index first_j,
                    Index columns, T* panel, Index panel_row) {
  if constexpr (std::is_same_v<T, float>) {
    if (matrix.layout == StoredLayout::grouped) {
      return with_grouped_type(matrix.type, [&](auto type) {
        for (Index j = 0; j < panel_row; j += float_lanes) {
          unpack_vector<type.value>(matrix, first_k, depth, first_j + j, panel + j, panel_row);
        }
      });
    }
  }
  unpack_lines(matrix, first_k, depth, first_j, columns, panel, panel_row);
}

/// panel[k, j] = number first_j + j of output first_k + k; columns from `columns` to `panel_row`
/// are zero.
template <Scalar T>
void unpack_inputs(const StoredMatrix& matrix, Index first_k, Index depth, Index first_j,
                   Index columns, T* panel, Index panel_row) {
  const auto block = static_cast<Index>(block_of(matrix.type));
  const Index first = first_j / 2 / block * block * 2;  // whole blocks, or pairs
  const Index end =
      std::min(matrix.length, (first_j + columns + 2 * block - 1) / (2 * block) * 2 * block);
  std::array<float, 1024> numbers;
  for (Index k = 0; k < depth; ++k, panel += panel_row) {
    const auto line = std::span(numbers).first(static_cast<std::size_t>(end - first));
    decode_line(matrix, first_k + k, first, line);
    std::copy_n(numbers.data() + (first_j - first), columns, panel);
    std::fill(panel + columns, panel + panel_row, T{0});
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
