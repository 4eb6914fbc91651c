// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// Where each row of a pass stands: in its sequence or, where sequences are packed with documents
/// one after the other, in its document. What a row sees begins at position 0.
struct RowPositions {
  Index sequence = 1;  ///< rows of each sequence
  /// [rows], 0 for the first row of a document, from one row to the next 1 more; each sequence
  /// begins with 0. Null: sequences are not divided.
  const std::int32_t* in_document = nullptr;

  constexpr RowPositions(Index rows_of_sequence, const std::int32_t* positions = nullptr) noexcept
      : sequence(rows_of_sequence), in_document(positions) {}

  constexpr Index operator[](Index row) const noexcept {
    return in_document == nullptr ? row % sequence : in_document[row];
  }
  /// Whether the row `distance` rows after this one, of `rows` in all, belongs to the same
  /// document.
  constexpr bool reaches(Index row, Index distance, Index rows) const noexcept {
    if (in_document == nullptr) return row % sequence + distance < sequence;
    return row + distance < rows &&
           in_document[row + distance] == in_document[row] + static_cast<std::int32_t>(distance);
  }
};

}  // namespace OCTAVO_NAMESPACE
