// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/append_log.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/samples_file.hpp>

// What a model answered to held-out rows before its run, "answers.tsv" in the folder of the run, so
// that a resumed run shows it too.
namespace OCTAVO_NAMESPACE {

namespace detail {

inline constexpr std::string_view answer_columns = "prompt\tanswer";

}  // namespace detail

/// Writes a table with the columns prompt and answer, of each row its `prompt` and `after`, with
/// the escapes of SamplesFile. Error if it cannot be written.
inline void save_answers(const std::string& path, std::span<const AnsweredExample> answered,
                         FileSystem& files = real_file_system()) {
  AtomicFile file(path, files);
  std::string text = detail::concat({detail::answer_columns, "\n"});
  for (const AnsweredExample& one : answered) {
    detail::append_cell(text, one.prompt);
    text += '\t';
    detail::append_cell(text, one.after);
    text += '\n';
  }
  file.write(text);
  file.commit();
}

/// The rows of such a table, in `prompt` and `after`. FormatError if it is another one.
inline std::vector<AnsweredExample> read_answers(const ByteSource& source) {
  std::vector<AnsweredExample> answered;
  bool first = true;
  for_each_line(source, [&](std::string_view line) {
    const std::size_t tab = line.find('\t');
    const bool right =
        std::exchange(first, false) ? line == detail::answer_columns : tab != line.npos;
    if (!right) {
      throw FormatError(
          detail::concat({printable(source.name()), ": got a line of ", printable(line, 40),
                          ", expected the columns prompt and answer"}));
    }
    answered.push_back({detail::text_of_cell(line.substr(0, tab)),
                        {},
                        {},
                        detail::text_of_cell(line.substr(tab + 1))});
    return true;
  });
  if (!answered.empty()) answered.erase(answered.begin());  // the columns
  return answered;
}

/// Shows the answers `before` the run beside those of the same prompts after it.
inline void add_answers_before(std::span<AnsweredExample> answered,
                               std::span<const AnsweredExample> before) {
  for (AnsweredExample& one : answered) {
    for (const AnsweredExample& earlier : before) {
      if (earlier.prompt == one.prompt) one.before = earlier.after;
    }
  }
}

}  // namespace OCTAVO_NAMESPACE
