// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/report/diagnosis.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/terminal_text.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// A small picture of a run's losses in character cells. A cell has 2 x 4 dots (braille) if the
/// terminal has Unicode, otherwise one.
class LossCurve {
 public:
  static constexpr Index most_cells = 120;

  LossCurve(const RunHistory& history, const ReferenceLosses& lines, const TerminalStyle& style,
            Index height)
      : history_(history),
        lines_(lines),
        style_(style),
        height_(height),
        cells_(std::clamp<Index>(style.width - 1 - label_columns, 0, most_cells)),
        across_(style.unicode ? 2 : 1),
        down_(style.unicode ? 4 : 1) {
    heights_.fill(std::nan(""));
    marks_.fill(-1);
    take_range();
    if ((shown(lines_.unigram) || shown(lines_.bigram)) && cells_ >= 6 * name_columns) {
      names_ = name_columns;
      cells_ -= names_;
    }
    for (const HistoryPoint& point : history.points()) place_point(point);
    for (const EvaluationPoint& point : history.evaluations()) {
      const Index cell = dot_column(point.step) / across_;
      marks_[static_cast<std::size_t>(cell)] = dot_row(point.validation_loss) / down_;
    }
  }

  bool worth_drawing() const { return cells_ >= 16 && history_.points().size() >= 2; }

  /// Row 0 is the top.
  TerminalText row(Index row) const {
    TerminalText line(style_);
    const bool labelled = row == 0 || row + 1 == height_;
    const FormattedNumber label =
        labelled ? short_loss(row == 0 ? high_ : low_) : FormattedNumber();
    line.fill(" ", label_columns - 2 - label.size(), Ink::quiet);
    line.add(label, Ink::quiet);
    line.add(style_.unicode ? " │" : " |", Ink::quiet);
    const std::string_view name = name_of_line(row);
    // Names have their own columns if there is room; otherwise they are drawn over the curve.
    const Index written = names_ > 0 ? 0 : static_cast<Index>(name.size());
    for (Index cell = 0; cell < cells_ - written; ++cell) {
      if (marks_[static_cast<std::size_t>(cell)] == row) {
        line.add(style_.unicode ? "●" : "o", Ink::validation);
      } else if (!add_dots(line, row, cell)) {
        line.add(name.empty() ? " " : style_.unicode ? "┄" : ".", Ink::quiet);
      }
    }
    line.add(name, Ink::quiet);
    if (names_ > 0) line.fill(" ", names_ - static_cast<Index>(name.size()), Ink::quiet);
    line.end();
    return line;
  }

  TerminalText axis() const {
    TerminalText line(style_);
    line.fill(" ", label_columns - 1, Ink::quiet);
    line.add(style_.unicode ? "└" : "+", Ink::quiet);
    const FormattedNumber end(" step %td", history_.steps_done());
    line.fill(style_.unicode ? "─" : "-", cells_ - end.size(), Ink::quiet);
    line.add(end, Ink::quiet);
    line.fill(" ", names_, Ink::quiet);
    line.end();
    return line;
  }

 private:
  static constexpr Index label_columns = 9;
  static constexpr Index name_columns = 8;  // " unigram"

  void take_range() {
    for (const HistoryPoint& point : history_.points()) include(point.loss);
    for (const EvaluationPoint& point : history_.evaluations()) include(point.validation_loss);
    if (!(high_ > low_)) high_ = low_ + 1e-3;
  }

  void include(double loss) {
    if (!std::isfinite(loss)) return;
    low_ = std::min(low_, loss);
    high_ = std::max(high_, loss);
  }

  Index dot_column(Index step) const {
    const double share = static_cast<double>(step - 1) /
                         static_cast<double>(std::max<Index>(history_.steps_done(), 1));
    const Index dots = std::max<Index>(cells_ * across_, 1);
    return std::clamp<Index>(static_cast<Index>(share * static_cast<double>(dots)), 0, dots - 1);
  }

