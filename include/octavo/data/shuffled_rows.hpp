// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/numeric/random.hpp>

namespace OCTAVO_NAMESPACE {

/// Rows in random order, each once in an epoch, in another order in the next: the row of a draw is
/// a pure function of (seed, draw), so that nothing is shuffled or stored. A Feistel network
/// permutes the numbers below a power of four; numbers that are not rows are permuted again.
class ShuffledRows {
 public:
  /// ConfigError without rows.
  ShuffledRows(Index rows, std::uint64_t seed)
      : rows_((require(rows > 0, "shuffled rows: expected a row or more"), rows)), seed_(seed) {
    while ((Index{1} << (2 * half_)) < rows) ++half_;
  }

  Index rows() const noexcept { return rows_; }

  /// The row of the run's `draw`, counted from 0 over all steps.
  Index operator()(Index draw) const noexcept {
    const auto number = static_cast<std::uint64_t>(draw);
    const auto rows = static_cast<std::uint64_t>(rows_);
    const CounterRandom random(seed_, RandomStream::batches, number / rows);
    std::uint64_t at = number % rows;
    do {
      at = permuted(at, random);
    } while (at >= rows);
    return static_cast<Index>(at);
  }

 private:
  std::uint64_t permuted(std::uint64_t at, const CounterRandom& random) const noexcept {
    const std::uint64_t mask = (std::uint64_t{1} << half_) - 1;
    std::uint64_t left = at >> half_, right = at & mask;
    for (std::uint64_t round = 0; round < 4; ++round) {
      const std::uint64_t next = left ^ (random.bits((round << half_) + right) & mask);
      left = right;
      right = next;
    }
    return (left << half_) | right;
  }

  Index rows_;
  std::uint64_t seed_;
  int half_ = 1;  ///< bits of half a number
};

}  // namespace OCTAVO_NAMESPACE
