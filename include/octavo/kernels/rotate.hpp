// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_ROTATE_HPP)
#define OCTAVO_KERNELS_ROTATE_HPP

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>
#include <octavo/kernels/row_positions.hpp>
#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Rotary position embedding (Su et al. 2021, section 3.2.2): pairs of a head's numbers are turned
// by angles that grow with the position, so that products of queries and keys depend on how far
// apart these stand.
namespace OCTAVO_NAMESPACE {

/// Which numbers of a head are turned together; n pairs.
enum class RotaryPairing {
  halves,      ///< i and i + n, as in transformers
  neighbours,  ///< 2 i and 2 i + 1, as in the paper
};

/// The names in options and files.
constexpr std::array<std::string_view, 2> choice_names(RotaryPairing) noexcept {
  return {"halves", "neighbours"};
}

/// The most pairs that are rotated in a head.
inline constexpr Index most_rotated_pairs = 512;

/// How a position turns the numbers of a head.
struct Rotation {
  std::span<const double> frequencies;  ///< [pairs], radians per position
  double factor = 1;                    ///< multiplies sine and cosine
  RotaryPairing pairing = RotaryPairing::halves;
};

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/rotate.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Turns each pair (a, b) of each head to (a c - b s, b c + a s), c and s the cosine and sine of
/// position * frequency, times the factor. Row r stands at position first_position +
/// positions[r]. The first 2 * pairs numbers of a head are turned, the others stay. With `backward`
/// the angle is negative: the gradient of the output becomes that of the input.  rows [rows, heads
/// * head_width], of any stride; at most most_rotated_pairs pairs. Angles, sines and cosines are
/// computed in double, and rounded to T at the end.
template <Scalar T>
void rotate(const Worker& worker, const Rotation& rotation, MatrixView<T> rows, Index heads,
            Index head_width, Index first_position, RowPositions positions, bool backward)
    OCTAVO_KERNEL(rotate<T>(worker, rotation, rows, heads, head_width, first_position, positions,
                            backward));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

/// What multiplies the numbers of every head of a row, and what multiplies their partners. For
/// halves: cosine and sine of each pair. For neighbours the tables go over numbers, not pairs, and
/// the sine of the first of a pair is negative.
template <Scalar T>
struct RotationTables {
  alignas(alignment_bytes) std::array<T, 2 * most_rotated_pairs> cosine;
  alignas(alignment_bytes) std::array<T, 2 * most_rotated_pairs> sine;
};

template <Scalar T>
void fill_tables(const Rotation& rotation, Index position, bool backward,
                 RotationTables<T>& tables) {
  using P = Pack<double>;
  const P factor = P::broadcast(rotation.factor);
  const P sine_factor = backward ? -factor : factor;
  const P at = P::broadcast(static_cast<double>(position));
  for_each_pack(static_cast<Index>(rotation.frequencies.size()), [&](Index first, Index n) {
    const SineCosine turn = sine_cosine(at * P::load(rotation.frequencies.data() + first, n));
    std::array<double, P::lanes> cosine, sine;
    (turn.cosine * factor).store(cosine.data());
    (turn.sine * sine_factor).store(sine.data());
    for (std::size_t lane = 0; lane < cosine.size(); ++lane) {
      const T c = static_cast<T>(cosine[lane]), s = static_cast<T>(sine[lane]);
      const std::size_t pair = static_cast<std::size_t>(first) + lane;
      if (rotation.pairing == RotaryPairing::halves) {
        tables.cosine[pair] = c;
        tables.sine[pair] = s;
      } else {
        tables.cosine[2 * pair] = tables.cosine[2 * pair + 1] = c;
        tables.sine[2 * pair] = -s;
        tables.sine[2 * pair + 1] = s;
      }
    }
  });
}

template <Scalar T>
OCTAVO_ALWAYS_INLINE void rotate_halves(const RotationTables<T>& tables, Index pairs, T* head) {
  using P = Pack<T>;
  for_each_pack(pairs, [&](Index j, Index n) {
    const P c = P::load(tables.cosine.data() + j), s = P::load(tables.sine.data() + j);
    const P a = P::load(head + j, n), b = P::load(head + pairs + j, n);
    fma(a, c, -(b * s)).store(head + j, n);
    fma(b, c, a * s).store(head + pairs + j, n);
  });
}

template <Scalar T>
OCTAVO_ALWAYS_INLINE void rotate_neighbours(const RotationTables<T>& tables, Index pairs, T* head) {
  using P = Pack<T>;
  for_each_pack(2 * pairs, [&](Index j, Index n) {
    const P c = P::load(tables.cosine.data() + j), s = P::load(tables.sine.data() + j);
    const P x = P::load(head + j, n);
    alignas(alignment_bytes) std::array<T, P::lanes> partner;
    x.store(partner.data());
    for (std::size_t lane = 0; lane < partner.size(); lane += 2) {
      std::swap(partner[lane], partner[lane + 1]);
    }
    fma(x, c, P::load(partner.data()) * s).store(head + j, n);
  });
}

}  // namespace detail

template <Scalar T>
void rotate(const Worker& worker, const Rotation& rotation, MatrixView<T> rows, Index heads,
            Index head_width, Index first_position, RowPositions positions, bool backward) {
  const auto pairs = static_cast<Index>(rotation.frequencies.size());
  OCTAVO_ASSERT(pairs <= most_rotated_pairs && 2 * pairs <= head_width);
  OCTAVO_ASSERT(rows.columns == heads * head_width);
  detail::RotationTables<T> tables;
  const Range mine = worker.split(rows.rows);
  for (Index r = mine.begin; r < mine.end; ++r) {
    detail::fill_tables(rotation, first_position + positions[r], backward, tables);
    for (Index head = 0; head < heads; ++head) {
      T* const numbers = rows.row(r) + head * head_width;
      if (rotation.pairing == RotaryPairing::halves) {
        detail::rotate_halves(tables, pairs, numbers);
      } else {
        detail::rotate_neighbours(tables, pairs, numbers);
      }
    }
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
