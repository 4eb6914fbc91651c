// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/files/line_log.hpp>
#include <octavo/report/run_history.hpp>

namespace OCTAVO_NAMESPACE {

/// A run's numbers as a table: "metrics.csv". One row for every `every` steps, one at each
/// evaluation, and one where a run is saved, so that a run that goes on from there appends to it:
///
///     step               steps done
///     loss               mean over the steps since the row before, as are
///     learning_rate
///     gradient_norm      before clipping
///     tokens_per_second
///     seconds            of training since the run began
///     validation_loss    empty where there was no evaluation
///
/// Numbers are written so that reading gives the same bits; no locale changes them.
class MetricsFile {
 public:
  static constexpr std::string_view columns =
      "step,loss,learning_rate,gradient_norm,tokens_per_second,seconds,validation_loss";

  /// Goes on behind the rows of steps up to `done` that the file has, whose numbers `history` gets;
  /// later ones go. FormatError if it is a table of something else.
  MetricsFile(const std::string& path, Index every, Index tokens_per_step, Index done,
              RunHistory& history, FileSystem& files = real_file_system())
      : every_(every),
        tokens_per_step_(tokens_per_step),
        log_(
            path, [&](std::string_view line) { return keep(line, path, done, history); }, files) {
    require(every > 0, "metrics: expected a row for 1 step or more");
    if (!has_columns_) log_.append(std::string(columns).append("\n"));
    row_ = {};
  }

  /// Seconds of training that the rows tell of.
  double seconds() const noexcept { return seconds_; }

  /// After a step, told as a point of one.
  void step(const HistoryPoint& step) {
    if (row_.steps > 0) write_row();
    open_.merge(step);
    if (open_.steps >= every_) close_row();
  }

  /// After an evaluation at the last step.
  void evaluation(double validation_loss) {
    if (open_.steps > 0) close_row();
    validation_loss_ = validation_loss;
  }

  /// Brings all steps so far into the file.
  void flush() {
    if (open_.steps > 0) close_row();
    if (row_.steps > 0) write_row();
    log_.flush();
  }

 private:
  /// What a row is made of is kept until it is known whether an evaluation belongs to it.
  void close_row() {
    if (row_.steps > 0) write_row();
    row_ = open_;
    open_ = {};
  }

  void write_row() {
    seconds_ += row_.seconds;
    std::array<char, 256> text;
    char* end = text.data();
    const auto number = [&](auto... value) {
      end = std::to_chars(end, text.data() + text.size() - 1, value...).ptr;
      *end++ = ',';
    };
    number(row_.step);
    number(row_.loss);
    number(row_.learning_rate);
    number(row_.gradient_norm);
    number(tokens_per_second(row_, tokens_per_step_), std::chars_format::fixed, 0);
    number(seconds_, std::chars_format::fixed, 6);
    if (!std::isnan(validation_loss_)) number(validation_loss_), --end;
    *end++ = '\n';
    log_.append({text.data(), static_cast<std::size_t>(end - text.data())});
    row_ = {};
    validation_loss_ = std::numeric_limits<double>::quiet_NaN();
  }

  bool keep(std::string_view line, const std::string& path, Index done, RunHistory& history) {
    if (!has_columns_) {
      has_columns_ = true;
      if (line == columns) return true;
      throw FormatError(detail::concat({printable(path), ": got a first line of ",
                                        printable(line, 40), ", expected the columns ", columns}),
                        "move that file away");
    }
    std::array<double, 7> cells;
    cells.fill(std::numeric_limits<double>::quiet_NaN());
    if (!read_row(line, cells)) {
      throw FormatError(
          detail::concat({printable(path), ": got the row ", printable(line, 40),
                          ", expected seven numbers behind that of step ", row_.step}),
          "move that file away, or mend it");
    }
    const auto step = static_cast<Index>(cells[0]);
    if (step > done) return false;
    history.add(
        HistoryPoint{step, step - row_.step, cells[1], cells[2], cells[3], cells[5] - seconds_});
    if (!std::isnan(cells[6])) {
      history.add(EvaluationPoint{step, history.recent_loss(), cells[6]});
    }
    row_.step = step;
    seconds_ = cells[5];
    return true;
  }

  /// Whether the line is a row that may stand behind the one before. Only the last cell may be
  /// empty.
  bool read_row(std::string_view line, std::array<double, 7>& cells) const {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const bool last = i + 1 == cells.size();
      const std::size_t comma = last ? line.size() : line.find(',');
      if (comma == line.npos) return false;
      const std::string_view cell = line.substr(0, comma);
      const bool whole = parse_whole(cell, cells[i]);
      if (!whole && !(last && cell.empty())) return false;
      if (whole && !std::isfinite(cells[i])) return false;
      line.remove_prefix(last ? comma : comma + 1);
    }
    const double before = static_cast<double>(row_.step);
    return cells[0] > before && cells[0] < 0x1p53 && cells[0] == std::floor(cells[0]) &&
           cells[5] >= seconds_;
  }

  Index every_;
  Index tokens_per_step_;
  bool has_columns_ = false;
  double seconds_ = 0;
  HistoryPoint open_;  ///< the steps since the last row
  HistoryPoint row_;   ///< a row that is complete but for its evaluation
  double validation_loss_ = std::numeric_limits<double>::quiet_NaN();
  LineLog log_;  // last: reading it fills the others
};

}  // namespace OCTAVO_NAMESPACE
