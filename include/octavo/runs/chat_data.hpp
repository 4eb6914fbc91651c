// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/data/labelled_tokens.hpp>
#include <octavo/formats/json_lines.hpp>
#include <octavo/runs/chat_documents.hpp>
#include <octavo/runs/chat_rows.hpp>

namespace OCTAVO_NAMESPACE {

/// The documents of a file for fine-tuning (JSONL), one for each row, read one after the other: the
/// memory is that of the longest row.
class ChatData {
 public:
  /// `source` and `documents` must outlive this object. Up to `skip_bad` bad rows are skipped, each
  /// with a call of `skipped`.
  ChatData(const ByteSource& source, const ChatDocuments& documents, Index skip_bad = 0,
           std::function<void(const Error&)> skipped = {})
      : lines_(source), documents_(&documents), skip_bad_(skip_bad), skipped_(std::move(skipped)) {}

  Index rows() const noexcept { return rows_; }    ///< documents that were returned
  Index skipped() const noexcept { return bad_; }  ///< bad rows so far
  /// The number of the last document's line, from 1 on.
  Index line() const noexcept { return lines_.line(); }

  /// The next document; nothing at the end. DataError, with file and line, for a bad row that is
  /// not skipped, and for a file without a good one; error of code io if the file cannot be read.
  std::optional<LabelledTokens> next() {
    while (true) {
      try {
        const auto json = lines_.next();
        if (!json) break;
        LabelledTokens document = (*documents_)(chat_row_of(*json));
        ++rows_;
        return document;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::bad_data && error.code() != ErrorCode::usage) throw;
        skip(error);
      }
    }
    if (rows_ == 0) {
      throw DataError(detail::concat({printable(lines_.name()), " has no row to train on"}));
    }
    return std::nullopt;
  }

 private:
  void skip(const Error& error) {
    const DataError told(
        detail::concat({printable(lines_.name()), ", line ", lines_.line(), ": ", error.what()}),
        error.hint());
    if (bad_ == skip_bad_) throw told;
    ++bad_;
    if (skipped_) skipped_(told);
  }

  JsonLines lines_;
  const ChatDocuments* documents_;
  Index skip_bad_;
  std::function<void(const Error&)> skipped_;
  Index rows_ = 0;
  Index bad_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
