// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/packed_rows.hpp>
#include <octavo/data/token_store.hpp>

namespace OCTAVO_NAMESPACE {

/// Packed rows in memory, for training: inputs, targets and where documents begin, twice the bytes
/// of their tokens and eight for each document.
class PackedData {
 public:
  /// Rows of `sequence` positions with tokens below `vocabulary`.
  PackedData(Index vocabulary, Index sequence)
      : vocabulary_(vocabulary),
        sequence_((require(sequence > 0, "packed data: expected a length of rows"), sequence)),
        inputs_(vocabulary),
        targets_(vocabulary + 1) {}

  Index vocabulary() const noexcept { return vocabulary_; }
  Index sequence() const noexcept { return sequence_; }
  Index rows() const noexcept { return inputs_.view().size() / sequence_; }
  Index positions() const noexcept { return inputs_.view().size(); }
  /// The number of targets that count.
  Index counted() const noexcept { return counted_; }
  Index documents() const noexcept { return std::ssize(starts_); }
  bool empty() const noexcept { return starts_.empty(); }
  std::size_t bytes() const noexcept {
    return inputs_.bytes() + targets_.bytes() + starts_.size() * sizeof(Index);
  }

  /// DataError for a token outside the vocabulary; ConfigError for a row of another length.
  void add(const PackedRow& row) {
    require_equal("packed data: positions of a row", row.tokens.length(), sequence_);
    require_equal("packed data: targets of a row", std::ssize(row.tokens.targets), sequence_);
    const Index first = positions();
    for (const Index start : row.starts) starts_.push_back(first + start);
    for (const Token token : row.tokens.inputs) inputs_.push_back(token);
    for (const Token token : row.tokens.targets) targets_.push_back(token < 0 ? 0 : token + 1);
    counted_ += row.tokens.counted();
  }

  /// Copies a row: inputs, targets and positions within the document [sequence]; without
  /// `positions` only the former. Padding continues the last document.
  void copy(Index row, std::span<Token> inputs, std::span<Token> targets,
            std::span<std::int32_t> positions) const {
    OCTAVO_ASSERT(row >= 0 && row < rows());
    const Index first = row * sequence_;
    for (Index i = 0; i < sequence_; ++i) {
      const auto at = static_cast<std::size_t>(i);
      inputs[at] = inputs_.view()[first + i];
      targets[at] = targets_.view()[first + i] - 1;
    }
    if (positions.empty()) return;
    auto start = std::lower_bound(starts_.begin(), starts_.end(), first);
    Index begin = first;
    for (Index i = 0; i < sequence_; ++i) {
      if (start != starts_.end() && *start == first + i) begin = *start++;
      positions[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(first + i - begin);
    }
  }

 private:
  Index vocabulary_, sequence_;
  TokenStore inputs_;
  TokenStore targets_;         ///< each 1 more than the token; 0: ignored
  std::vector<Index> starts_;  ///< where documents begin, among all positions
  Index counted_ = 0;
};

/// Packed rows for training, and for validation, which may be none.
struct PackedSplit {
  PackedData train;
  PackedData validation;
};

}  // namespace OCTAVO_NAMESPACE
