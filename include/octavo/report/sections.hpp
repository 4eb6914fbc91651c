// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/memory/memory_drawing.hpp>
#include <octavo/report/chart.hpp>
#include <octavo/report/page_writer.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/samples_file.hpp>
#include <octavo/report/terminal_text.hpp>

// The parts of the page about a run, each written as it comes.
namespace OCTAVO_NAMESPACE::detail {

/// One number with its name, and a remark below.
inline void write_glance(PageWriter& page, std::string_view name, std::string_view value,
                         std::string_view remark = "") {
  page.markup("<div class=\"card\"><dt>").text(name).markup("</dt><dd>").text(value);
  if (!remark.empty()) page.markup("<small>").text(remark).markup("</small>");
  page.markup("</dd></div>\n");
}

/// A loss in the digits that the terminal has.
inline std::string loss_words(double loss) {
  std::string text;
  PageWriter writer([&](std::string_view piece) { text += piece; });
  writer.number(loss, loss < 1 ? 3 : 4).flush();
  return text;
}

inline void write_numbers(PageWriter& page, const RunReport& run) {
  page.markup("<h2>Numbers</h2>\n<dl class=\"glance\">\n");
  write_glance(page, "step", std::to_string(run.step), detail::concat({"of ", run.steps}));
  write_glance(page, "training loss", loss_words(run.loss), "mean of the last 100 steps or fewer");
  if (!std::isnan(run.validation_loss)) {
    write_glance(page, "validation loss", loss_words(run.validation_loss), "the last evaluation");
  }
  if (run.best_step > 0) {
    write_glance(page, "best validation", loss_words(run.best_validation),
                 detail::concat({"at step ", run.best_step}));
  }
  if (!std::isnan(run.tokens_per_second)) {
    write_glance(page, "tokens per second", short_count(run.tokens_per_second),
                 "of training alone");
  }
  write_glance(page, "time", clock_time(run.seconds), "of training");
  if (run.threads_in_use > 0) {
    write_glance(page, "threads in use", detail::concat({run.threads_in_use}),
                 detail::concat({"of ", run.threads}));
  }
  if (run.peak_bytes > 0) {
    write_glance(page, "peak memory", readable_bytes(run.peak_bytes), "of the whole process");
  }
  if (run.plan != nullptr) {
    write_glance(page, "planned memory", readable_bytes(run.plan->total_bytes()),
                 detail::concat({run.plan->total_bytes(), " bytes"}));
  }
  page.markup("</dl>\n");
}

/// One of a point's numbers over the steps.
template <typename Number>
ChartSeries series_of(const RunHistory& history, Number number) {
  ChartSeries series{"each point", "raw"};
  series.points.reserve(history.points().size());
  for (const HistoryPoint& point : history.points()) {
    series.points.push_back({static_cast<double>(point.step), number(point)});
  }
  return series;
}

/// As it is and smoothed over a fiftieth of the run; once alone where that is no more than a
/// point.
inline void add_smoothed(Chart& chart, ChartSeries raw, std::string_view name) {
  const std::size_t reach = raw.points.size() / 100;
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
              .column = 1,
              .steps = run.steps,
              .height = 280,
              .from_zero = false};
  add_smoothed(chart, series_of(history, [](const HistoryPoint& point) { return point.loss; }),
               "training");
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

inline void write_charts(PageWriter& page, const RunReport& run, const RunHistory& history) {
  page.markup(
      "<h2>Curves</h2>\n<p class=\"unit\">Dashed: the least loss of whoever knows only how "
      "often each token comes (unigram), or only the token before (bigram).</p>\n");
  write_loss_chart(page, run, history);
  page.markup("<div class=\"charts\">\n");
  Chart rate{.id = "rate", .title = "Learning rate", .column = 2, .steps = run.steps};
  rate.series = {series_of(history, [](const auto& point) { return point.learning_rate; })};
  rate.series[0].look = "smooth";
  write_card(page, rate);
  Chart norm{.id = "norm",
             .title = "Gradient norm",
             .unit = "before clipping",
             .column = 3,
             .steps = run.steps};
  add_smoothed(norm, series_of(history, [](const auto& point) { return point.gradient_norm; }),
               "smoothed");
  if (run.clip > 0) norm.references.push_back({"clipped above", run.clip, false});
  write_card(page, norm);
  Chart speed{.id = "speed",
              .title = "Speed",
              .unit = "tokens per second",
              .column = 4,
              .steps = run.steps};
  add_smoothed(
      speed,
      series_of(history,
                [&](const auto& point) { return tokens_per_second(point, run.tokens_per_step); }),
      "smoothed");
  write_card(page, speed);
  page.markup("</div>\n");
}

/// The numbers behind the curves; the page's script reads them as well.
inline void write_tables(PageWriter& page, const RunReport& run, const RunHistory& history) {
  page.markup(
      "<h2>Tables</h2>\n<details class=\"card\"><summary>The numbers behind the curves"
      "</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\""
      "Numbers behind the curves\">\n<table id=\"evaluations\"><caption>Evaluations"
      "</caption>\n<thead><tr><th scope=\"col\">step</th><th scope=\"col\">training loss"
      "</th><th scope=\"col\">validation loss</th></tr></thead>\n<tbody>\n");
  for (const EvaluationPoint& point : history.evaluations()) {
    page.markup("<tr><td>").whole(point.step).markup("</td><td>").number(point.training_loss, 6);
    page.markup("</td><td>").number(point.validation_loss, 6).markup("</td></tr>\n");
  }
  page.markup(
      "</tbody></table>\n<table id=\"points\"><caption>Means over the steps since the row "
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

/// At most 16 samples, the first, the last and what lies evenly between them.
class SampleChoice {
 public:
  explicit SampleChoice(Index count) : count_(count) {}

  bool next() noexcept {
    const Index here = seen_++;
    if (here < chosen_ * (count_ - 1) / std::max<Index>(std::min(most, count_) - 1, 1))
      return false;
    ++chosen_;
    return true;
  }

 private:
  static constexpr Index most = 16;
  Index count_, seen_ = 0, chosen_ = 0;
};

inline void write_samples(PageWriter& page, const RunReport& run) {
  if (run.samples.empty()) return;
  constexpr std::size_t most_bytes = 1000;
  const FileSource source(run.samples);
  Index count = 0;
  for_each_sample(source, [&](Index, const std::string&) { ++count; });
  if (count == 0) return;
  page.markup(
      "<h2>Samples</h2>\n<p class=\"unit\">What the model wrote, at temperature and seed "
      "that stay the same.</p>\n<div class=\"samples\">\n");
  SampleChoice choice(count);
  for_each_sample(source, [&](Index step, const std::string& text) {
    if (!choice.next()) return;
    page.markup("<div class=\"card\"><h3>step ").whole(step).markup("</h3><pre>");
    page.text(utf8_beginning(text, most_bytes));
    if (text.size() > most_bytes) page.markup("\u2026");
    page.markup("</pre></div>\n");
  });
  page.markup("</div>\n");
}

inline void write_memory(PageWriter& page, const RunReport& run) {
  if (run.plan == nullptr) return;
  const std::size_t total = run.plan->total_bytes();
  page.markup("<h2>Memory</h2>\n<p>All that the run works in is one block of ");
  page.whole(static_cast<Index>(total)).markup(" bytes (").text(readable_bytes(total));
  page.markup(
      "), known before it began. Each box is a buffer: from where it begins to where it "
      "ends, in the phases of a step in which it is alive.</p>\n<div class=\"card scroll "
      "drawing\" tabindex=\"0\" role=\"region\" aria-label=\"Memory plan\">\n");
  write_memory_drawing(*run.plan, run.phase_names, "Memory of a training step",
                       [&](std::string_view piece) { page.markup(piece); });
  page.markup("</div>\n");
}

inline void write_facts(PageWriter& page, const RunReport& run) {
  page.markup("<h2>Configuration</h2>\n<div class=\"groups\">\n");
  for (const FactGroup& group : run.facts) {
    page.markup("<div class=\"card\"><h3>").text(group.name).markup("</h3><table><tbody>\n");
    for (const Fact& fact : group.facts) {
      page.markup("<tr><th scope=\"row\">").text(fact.name).markup("</th><td>");
      page.text(fact.value).markup("</td></tr>\n");
    }
    page.markup("</tbody></table></div>\n");
  }
  page.markup("</div>\n");
}

inline void write_commands(PageWriter& page, const RunReport& run) {
  const auto command = [&](std::string_view what, const std::string& line) {
    if (line.empty()) return;
    page.markup("<div class=\"card\"><h3>").text(what).markup("</h3><pre><code>").text(line);
    page.markup("</code></pre></div>\n");
  };
  page.markup("<h2>Commands</h2>\n<div class=\"samples\">\n");
  command("Go on with this run", run.resume);
  command("Write with what it has learnt", run.generate);
  page.markup("</div>\n");
}

}  // namespace OCTAVO_NAMESPACE::detail
