// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/report/terminal_text.hpp>

namespace OCTAVO_NAMESPACE {

/// The progress of a run at one moment.
struct RunProgress {
  Index step = 0;                                                     ///< done
  Index steps = 0;                                                    ///< in all
  double loss = 0;                                                    ///< smoothed
  double validation_loss = std::numeric_limits<double>::quiet_NaN();  ///< the last; NaN: none yet
  double tokens_per_second = 0;
  double seconds_left = 0;
  double memory_bytes = 0;  ///< resident; 0: not known
  /// Bits per character of the validation loss, or of the loss if there is none; NaN: unknown.
  double bits_per_character = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

/// The parts of the line; the last parts are left out first.
class ProgressFields {
 public:
  struct Field {
    int place;  ///< from the left
    std::string_view label;
    FormattedNumber value;
    std::string_view unit;
    Ink ink;

    Index columns() const { return static_cast<Index>(label.size() + unit.size()) + value.size(); }
  };

  explicit ProgressFields(const RunProgress& run) {
    add({0, "", FormattedNumber("%3d%%", static_cast<int>(100 * share_done(run))), "",
         Ink::strong});
    add({3, "  loss ", short_loss(run.loss), "", Ink::training});
    add({7, "  ", clock_time(run.seconds_left), " left", Ink::plain});
    add({2, "  ", FormattedNumber("%td/%td", run.step, run.steps), "", Ink::plain});
    if (!std::isnan(run.validation_loss)) {
      add({4, "  val ", short_loss(run.validation_loss), "", Ink::validation});
    }
    add({6, "  ", short_count(run.tokens_per_second), " tok/s", Ink::plain});
    if (run.memory_bytes > 0) add({8, "  ", short_bytes(run.memory_bytes), "", Ink::plain});
    if (!std::isnan(run.bits_per_character)) {
      add({5, "  ", short_loss(run.bits_per_character), " bits/char", Ink::plain});
    }
  }

  static double share_done(const RunProgress& run) {
    return static_cast<double>(run.step) / static_cast<double>(std::max<Index>(run.steps, 1));
  }

  /// Leaves out parts that do not fit, and returns the columns that remain.
  Index fit(Index width) {
    std::size_t fitting = 0;
    for (; fitting < count_ && fields_[fitting].columns() <= width; ++fitting) {
      width -= fields_[fitting].columns();
    }
    count_ = fitting;
    return width;
  }

  void write_place(TerminalText& line, int place) const {
    for (std::size_t i = 0; i < count_; ++i) {
      const Field& field = fields_[i];
      if (field.place != place) continue;
      line.add(field.label, Ink::quiet);
      line.add(field.value, field.ink);
      line.add(field.unit, Ink::quiet);
    }
  }

 private:
  void add(const Field& field) { fields_[count_++] = field; }

  std::array<Field, 8> fields_;
  std::size_t count_ = 0;
};

/// A bar of `cells` columns, with Unicode in eighths of a column.
inline void add_bar(TerminalText& line, double share, Index cells) {
  static constexpr std::array<std::string_view, 8> eighths = {"",  "▏", "▎", "▍",
                                                              "▌", "▋", "▊", "▉"};
  const bool unicode = line.style().unicode;
  const auto filled = static_cast<Index>(share * static_cast<double>(cells) * 8);
  line.fill(unicode ? "█" : "#", filled / 8, Ink::training);
  const std::string_view part = unicode ? eighths[static_cast<std::size_t>(filled % 8)] : "";
  if (!part.empty()) line.add(part, Ink::training);
  const Index empty = cells - filled / 8 - (part.empty() ? 0 : 1);
  line.fill(unicode ? "░" : "-", empty, Ink::quiet);
}

}  // namespace detail

/// The live line of a run: as much as fits into `style.width` - 1 columns (a terminal may wrap at
/// the last column). A bar fills the rest, if there is enough room. No heap call.
inline TerminalText progress_line(const RunProgress& run, const TerminalStyle& style) {
  TerminalText line(style);
  detail::ProgressFields fields(run);
  const Index rest = fields.fit(std::max<Index>(style.width - 1, 0)) - 1;
  fields.write_place(line, 0);
  if (rest >= 5) {
    line.add(" ");
    detail::add_bar(line, fields.share_done(run), std::min<Index>(rest, 30));
  }
  for (int place = 2; place < 9; ++place) fields.write_place(line, place);
  line.end();
  return line;
}

}  // namespace OCTAVO_NAMESPACE
