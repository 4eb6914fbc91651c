// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/files/append_log.hpp>
#include <octavo/files/byte_source.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

inline constexpr std::string_view sample_columns = "step\ttext";

/// A text as a table cell: with \\ \n \t, and \xNN for other control bytes and bytes that are not
/// UTF-8.
inline void append_cell(std::string& line, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte == '\\' || byte == '\n' || byte == '\t') {
      line.append("\\").push_back(byte == '\n' ? 'n' : byte == '\t' ? 't' : '\\');
    } else if (length == 0 || byte < 0x20 || byte == 0x7F) {
      line.append("\\x").push_back(digits[byte >> 4]);
      line.push_back(digits[byte & 15]);
    } else {
      line += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

/// The text of a cell, the inverse of append_cell(); other escapes stay unchanged.
inline std::string text_of_cell(std::string_view cell) {
  std::string text;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const char next = cell[i] == '\\' && i + 1 < cell.size() ? cell[i + 1] : '\0';
    unsigned byte = 0;
    if (next == '\\' || next == 'n' || next == 't') {
      text += next == 'n' ? '\n' : next == 't' ? '\t' : '\\';
      ++i;
    } else if (next == 'x' && i + 3 < cell.size() &&
               std::from_chars(cell.data() + i + 2, cell.data() + i + 4, byte, 16).ptr ==
                   cell.data() + i + 4) {
      text += static_cast<char>(byte);
      i += 3;
    } else {
      text += cell[i];
    }
  }
  return text;
}

/// The step of a row, and the text after the tab.
inline std::optional<std::pair<Index, std::string_view>> sample_row(std::string_view line) {
  Index step = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), step);
  const auto digits = static_cast<std::size_t>(end - line.data());
  if (error != std::errc{} || step < 0 || digits == line.size() || *end != '\t') {
    return std::nullopt;
  }
  return std::pair(step, line.substr(digits + 1));
}

}  // namespace detail

/// The samples of a run as a table, "samples.tsv", with the columns step and text. In the text,
/// `\\`, `\n`, `\t` and `\xNN` stand for characters that a cell cannot have.
class SamplesFile {
 public:
  /// Longer samples are cut.
  static constexpr std::size_t most_bytes = 8192;

  /// Continues the file after its rows of steps up to `done`; later and damaged rows are removed.
  /// FormatError if the file is another table.
  SamplesFile(const std::string& path, Index done, FileSystem& files = real_file_system())
      : log_(
            path,
            [&](std::string_view line, std::string_view next) {
              return keep(line, next, path, done);
            },
            files) {
    if (!has_columns_) log_.append(std::string(detail::sample_columns).append("\n"));
    log_.flush();
  }

  /// The number of damaged rows that were removed.
  Index damaged_rows() const noexcept { return damaged_; }

  /// Adds the sample after `step` steps, unless the file already has it.
  void add(Index step, std::string_view text) {
    if (step <= last_) return;
    last_ = step;
    std::string line = std::to_string(step).append("\t");
    detail::append_cell(line, utf8_beginning(text, most_bytes));
    log_.append(line.append("\n"));
    log_.flush();
  }

 private:
  bool keep(std::string_view line, std::string_view next, const std::string& path, Index done) {
    if (!has_columns_) {
      has_columns_ = true;
      if (line == detail::sample_columns) return true;
      throw FormatError(
          detail::concat({printable(path), ": got a first line of ", printable(line, 40),
                          ", expected the columns step and text"}),
          "move that file away");
    }
    const auto row = detail::sample_row(line), after = detail::sample_row(next);
    const bool too_far = row && after && after->first > last_ && after->first <= row->first;
    if (!row || row->first <= last_ || too_far) {
      ++damaged_;
      return false;
    }
    if (row->first > done) return false;
    last_ = row->first;
    return true;
  }

  bool has_columns_ = false;
  Index last_ = -1;
  Index damaged_ = 0;
  AppendLog log_;  // last, because reading it fills the other members
};

/// Calls body(step, text) for every sample of a file.
template <typename Body>
void for_each_sample(const ByteSource& source, Body body) {
  bool first = true;
  for_each_line(source, [&](std::string_view line) {
    if (std::exchange(first, false)) return true;
    if (const auto row = detail::sample_row(line)) {
      body(row->first, detail::text_of_cell(row->second));
    }
    return true;
  });
}

}  // namespace OCTAVO_NAMESPACE
