// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/labelled_tokens.hpp>

namespace OCTAVO_NAMESPACE {

/// What happens to a document that is longer than a row: its end is lost, or it becomes several.
enum class LongDocument { cut, split };

/// What packing did.
struct PackingCounts {
  Index documents = 0;  ///< that were added
  Index rows = 0;       ///< that were returned
  Index cut = 0;        ///< documents whose end was lost
  Index split = 0;      ///< documents that became several
  Index empty = 0;      ///< documents, or pieces, without a target that counts, which are left out
  Index padding = 0;    ///< positions that no document fills
};

/// A row of a batch: documents one after the other, and padding, whose targets are ignored.
struct PackedRow {
  LabelledTokens tokens;      ///< [sequence]
  std::vector<Index> starts;  ///< where each document begins; the first is 0
};

/// Puts documents into rows of one length: each goes into the open row in which it leaves the least
/// room (best fit), the oldest of equals. No more than `most_open` rows are open, so that memory is
/// bounded; the fullest one is returned when another is needed. The target of a document's last
/// input is its own last token: no document is a target of the one before it. Equal documents in
/// equal order give equal rows.
class PackedRows {
 public:
  explicit PackedRows(Index sequence, LongDocument long_documents = LongDocument::cut,
                      Index most_open = 64)
      : sequence_(sequence), most_open_(most_open), long_documents_(long_documents) {
    require(sequence >= 1 && most_open >= 1, "PackedRows: expected a length and rows, 1 or more");
  }

  const PackingCounts& counts() const noexcept { return counts_; }

  void add(const LabelledTokens& document) {
    require(document.inputs.size() == document.targets.size(),
            "PackedRows: expected as many targets as inputs");
    ++counts_.documents;
    if (document.length() <= sequence_) return place(document);
    if (long_documents_ == LongDocument::cut) {
      ++counts_.cut;
      return place(piece_of(document, 0));
    }
    ++counts_.split;
    for (Index first = 0; first < document.length(); first += sequence_) {
      place(piece_of(document, first));
    }
  }

  /// A row that is complete, or, after the last document, one of those left; nothing if there is
  /// none. Call it after each add().
  std::optional<PackedRow> next(bool after_last = false) {
    if (done_.empty() && after_last && !open_.empty()) close(0);
    if (done_.empty()) return std::nullopt;
    PackedRow row = std::move(done_.front());
    done_.pop_front();
    ++counts_.rows;
    return row;
  }

 private:
  LabelledTokens piece_of(const LabelledTokens& document, Index first) const {
    const auto part = [&](const std::vector<Token>& all) {
      const Index count = std::min(sequence_, document.length() - first);
      return std::vector<Token>(all.begin() + first, all.begin() + first + count);
    };
    return {part(document.inputs), part(document.targets)};
  }

  Index room(const PackedRow& row) const noexcept { return sequence_ - row.tokens.length(); }

  void place(const LabelledTokens& document) {
    if (document.counted() == 0) {
      ++counts_.empty;
      return;
    }
    PackedRow* best = nullptr;
    for (PackedRow& row : open_) {
      const bool fits = room(row) >= document.length();
      if (fits && (best == nullptr || room(row) < room(*best))) best = &row;
    }
    if (best == nullptr) {
      if (std::ssize(open_) == most_open_) close_fullest();
      best = &open_.emplace_back();
    }
    best->starts.push_back(best->tokens.length());
    const auto append = [](std::vector<Token>& to, const std::vector<Token>& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(best->tokens.inputs, document.inputs);
    append(best->tokens.targets, document.targets);
    if (room(*best) == 0) close(static_cast<std::size_t>(best - open_.data()));
  }

  void close_fullest() {
    const auto fuller = [this](const PackedRow& a, const PackedRow& b) {
      return room(a) < room(b);
    };
    close(static_cast<std::size_t>(std::min_element(open_.begin(), open_.end(), fuller) -
                                   open_.begin()));
  }

  void close(std::size_t i) {
    PackedRow row = std::move(open_[i]);
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
    counts_.padding += room(row);
    row.tokens.inputs.resize(static_cast<std::size_t>(sequence_), Token{0});
    row.tokens.targets.resize(static_cast<std::size_t>(sequence_), ignored_target);
    done_.push_back(std::move(row));
  }

  Index sequence_, most_open_;
  LongDocument long_documents_;
  std::vector<PackedRow> open_;  ///< in the order in which they were opened
  std::deque<PackedRow> done_;
  PackingCounts counts_;
};

}  // namespace OCTAVO_NAMESPACE
