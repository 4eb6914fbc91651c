// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

/// Some rows and columns of a parameter [rows, columns]; a vector is one row. Its numbers are in
/// memory as [rows, columns] or, by columns, as [columns, rows], the order of files with matrices
/// [outputs, inputs].
struct ParameterBlock {
  const Parameter* parameter;  ///< must outlive the block
  Index row = 0;               ///< the first one
  Index rows = 0;
  Index column = 0;  ///< the first one
  Index columns = 0;
  bool by_columns = false;

  /// The whole parameter.
  ParameterBlock(const Parameter& all) noexcept
      : ParameterBlock(all, 0, rows_of(all), 0, all.columns) {}

  ParameterBlock(const Parameter& of, Index first_row, Index row_count, Index first_column,
                 Index column_count, bool by_columns_ = false) noexcept
      : parameter(&of),
        row(first_row),
        rows(row_count),
        column(first_column),
        columns(column_count),
        by_columns(by_columns_) {
    OCTAVO_ASSERT(row >= 0 && rows >= 0 && row + rows <= rows_of(of));
    OCTAVO_ASSERT(column >= 0 && columns >= 0 && column + columns <= of.columns);
  }

  /// Numbers in the block.
  std::size_t count() const noexcept { return static_cast<std::size_t>(rows * columns); }

  /// Number (i, j) of the block, counted from its first row and column, is the number
  /// i * row_step() + j * column_step() in memory.
  Index row_step() const noexcept { return by_columns ? 1 : columns; }
  Index column_step() const noexcept { return by_columns ? rows : 1; }

  /// Rows of a parameter; a vector is one row.
  static Index rows_of(const Parameter& parameter) noexcept {
    return std::max<Index>(1, parameter.rows);
  }
};

namespace detail {

/// ConfigError unless the block is of a parameter of this model and has `numbers` numbers.
inline void check_block(const ParameterBlock& block, const ParameterList& parameters,
                        std::size_t numbers) {
  const Parameter& parameter = *block.parameter;
  const auto index = static_cast<std::size_t>(parameter.index);
  require(index < parameters.size() && parameters[index].name == parameter.name &&
              parameters[index].rows == parameter.rows &&
              parameters[index].columns == parameter.columns,
          [&] {
            return concat({printable(parameter.name), " is a parameter of another model"});
          });
  require_equal("numbers in the block", static_cast<Index>(numbers),
                static_cast<Index>(block.count()));
}

}  // namespace detail

}  // namespace OCTAVO_NAMESPACE
