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
#include <octavo/base/write_number.hpp>
#include <octavo/files/append_log.hpp>
#include <octavo/report/bits_per_character.hpp>
#include <octavo/report/run_history.hpp>

namespace OCTAVO_NAMESPACE {

/// A run's numbers as a table: "metrics.csv". One row for every `every` steps, one at each
/// evaluation, and one at each save, so that a resumed run appends to it:
///
///     step                           steps done
///     loss                           mean over the steps since the row before, as are
///     learning_rate
///     gradient_norm                  before clipping
///     tokens_per_second              of training alone
///     seconds                        of training since the run began
///     validation_loss                empty in rows without an evaluation
///     evaluation_seconds             of evaluations, samples and saves since the run began
///     bits_per_character             of the loss; empty if characters were not counted
///     validation_bits_per_character
///
/// An older file without the last three columns is continued without them. Numbers are written so
/// that reading gives the same bits, in every locale.
class MetricsFile {
 public:
  static constexpr std::string_view columns =
      "step,loss,learning_rate,gradient_norm,tokens_per_second,seconds,validation_loss,"
      "evaluation_seconds,bits_per_character,validation_bits_per_character";
  /// The columns of older files.
  static constexpr std::string_view first_columns = columns.substr(0, columns.find(",eval"));

  /// Continues the file after its rows of steps up to `done`, whose numbers are added to `history`;
  /// later and damaged rows are removed. `tokens_per_character`: see the function of that name; 0:
  /// unknown. FormatError if the file is another table.
  MetricsFile(const std::string& path, Index every, Index tokens_per_step,
              double tokens_per_character, Index done, RunHistory& history,
              FileSystem& files = real_file_system())
      : every_(every),
        tokens_per_step_(tokens_per_step),
        tokens_per_character_(tokens_per_character),
        log_(
            path,
            [&](std::string_view line, std::string_view next) {
              return keep(line, next, path, done, history);
            },
            files) {
    require(every > 0, "metrics: expected a row for 1 step or more");
    if (!has_columns_) log_.append(std::string(columns).append("\n"));
    log_.flush();
    row_ = {};
  }

  /// Seconds of training, and of evaluations, samples and saves, according to the rows.
  double seconds() const noexcept { return seconds_; }
  double evaluation_seconds() const noexcept { return evaluation_seconds_; }
  /// The number of damaged rows that were removed.
  Index damaged_rows() const noexcept { return damaged_; }

  /// Call after a step, with a point of one step.
  void step(const HistoryPoint& step) {
    if (row_.steps > 0) write_row();
    open_.merge(step);
    if (open_.steps >= every_) close_row();
  }

  /// Call after an evaluation at the last step.
  void evaluation(double validation_loss) {
    if (open_.steps > 0) close_row();
    validation_loss_ = validation_loss;
  }

  /// Call after a step with its evaluation, samples and saves, when its row is complete. `seconds`:
  /// of evaluations, samples and saves since the run began.
  void completed(double evaluation_seconds) {
    evaluation_seconds_ = evaluation_seconds;
    if (row_.steps > 0) write_row();
  }

  /// Writes the complete rows to the file.
  void write() { log_.flush(); }

  /// Writes all steps so far to the file.
  void flush() {
    if (open_.steps > 0) close_row();
    if (row_.steps > 0) write_row();
    log_.flush();
  }

 private:
  using Cells = std::array<double, 10>;

  /// A row is held until it is known whether an evaluation belongs to it.
  void close_row() {
    if (row_.steps > 0) write_row();
    row_ = open_;
    open_ = {};
  }

  void write_row() {
    seconds_ += row_.seconds;
    std::array<char, 320> text;
    char* end = text.data();
    const auto number = [&](auto... value) {
      end = write_number(end, text.data() + text.size() - 1, value...).ptr;
      *end++ = ',';
    };
    const auto known = [&](double value) {
      std::isnan(value) ? void(*end++ = ',') : number(value);
    };
    number(row_.step);
    number(row_.loss);
    number(row_.learning_rate);
    number(row_.gradient_norm);
    number(tokens_per_second(row_, tokens_per_step_), std::chars_format::fixed, 0);
    number(seconds_, std::chars_format::fixed, 6);
    known(validation_loss_);
    if (count_ == Cells().size()) {
      number(evaluation_seconds_, std::chars_format::fixed, 6);
      known(bits(row_.loss));
      known(bits(validation_loss_));
    }
    end[-1] = '\n';
    log_.append({text.data(), static_cast<std::size_t>(end - text.data())});
    row_ = {};
    validation_loss_ = std::numeric_limits<double>::quiet_NaN();
  }

  /// NaN: not known.
  double bits(double loss) const noexcept {
    return tokens_per_character_ > 0 ? bits_per_character(loss, tokens_per_character_)
                                     : std::numeric_limits<double>::quiet_NaN();
  }

  bool keep(std::string_view line, std::string_view next, const std::string& path, Index done,
            RunHistory& history) {
    if (!has_columns_) {
      has_columns_ = true;
      if (line == columns) return true;
      count_ = 7;
      if (line == first_columns) return true;
      throw FormatError(detail::concat({printable(path), ": got a first line of ",
                                        printable(line, 40), ", expected the columns ", columns}),
                        "move that file away");
    }
    Cells cells, after;
    const auto before = static_cast<double>(row_.step);
    if (!read_row(line, cells) || !follows(before, seconds_, cells)) return damaged();
    // If the next row follows the previous one but not this one, this row is damaged.
    if (read_row(next, after) && follows(before, seconds_, after) &&
        !follows(cells[0], cells[5], after)) {
      return damaged();
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
    if (count_ > 7) evaluation_seconds_ = cells[7];
    return true;
  }

  bool damaged() noexcept {
    ++damaged_;
    return false;
  }

  /// Whether the line has the numbers of a row. Losses that were not measured may be empty; they
  /// become NaN.
  bool read_row(std::string_view line, Cells& cells) const {
    cells.fill(std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < count_; ++i) {
      const bool last = i + 1 == count_;
      const std::size_t comma = last ? line.size() : line.find(',');
      if (comma == line.npos) return false;
      const std::string_view cell = line.substr(0, comma);
      const bool whole = parse_whole(cell, cells[i]);
      const bool may_be_empty = i == 6 || i > 7;
      if (!whole && !(may_be_empty && cell.empty())) return false;
      if (whole && !std::isfinite(cells[i])) return false;
      line.remove_prefix(last ? comma : comma + 1);
    }
    return cells[0] >= 0 && cells[0] < 0x1p53 && cells[0] == std::floor(cells[0]);
  }

  /// Whether the row can follow a row of this step and these seconds.
  static bool follows(double step, double seconds, const Cells& cells) noexcept {
    return cells[0] > step && cells[5] >= seconds;
  }

  Index every_;
  Index tokens_per_step_;
  double tokens_per_character_;
  std::size_t count_ = Cells().size();  ///< columns of the file
  bool has_columns_ = false;
  Index damaged_ = 0;
  double seconds_ = 0;
  double evaluation_seconds_ = 0;
  HistoryPoint open_;  ///< the steps since the last row
  HistoryPoint row_;   ///< a row that lacks only its evaluation
  double validation_loss_ = std::numeric_limits<double>::quiet_NaN();
  AppendLog log_;  // last, because reading it fills the other members
};

}  // namespace OCTAVO_NAMESPACE
