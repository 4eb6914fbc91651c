// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_ELEMENTWISE_HPP)
#define OCTAVO_KERNELS_ELEMENTWISE_HPP

#include <algorithm>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

#define OCTAVO_FILE "octavo/kernels/elementwise.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Sets this worker's share of a range to zero.
template <Scalar T>
void set_zero(const Worker& worker, std::span<T> block) OCTAVO_KERNEL(set_zero<T>(worker, block));

/// x += y, both [rows, columns]: the residual connection.
template <Scalar T>
void add(const Worker& worker, MatrixView<const std::type_identity_t<T>> y, MatrixView<T> x)
    OCTAVO_KERNEL(add<T>(worker, y, x));

/// x += y, of equal lengths.
template <Scalar T>
void add_numbers(const Worker& worker, std::span<const std::type_identity_t<T>> y, std::span<T> x)
    OCTAVO_KERNEL(add_numbers<T>(worker, y, x));

/// x *= y, elementwise, both [rows, columns].
template <Scalar T>
void multiply_elementwise(const Worker& worker, MatrixView<const std::type_identity_t<T>> y,
                          MatrixView<T> x) OCTAVO_KERNEL(multiply_elementwise<T>(worker, y, x));

/// to = from, both [rows, columns].
template <Scalar T>
void copy(const Worker& worker, MatrixView<const std::type_identity_t<T>> from, MatrixView<T> to)
    OCTAVO_KERNEL(copy<T>(worker, from, to));

/// dbias (+)= sum over rows of dy, in the order of rows: the gradient of a bias. `output`:
/// overwrite or accumulate.  dy [rows, columns], dbias [columns].
template <Scalar T>
void sum_columns(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy, T* dbias,
                 Output output) OCTAVO_KERNEL(sum_columns<T>(worker, dy, dbias, output));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
void set_zero(const Worker& worker, std::span<T> block) {
  const Range range = worker.split(static_cast<Index>(block.size()), Pack<T>::lanes);
  std::fill(block.begin() + range.begin, block.begin() + range.end, T{0});
}

template <Scalar T>
void add(const Worker& worker, MatrixView<const std::type_identity_t<T>> y, MatrixView<T> x) {
  using P = Pack<T>;
  const Range rows = worker.split(x.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    for_each_pack(x.columns, [&](Index j, Index n) {
      (P::load(x.row(i) + j, n) + P::load(y.row(i) + j, n)).store(x.row(i) + j, n);
    });
  }
}

template <Scalar T>
void add_numbers(const Worker& worker, std::span<const std::type_identity_t<T>> y, std::span<T> x) {
  using P = Pack<T>;
  const Range mine = worker.split(static_cast<Index>(x.size()), P::lanes);
  const T* const from = y.data() + mine.begin;
  T* const to = x.data() + mine.begin;
  for_each_pack(mine.size(), [&](Index i, Index n) {
    (P::load(to + i, n) + P::load(from + i, n)).store(to + i, n);
  });
}

template <Scalar T>
void multiply_elementwise(const Worker& worker, MatrixView<const std::type_identity_t<T>> y,
                          MatrixView<T> x) {
  using P = Pack<T>;
  const Range rows = worker.split(x.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    for_each_pack(x.columns, [&](Index j, Index n) {
      (P::load(x.row(i) + j, n) * P::load(y.row(i) + j, n)).store(x.row(i) + j, n);
    });
  }
}

template <Scalar T>
void copy(const Worker& worker, MatrixView<const std::type_identity_t<T>> from, MatrixView<T> to) {
  const Range rows = worker.split(to.rows);
  for (Index i = rows.begin; i < rows.end; ++i) std::copy_n(from.row(i), to.columns, to.row(i));
}

template <Scalar T>
void sum_columns(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy, T* dbias,
                 Output output) {
  using P = Pack<T>;
  const Range columns = worker.split(dy.columns, P::lanes);
  for_each_pack(columns.size(), [&](Index offset, Index n) {
    const Index j = columns.begin + offset;
    P total = output == Output::overwrite ? P::broadcast(T{0}) : P::load(dbias + j, n);
    for (Index i = 0; i < dy.rows; ++i) total = total + P::load(dy.row(i) + j, n);
    total.store(dbias + j, n);
  });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
