// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE {

/// Determines which numbers one dropout site drops in one step: a pure function of seed, step, site
/// and position, so that backward draws the same numbers as forward and no mask is stored.
struct DropoutDraw {
  CounterRandom random;
  std::uint64_t site = 0;  ///< one per dropout of the model
  double rate = 0;         ///< probability that a number is dropped, 0 <= rate < 1
};

/// Inverted dropout (Srivastava et al. 2014) in place: y = keep ? y / (1 - rate) : 0. The gradient
/// is the same function of the gradient, so backward calls this as well. `first_row`: the index of
/// the first row within the step, so that micro-batches do not change the result.  y [rows, width].
template <Scalar T>
void dropout(const Worker& worker, const DropoutDraw& draw, Index first_row, MatrixView<T> y) {
  OCTAVO_ASSERT(draw.rate >= 0 && draw.rate < 1);
  const T factor = static_cast<T>(1.0 / (1.0 - draw.rate));
  const double threshold = draw.rate * 4294967296.0;
  const Range rows = worker.split(y.rows);
  const auto blocks_per_row = static_cast<std::uint64_t>((y.columns + 3) / 4);
  for (Index i = rows.begin; i < rows.end; ++i) {
    const auto row = static_cast<std::uint64_t>(first_row + i);
    for (Index j = 0; j < y.columns; j += 4) {
      const std::uint64_t block = row * blocks_per_row + static_cast<std::uint64_t>(j / 4);
      const std::array<std::uint32_t, 4> words = draw.random.block((draw.site << 48) + block);
      for (Index lane = 0; lane < 4 && j + lane < y.columns; ++lane) {
        const bool keep = static_cast<double>(words[static_cast<std::size_t>(lane)]) >= threshold;
        y(i, j + lane) = keep ? y(i, j + lane) * factor : T{0};
      }
    }
  }
}

}  // namespace OCTAVO_NAMESPACE
