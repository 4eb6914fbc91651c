// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_MATMUL_STORED_HPP)
#define OCTAVO_KERNELS_MATMUL_STORED_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <span>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/matmul_block.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/kernels/stored_stream.hpp>
#include <octavo/kernels/weight.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/stored_matrix.hpp>

// Products with weights that stay in the number type of a file: decoded in registers or while a
// panel is packed, never as a whole. Results have the bits of the product with the decoded numbers.
#define OCTAVO_FILE "octavo/kernels/matmul_stored.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// The numbers of row `i` of a stored table.
template <Scalar T>
void copy_row(const StoredMatrix& table, Index i, T* to) {
  std::array<float, 256> numbers;
  for (Index first = 0; first < table.length; first += std::ssize(numbers)) {
    const auto piece = std::span(numbers).first(
        static_cast<std::size_t>(std::min<Index>(std::ssize(numbers), table.length - first)));
    decode_line(table, i, first, piece);
    std::copy(piece.begin(), piece.end(), to + first);
  }
}

}  // namespace detail

/// Y (+)= X W^T (+ bias), as matmul and matmul_nt.  x [rows, length], w [lines, length], y [rows,
/// lines]; pack_buffer: pack_buffer_elements(length) for each worker, not less.
template <Scalar T>
void matmul_stored(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                   const StoredMatrix& w, MatrixView<T> y, Output output,
                   const std::type_identity_t<T>* bias,
                   std::span<std::type_identity_t<T>> pack_buffer)
    OCTAVO_KERNEL(matmul_stored<T>(worker, x, w, y, output, bias, pack_buffer));

/// dX (+)= dY W: the input gradient.  dy [rows, lines], w [lines, length], dx [rows, length];
/// pack_buffer: pack_buffer_elements(lines) for each worker, not less.
template <Scalar T>
void matmul_stored_nt(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                      const StoredMatrix& w, MatrixView<T> dx, Output output,
                      std::span<std::type_identity_t<T>> pack_buffer)
    OCTAVO_KERNEL(matmul_stored_nt<T>(worker, dy, w, dx, output, pack_buffer));

/// The kernels of stored matrices, for Weight.
template <Scalar T>
inline constexpr StoredKernels<T> stored_kernels{&matmul_stored<T>, &matmul_stored_nt<T>,
                                                 &detail::copy_row<T>};

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

/// The right operand of x W^T: number k of output j.
template <Scalar T>
struct StoredOutputs {
  const StoredMatrix* matrix = nullptr;
  void unpack(Range depth, Range columns, T* panel, Index panel_row) const {
    unpack_outputs<T>(*matrix, depth.begin, depth.size(), columns.begin, columns.size(), panel,
                      panel_row);
  }
  /// Of numbers of four bytes, tile t's share: others come faster than they are multiplied.
  LinesAhead<T> ahead(Range depth, Range columns, Index t, Index tiles) const {
    if constexpr (std::is_same_v<T, float>) {
      if (matrix->type != StoredType::f32 || matrix->layout != StoredLayout::grouped) return {};
      const Range share{depth.begin + depth.size() * t / tiles / 2 * 2,
                        depth.begin + depth.size() * (t + 1) / tiles / 2 * 2};
      const std::byte* const first =
          group_block<StoredType::f32>(*matrix, columns.begin, share.begin);
      const auto stride = static_cast<Index>(
          octavo::detail::group_bytes(StoredType::f32, matrix->length) / sizeof(float));
      return lines_of_rows(reinterpret_cast<const float*>(first),
                           (columns.size() + group_lines - 1) / group_lines,
                           share.size() * group_lines, stride);
    }
    return {};
  }
};

/// The numbers of a matrix of F32 that lies as one in memory does, [lines, length]; null for
/// others.
inline const float* plain_numbers(const StoredMatrix& w) noexcept {
  const bool plain = w.type == StoredType::f32 && w.layout == StoredLayout::lines && w.pairs == 0 &&
                     reinterpret_cast<std::uintptr_t>(w.data) % alignof(float) == 0;
  return plain ? reinterpret_cast<const float*>(w.data) : nullptr;
}

/// The right operand of dy W: number j of output k.
template <Scalar T>
struct StoredInputs {
  const StoredMatrix* matrix = nullptr;
  void unpack(Range depth, Range columns, T* panel, Index panel_row) const {
    unpack_inputs<T>(*matrix, depth.begin, depth.size(), columns.begin, columns.size(), panel,
                     panel_row);
  }
};

}  // namespace detail

template <Scalar T>
void matmul_stored(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                   const StoredMatrix& w, MatrixView<T> y, Output output,
                   const std::type_identity_t<T>* bias,
                   std::span<std::type_identity_t<T>> pack_buffer) {
  OCTAVO_ASSERT(x.rows == y.rows && x.columns == w.length && w.lines == y.columns);
  octavo::detail::prefetch_operand<T>(worker, x);
  const Rectangle share = octavo::detail::output_share(worker, y);
  if constexpr (std::is_same_v<T, float>) {
    const Range rows = share.rows;
    if (const float* const numbers = detail::plain_numbers(w); numbers != nullptr) {
      return detail::multiply_block<T>(detail::as_is<T>(x), {numbers, w.length, true}, y, share,
                                       w.length, output, bias,
                                       octavo::detail::panel_of(worker, pack_buffer));
    }
    if (rows.size() <= detail::most_rows_of_groups) {
      if (rows.empty()) return;
      return detail::stream_stored<T>({x.row(rows.begin), x.stride, &w,
                                       y.row_block(rows.begin, rows.size()), share.columns, output,
                                       bias});
    }
  }
  if (share.rows.empty()) return;
  const detail::StoredOutputs<T> outputs{&w};
  detail::BlockProduct<T, detail::StoredOutputs<T>>(detail::as_is<T>(x), outputs, y, share,
                                                    w.length, output, bias,
                                                    octavo::detail::panel_of(worker, pack_buffer))
      .run();
}

template <Scalar T>
void matmul_stored_nt(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                      const StoredMatrix& w, MatrixView<T> dx, Output output,
                      std::span<std::type_identity_t<T>> pack_buffer) {
  OCTAVO_ASSERT(dy.rows == dx.rows && dy.columns == w.lines && w.length == dx.columns);
  octavo::detail::prefetch_operand<T>(worker, dy);
  const Rectangle share = octavo::detail::output_share(worker, dx);
  if (share.rows.empty()) return;
  const detail::StoredInputs<T> inputs{&w};
  detail::BlockProduct<T, detail::StoredInputs<T>>(detail::as_is<T>(dy), inputs, dx, share, w.lines,
                                                   output, nullptr,
                                                   octavo::detail::panel_of(worker, pack_buffer))
      .run();
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
