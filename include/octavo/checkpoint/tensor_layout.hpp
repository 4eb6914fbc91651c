// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/parameter_block.hpp>
#include <octavo/tensor/transpose.hpp>
#include <octavo/tensor/weight_source.hpp>

// Where the numbers of a file's tensors lie in parameters, and their ways there and back in pieces
// of bounded size.
namespace OCTAVO_NAMESPACE::detail {

/// A tensor in a file with some columns of a parameter: all of them, or those of one of the maps
/// that are one matrix here.
struct TensorLayout {
  const Parameter* parameter = nullptr;
  Index first = 0;  ///< its first column
  Index columns = 0;
  bool transposed = false;  ///< a row of the file is a column of the parameter
  Index pairs = 0;          ///< the width of a head whose halves alternate in the file; 0: none

  /// Numbers of a row of the file.
  std::size_t width() const noexcept {
    return static_cast<std::size_t>(transposed ? parameter->rows : columns);
  }
  std::size_t rows() const noexcept {
    return static_cast<std::size_t>(transposed ? columns : ParameterBlock::rows_of(*parameter));
  }
  std::size_t count() const noexcept { return rows() * width(); }

  /// The column of the parameter that is column, or row, `i` of the file.
  Index column(Index i) const noexcept {
    if (pairs == 0) return first + i;
    const Index within = i % pairs;
    return first + i - within + within % 2 * (pairs / 2) + within / 2;
  }
  /// The reverse.
  Index place(Index column) const noexcept {
    const Index i = column - first;
    if (pairs == 0) return i;
    const Index within = i % pairs, half = pairs / 2;
    return i - within + (within < half ? 2 * within : 2 * (within - half) + 1);
  }
};

/// Rows of a file that are processed together where the order of the numbers changes: they are
/// consecutive numbers in the other order, where single rows would touch a line of the cache for
/// every number.
inline constexpr Index tile_rows = 16;

/// Numbers that a writer asks a function for at once, 16 MiB; at least a row of the file or a head.
template <Scalar T>
inline constexpr Index block_numbers = (Index{16} << 20) / static_cast<Index>(sizeof(T));

// --- From a file --------------------------------------------------------------------------------

/// The part of a block that a tensor has, by the axes of the file: rows [row, row_end) and the
/// numbers [begin, end) of each, all counted as in the parameter.
struct FilePart {
  Index row, row_end, begin, end;
};

inline FilePart part_of(const TensorLayout& layout, const ParameterBlock& block) noexcept {
  const Index begin = std::max(block.column, layout.first);
  const Index end = std::min(block.column + block.columns, layout.first + layout.columns);
  if (layout.transposed) return {begin, std::max(begin, end), block.row, block.row + block.rows};
  return {block.row, block.row + block.rows, begin, std::max(begin, end)};
}

/// Reads row `row` of a part. fetch(first, numbers) reads consecutive numbers of the tensor, from
/// its number `first` on.
template <Scalar T, typename Fetch>
void read_row(const TensorLayout& layout, const FilePart& part, Index row, T* numbers,
              Fetch& fetch) {
  const auto width = static_cast<Index>(layout.width());
  const auto count = static_cast<std::size_t>(part.end - part.begin);
  if (layout.transposed || layout.pairs == 0) {
    const Index first = layout.transposed ? layout.place(row) * width + part.begin
                                          : row * width + layout.place(part.begin);
    return fetch(static_cast<std::size_t>(first), std::span(numbers, count));
  }
  std::vector<T> whole(layout.width());  // whose numbers are in another order
  fetch(static_cast<std::size_t>(row * width), std::span(whole));
  for (Index i = part.begin; i < part.end; ++i) {
    *numbers++ = whole[static_cast<std::size_t>(layout.place(i))];
  }
}

/// Fills those of a block's numbers that a tensor has.
template <Scalar T, typename Fetch>
void read_block(const TensorLayout& layout, const ParameterBlock& block, std::span<T> numbers,
                Fetch& fetch) {
  const FilePart part = part_of(layout, block);
  const Index width = part.end - part.begin;
  if (part.row == part.row_end || width == 0) return;
  const Index row_step = layout.transposed ? block.column_step() : block.row_step();
  const Index step = layout.transposed ? block.row_step() : block.column_step();
  T* const first = numbers.data() + (layout.transposed ? (part.row - block.column) * row_step
                                                       : (part.begin - block.column) * step);
  if (step == 1 && row_step == width && width == static_cast<Index>(layout.width()) &&
      layout.pairs == 0) {  // without gaps, here and in the file
    const Index place = layout.transposed ? layout.place(part.row) : part.row;
    return fetch(static_cast<std::size_t>(place * width),
                 std::span(first, static_cast<std::size_t>((part.row_end - part.row) * width)));
  }
  std::vector<T> tile(step == 1 ? 0 : static_cast<std::size_t>(tile_rows * width));
  for (Index row = part.row; row < part.row_end; row += tile_rows) {
    const Index rows = std::min(tile_rows, part.row_end - row);
    T* const place = first + (row - part.row) * row_step;
    for (Index i = 0; i < rows; ++i) {
      read_row<T>(layout, part, row + i,
                  step == 1 ? place + i * row_step : &tile[array_size(i * width)], fetch);
    }
    if (step == 1) continue;
    transpose<T>({tile.data(), rows, width}, {place, width, rows, step});
  }
}

// --- To a file ----------------------------------------------------------------------------------

/// Calls emit(first, numbers) for all numbers of a tensor in the file's order, whole rows of the
/// file at a time; `first`: the number of the tensor's numbers before them.
template <Scalar T, typename Emit>
void for_each_row(const TensorLayout& layout, const WeightSource<T>& weights, Emit emit) {
  const Index all = static_cast<Index>(layout.rows()), width = static_cast<Index>(layout.width());
  const bool heads = layout.transposed && layout.pairs != 0;
  const Index unit = heads ? layout.pairs : layout.transposed ? tile_rows : 1;
  const Index room = weights.in_memory() && layout.transposed
                         ? 1  // copied, as the order changes
                         : block_numbers<T> / std::max<Index>(1, width * unit);
  const Index most = std::max<Index>(1, room) * unit;
  std::vector<T> buffer, permuted(layout.pairs == 0 || heads ? 0 : layout.width());
  for (Index row = 0; row < all; row += most) {
    const Index rows = std::min(most, all - row);
    const ParameterBlock block =
        layout.transposed
            ? ParameterBlock(*layout.parameter, 0, width, layout.first + row, rows, true)
            : ParameterBlock(*layout.parameter, row, rows, layout.first, width);
    const MatrixView<const T> view = weights.view(block, buffer);
    if (layout.pairs == 0 && view.stride == width) {
      emit(static_cast<std::size_t>(row * width), std::span(view.data, block.count()));
      continue;
    }
    for (Index i = 0; i < rows; ++i) {
      const T* from = view.row(heads ? layout.column(row + i) - block.column : i);
      for (std::size_t j = 0; j < permuted.size(); ++j) {
        permuted[j] = from[layout.column(static_cast<Index>(j)) - layout.first];
      }
      if (!permuted.empty()) from = permuted.data();
      emit(static_cast<std::size_t>((row + i) * width), std::span(from, layout.width()));
    }
  }
}

}  // namespace OCTAVO_NAMESPACE::detail
