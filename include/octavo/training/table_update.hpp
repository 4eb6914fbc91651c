// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

/// Rows of a table as a tensor of its own, without a name.
inline Parameter rows_of(const Parameter& table, Range rows) {
  const Index before = rows.begin * table.columns;
  Parameter part;
  part.rows = rows.size(), part.columns = table.columns;
  part.offset = table.offset + before;
  part.number = table.number + before;
  part.outside = table.outside;
  part.initial = table.initial;
  part.decays = table.decays;
  part.learning_rate_factor = table.learning_rate_factor;
  part.index = table.index, part.block = table.block;
  part.gradient_offset = table.gradient_offset + before;
  part.gradient_index = table.gradient_index;
  part.outside_maps = table.outside_maps + before;
  return part;
}

/// Updates a table whose gradient [table.rows, table.columns] is never whole in memory, `rows` rows
/// at a time; `rows` table.columns is a multiple of the norm's chunks (see table_rows).
/// gradient_of(rows) computes a block of the gradient, the same whenever it is called;
/// update(part, gradient, norm) updates these rows; both are called by all workers. With `clips`
/// the blocks are computed once more, because the norm is needed before the first update. Returns
/// global_norm of the whole gradient with its bits; if it is not finite, the block that is not, and
/// all after it, or with `clips` all of them, are not updated.
template <Scalar T, typename GradientOf, typename Update>
double update_table(const Worker& worker, const Parameter& table, Index rows, bool clips,
                    std::span<double> partials, GradientOf gradient_of, Update update) {
  const Index count = table.count();
  partials = partials.first(static_cast<std::size_t>(global_norm_partials(count)));
  const auto for_each_block = [&](auto visit) {
    for (Index first = 0; first < table.rows; first += rows) {
      if (!visit(Range{first, std::min(first + rows, table.rows)})) return;
    }
  };
  // The sum of squares of a block.
  const auto sum_block = [&](Range block, std::span<const T> gradient) {
    const Index first = block.begin * table.columns;
    const Range chunks{global_norm_partials(first),
                       global_norm_partials(block.end * table.columns)};
    sum_norm_chunks<T>(worker, {&table, 1}, gradient, first, count, chunks, partials);
    worker.barrier();
    double sum = 0;
    for (Index chunk = chunks.begin; chunk < chunks.end; ++chunk) {
      sum += partials[static_cast<std::size_t>(chunk)];
    }
    return sum;
  };
  const auto norm_of_all = [&] {
    double total = 0;
    for (const double partial : partials) total += partial;
    worker.barrier();
    return std::sqrt(total);
  };
  double norm = 0;
  const auto update_block = [&](Range block, std::span<const T> gradient) {
    update(rows_of(table, block), gradient, norm);
    worker.barrier();
  };
  bool finite = true;
  for_each_block([&](Range block) {
    const std::span<const T> gradient = gradient_of(block);
    finite = std::isfinite(sum_block(block, gradient)) && finite;
    if (!clips && finite) update_block(block, gradient);
    return clips || finite;
  });
  if (!finite && !clips) {
    worker.barrier();
    return std::numeric_limits<double>::infinity();
  }
  norm = norm_of_all();
  if (!clips || !std::isfinite(norm)) return norm;
  for_each_block([&](Range block) {
    update_block(block, gradient_of(block));
    return true;
  });
  return norm;
}

}  // namespace OCTAVO_NAMESPACE
