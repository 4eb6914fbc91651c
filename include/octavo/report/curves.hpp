// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/concat.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/report/bits_per_character.hpp>
#include <octavo/report/chart.hpp>
#include <octavo/report/page_writer.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>

// The charts on the page about a run, and their tables of numbers.
namespace OCTAVO_NAMESPACE::detail {

/// The meaning of a point of the history: "each step", "mean of 10 steps", "mean of 10 to 32
/// steps".
inline std::string point_words(const RunHistory& history) {
  const auto points = history.points();
  if (points.empty()) return "each step";
  const auto [least, most] = std::minmax_element(
      points.begin(), points.end(), [](const auto& a, const auto& b) { return a.steps < b.steps; });
  if (most->steps == 1) return "each step";
  const FormattedNumber last = FormattedNumber::grouped(most->steps);
  if (least->steps == most->steps) return concat({"mean of ", last, " steps"});
  return concat({"mean of ", FormattedNumber::grouped(least->steps), " to ", last, " steps"});
}

/// Points on either side in the mean of a strong line: together a fiftieth of the run.
inline std::size_t smoothing_reach(const RunHistory& history) {
  return history.points().size() / 100;
}

/// One number of each point, over the steps.
template <typename Number>
ChartSeries series_of(const RunHistory& history, Number number) {
  ChartSeries series{"each point", "raw"};
  series.points.reserve(history.points().size());
  for (const HistoryPoint& point : history.points()) {
    series.points.push_back({static_cast<double>(point.step), number(point)});
  }
  return series;
}

/// The raw and the smoothed curve; only one of them if there is at most one point.
inline void add_smoothed(Chart& chart, ChartSeries raw, std::size_t reach, std::string_view name) {
  ChartSeries smooth{name, "smooth", smoothed(raw.points, reach)};
  if (reach > 0) chart.series.push_back(std::move(raw));
  chart.series.push_back(std::move(smooth));
}

inline void write_card(PageWriter& page, const Chart& chart) {
  page.markup("<div class=\"card\">");
  write_chart(page, chart);
  page.markup("</div>\n");
}

inline void write_loss_chart(PageWriter& page, const RunReport& run, const RunHistory& history) {
  Chart chart{.id = "loss",
              .title = "Loss",
              .unit = "nats per token",
              .legend = true,
              .column = 1,
              .steps = run.steps,
              .height = 320,
              .from_zero = false};
  if (run.tokens_per_character > 0) {
    chart.second_unit = "bits per character";
    chart.second_factor = bits_per_character(1, run.tokens_per_character);
  }
  const std::size_t reach = smoothing_reach(history);
  const std::string words = point_words(history);
  ChartSeries raw = series_of(history, [](const HistoryPoint& point) { return point.loss; });
  raw.name = words;
  add_smoothed(chart, std::move(raw), reach, reach > 0 ? "training, smoothed" : "training");
  ChartSeries validation{"validation", "validation"};
  for (const EvaluationPoint& point : history.evaluations()) {
    validation.points.push_back({static_cast<double>(point.step), point.validation_loss});
  }
  chart.series.push_back(std::move(validation));
  chart.references.push_back({"blind guessing", run.references.uniform, false});
  if (run.references.unigram) chart.references.push_back({"unigram", *run.references.unigram});
  if (run.references.bigram) chart.references.push_back({"bigram", *run.references.bigram});
  write_card(page, chart);
}

/// A remark: in what share of the run gradients were clipped.
inline std::string clipping_words(const RunReport& run, const RunHistory& history) {
  double clipped = 0, all = 0;
  for (const HistoryPoint& point : history.points()) {
    const auto steps = static_cast<double>(point.steps);
    all += steps;
    if (point.gradient_norm > run.clip) clipped += steps;
  }
  if (!(run.clip > 0)) return "never clipped: there is no limit";
  if (all == 0) return "";
  if (clipped == 0) return "hardly any step is clipped";
  if (clipped == all) return "all steps are clipped";
  const double percent = std::clamp(100 * clipped / all, 1.0, 99.0);
  return concat({"clipped in about ", FormattedNumber::fixed(percent, 0), "% of the steps"});
}

inline void write_small_charts(PageWriter& page, const RunReport& run, const RunHistory& history) {
  page.markup("<div class=\"charts\">\n");
  Chart rate{.id = "rate", .title = "Learning rate", .column = 2, .steps = run.steps};
  rate.series = {series_of(history, [](const auto& point) { return point.learning_rate; })};
  rate.series[0].look = "smooth";
  write_card(page, rate);
  const std::size_t reach = smoothing_reach(history);
  const std::string clipping = clipping_words(run, history);
  Chart norm{.id = "norm",
             .title = "Gradient norm",
             .unit = "before clipping",
             .note = clipping,
             .column = 3,
             .steps = run.steps};
  add_smoothed(norm, series_of(history, [](const auto& point) { return point.gradient_norm; }),
               reach, "smoothed");
  if (run.clip > 0) norm.references.push_back({"clipped above", run.clip, false});
  write_card(page, norm);
  Chart speed{.id = "speed",
              .title = "Speed",
              .unit = "tokens per second",
              .note = "of training alone",
              .column = 4,
              .steps = run.steps};
  add_smoothed(
      speed,
      series_of(history,
                [&](const auto& point) { return tokens_per_second(point, run.tokens_per_step); }),
      reach, "smoothed");
  write_card(page, speed);
  page.markup("</div>\n");
}

/// The legend of the charts' lines.
inline void write_key_words(PageWriter& page, const RunReport& run, const RunHistory& history) {
  page.markup("<p class=\"unit\">");
  if (run.references.unigram) {
    page.markup(
        "Dashed lines: the lowest loss of a model that knows token frequencies alone (unigram), or "
        "the previous token alone (bigram). ");
  }
  if (const std::size_t reach = smoothing_reach(history); reach > 0) {
    page.markup("Pale lines: ").text(point_words(history)).markup("; strong lines: mean of ");
    page.grouped(2 * reach + 1).markup(" such points.");
  }
  page.markup("</p>\n");
}

inline void write_evaluations(PageWriter& page, const RunReport& run, const RunHistory& history) {
  const bool bits = run.tokens_per_character > 0;
  page.markup(
      "<table id=\"evaluations\"><caption>Evaluations</caption>\n<thead><tr><th scope=\"col\">step"
      "</th><th scope=\"col\">training loss</th><th scope=\"col\">validation loss</th>");
  if (bits) page.markup("<th scope=\"col\">bits per character</th>");
  page.markup("</tr></thead>\n<tbody>\n");
  for (const EvaluationPoint& point : history.evaluations()) {
    page.markup("<tr><td>").whole(point.step).markup("</td><td>").number(point.training_loss, 6);
    page.markup("</td><td>").number(point.validation_loss, 6);
    if (bits) {
      page.markup("</td><td>")
          .number(bits_per_character(point.validation_loss, run.tokens_per_character), 6);
    }
    page.markup("</td></tr>\n");
  }
  page.markup("</tbody></table>\n");
}

/// The tables of the curves' numbers, which the page's script reads as well.
inline void write_tables(PageWriter& page, const RunReport& run, const RunHistory& history) {
  page.markup(
      "<details class=\"card\"><summary>The numbers behind the curves</summary>\n<div "
      "class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Numbers behind the "
      "curves\">\n");
  write_evaluations(page, run, history);
  page.markup(
      "<table id=\"points\"><caption>Means over the steps since the row "
      "before</caption>\n<thead><tr><th scope=\"col\">step</th><th scope=\"col\">loss</th>"
      "<th scope=\"col\">learning rate</th><th scope=\"col\">gradient norm</th>"
      "<th scope=\"col\">tokens per second</th></tr></thead>\n<tbody>\n");
  for (const HistoryPoint& point : history.points()) {
    page.markup("<tr><td>").whole(point.step).markup("</td><td>").number(point.loss, 6);
    page.markup("</td><td>").number(point.learning_rate, 6).markup("</td><td>");
    page.number(point.gradient_norm, 6).markup("</td><td>");
    page.fixed(tokens_per_second(point, run.tokens_per_step), 0).markup("</td></tr>\n");
  }
  page.markup("</tbody></table>\n</div></details>\n");
}

}  // namespace OCTAVO_NAMESPACE::detail