  Index dot_row(double loss) const {
    const double share = (high_ - loss) / (high_ - low_);
    const Index dots = height_ * down_;
    return std::clamp<Index>(static_cast<Index>(share * static_cast<double>(dots)), 0, dots - 1);
  }

  /// Points in one column of dots are averaged; columns between points are interpolated linearly.
  void place_point(const HistoryPoint& point) {
    const Index column = dot_column(point.step);
    double& height = heights_[static_cast<std::size_t>(column)];
    height = std::isnan(height) ? point.loss : (height + point.loss) / 2;
    for (Index between = last_column_ + 1; last_column_ >= 0 && between < column; ++between) {
      const double share =
          static_cast<double>(between - last_column_) / static_cast<double>(column - last_column_);
      const double before = heights_[static_cast<std::size_t>(last_column_)];
      heights_[static_cast<std::size_t>(between)] = before + (height - before) * share;
    }
    last_column_ = column;
  }

  /// Whether there is a dot at (row, column): a column extends up or down to its left neighbour.
  bool is_dot(Index row, Index column) const {
    const double here = heights_[static_cast<std::size_t>(column)];
    if (std::isnan(here)) return false;
    Index first = dot_row(here), last = first;
    const double left = column > 0 ? heights_[static_cast<std::size_t>(column - 1)] : here;
    if (!std::isnan(left)) {
      const Index before = dot_row(left);
      if (before < first) first = before + 1;
      if (before > last) last = before - 1;
    }
    return row >= first && row <= last;
  }

  bool add_dots(TerminalText& line, Index row, Index cell) const {
    if (!style_.unicode) {
      if (is_dot(row, cell)) line.add("*", Ink::training);
      return is_dot(row, cell);
    }
    static constexpr std::array<unsigned, 8> bit = {0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80};
    unsigned dots = 0;
    for (Index i = 0; i < 8; ++i) {
      if (is_dot(row * 4 + i / 2, cell * 2 + i % 2)) dots |= bit[static_cast<std::size_t>(i)];
    }
    if (dots == 0) return false;
    // U+2800 plus the dots, in UTF-8.
    const std::array<char, 3> braille = {'\xE2', static_cast<char>(0xA0 + (dots >> 6)),
                                         static_cast<char>(0x80 + (dots & 0x3F))};
    line.add({braille.data(), braille.size()}, Ink::training);
    return true;
  }

  bool shown(const std::optional<double>& loss) const {
    return loss && *loss > low_ && *loss < high_;
  }

  /// The reference line that runs through this row of cells, if any.
  std::string_view name_of_line(Index row) const {
    const auto here = [&](const std::optional<double>& loss) {
      return shown(loss) && dot_row(*loss) / down_ == row;
    };
    return here(lines_.bigram) ? " bigram" : here(lines_.unigram) ? " unigram" : "";
  }

  const RunHistory& history_;
  ReferenceLosses lines_;
  TerminalStyle style_;
  Index height_;
  Index cells_;
  Index names_ = 0;  ///< columns for the names of lines, right of the cells
  Index across_;
  Index down_;
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
  Index last_column_ = -1;  ///< last column with a point so far
  std::array<double, static_cast<std::size_t>(2 * most_cells)> heights_;
  std::array<Index, static_cast<std::size_t>(most_cells)> marks_;
};

}  // namespace detail

/// Draws the loss so far as `height` lines and an axis: training as a line, validation as dots, and
/// the text's entropies. Calls write(string_view) for every line, without a line feed; makes no
/// call if there is no room or nothing to draw. No heap call.
template <typename Write>
void draw_loss_curve(const RunHistory& history, const ReferenceLosses& lines,
                     const TerminalStyle& style, Index height, Write write) {
  const detail::LossCurve curve(history, lines, style, height);
  if (!curve.worth_drawing()) return;
  for (Index row = 0; row < height; ++row) write(curve.row(row).view());
  write(curve.axis().view());
}

}  // namespace OCTAVO_NAMESPACE
