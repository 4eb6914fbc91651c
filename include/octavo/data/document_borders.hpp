// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// Where the documents of a text end: nowhere, after each line, at each occurrence of a marker, or
/// at given offsets. Empty documents do not count.
class DocumentBorders {
 public:
  static constexpr std::size_t longest_marker = 1024;

  /// No borders: the text is not divided into documents.
  DocumentBorders() = default;

  /// Each line is a document, without its line end ("\n" or "\r\n").
  static DocumentBorders lines();

  /// `marker` ends a document and belongs to no document. ConfigError unless it has 1 to 1024
  /// bytes.
  static DocumentBorders markers(std::string marker);

  /// A document ends before each of these byte offsets, given in increasing order; the last
  /// document ends with the text.
  static DocumentBorders places(std::vector<std::size_t> places);

  /// Whether the text is divided into documents.
  bool any() const noexcept { return by_place_ || !marker_.empty(); }

  /// A document's end within a part of a text.
  struct Border {
    std::size_t begin = 0;  ///< where the document's bytes end
    std::size_t end = 0;    ///< where the next document begins
  };

  /// The first complete border in `part`, which starts at byte `offset` of the text; nothing if
  /// there is none.
  std::optional<Border> first_in(std::string_view part, std::size_t offset) const noexcept;

  /// The number of bytes at the end of a part without a border that may be the start of a border.
  std::size_t held_back() const noexcept;

 private:
  std::string marker_;  ///< empty: no marker
  bool lines_ = false;
  std::vector<std::size_t> places_;
  bool by_place_ = false;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE DocumentBorders DocumentBorders::lines() {
  DocumentBorders borders = markers("\n");
  borders.lines_ = true;
  return borders;
}

OCTAVO_INLINE DocumentBorders DocumentBorders::markers(std::string marker) {
  require(!marker.empty() && marker.size() <= longest_marker, [&] {
    return detail::concat(
        {"documents: got a marker of ", marker.size(), " bytes, expected 1 to ", longest_marker});
  });
  DocumentBorders borders;
  borders.marker_ = std::move(marker);
  return borders;
}

OCTAVO_INLINE DocumentBorders DocumentBorders::places(std::vector<std::size_t> places) {
  DocumentBorders borders;
  borders.places_ = std::move(places);
  borders.by_place_ = true;
  return borders;
}

OCTAVO_INLINE std::optional<DocumentBorders::Border> DocumentBorders::first_in(
    std::string_view part, std::size_t offset) const noexcept {
  if (by_place_) {
    const auto next = std::upper_bound(places_.begin(), places_.end(), offset);
    if (next == places_.end() || *next - offset > part.size()) return std::nullopt;
    return Border{*next - offset, *next - offset};
  }
  if (marker_.empty()) return std::nullopt;
  const std::size_t at = part.find(marker_);
  if (at == part.npos) return std::nullopt;
  const bool carriage_return = lines_ && at > 0 && part[at - 1] == '\r';
  return Border{at - (carriage_return ? 1 : 0), at + marker_.size()};
}

OCTAVO_INLINE std::size_t DocumentBorders::held_back() const noexcept {
  return marker_.empty() ? 0 : marker_.size() - 1 + (lines_ ? 1 : 0);
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
