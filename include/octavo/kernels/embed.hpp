// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_EMBED_HPP)
#define OCTAVO_KERNELS_EMBED_HPP

#include <span>

#include <octavo/base/config.hpp>
#include <octavo/kernels/row_positions.hpp>
#include <octavo/kernels/weight.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

#define OCTAVO_FILE "octavo/kernels/embed.hpp"
#include <octavo/numeric/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// x[r] = scale * tokens_table[token r] + positions_table[first_position + positions[r]].
/// tokens [rows], x [rows, width], tokens_table [vocabulary, width], positions_table
/// [context, width] or null; overwrites x.
template <Scalar T>
void embed(const Worker& worker, std::span<const Token> tokens, RowPositions positions,
           Index first_position, const Weight<T>& tokens_table, T scale, const T* positions_table,
           MatrixView<T> x) {
  OCTAVO_DISPATCH(
      embed<T>(worker, tokens, positions, first_position, tokens_table, scale, positions_table, x))
}

/// table[index(r)] += scale * dx[r] for all rows in order: the gradient of an embedding table. Rows
/// with a negative index are left out. Workers divide the columns, so that two workers never add to
/// the same number.
template <Scalar T, typename IndexOf>
void accumulate_rows(const Worker& worker, MatrixView<const std::type_identity_t<T>> dx,
                     IndexOf index_of, std::type_identity_t<T> scale, T* table) {
  OCTAVO_DISPATCH(accumulate_rows<T, IndexOf>(worker, dx, index_of, scale, table))
}

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
void embed(const Worker& worker, std::span<const Token> tokens, RowPositions positions,
           Index first_position, const Weight<T>& tokens_table, T scale, const T* positions_table,
           MatrixView<T> x) {
  using P = Pack<T>;
  const P factor = P::broadcast(scale);
  const Range rows = worker.split(x.rows);
  for (Index r = rows.begin; r < rows.end; ++r) {
    const Index row = tokens[static_cast<std::size_t>(r)];
    const T* token = x.row(r);
    if (tokens_table.stored.empty()) {
      token = tokens_table.numbers + row * x.columns;
    } else {
      tokens_table.kernels->copy_row(tokens_table.stored.front(), row, x.row(r));
    }
    const T* position = positions_table == nullptr
                            ? nullptr
                            : positions_table + (first_position + positions[r]) * x.columns;
    for_each_pack(x.columns, [&](Index j, Index n) {
      const P start = position == nullptr ? P::broadcast(T{0}) : P::load(position + j, n);
      fma(P::load(token + j, n), factor, start).store(x.row(r) + j, n);
    });
  }
}

template <Scalar T, typename IndexOf>
void accumulate_rows(const Worker& worker, MatrixView<const std::type_identity_t<T>> dx,
                     IndexOf index_of, std::type_identity_t<T> scale, T* table) {
  using P = Pack<T>;
  const P factor = P::broadcast(scale);
  const Range columns = worker.split(dx.columns, P::lanes);
  for (Index r = 0; r < dx.rows; ++r) {
    const Index row = index_of(r);
    if (row < 0) continue;
    T* const to = table + row * dx.columns + columns.begin;
    const T* const from = dx.row(r) + columns.begin;
    for_each_pack(columns.size(), [&](Index j, Index n) {
      fma(P::load(from + j, n), factor, P::load(to + j, n)).store(to + j, n);
    });
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
