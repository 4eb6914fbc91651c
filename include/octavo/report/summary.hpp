// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/report/bits_per_character.hpp>
#include <octavo/report/diagnosis.hpp>
#include <octavo/report/page_writer.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/terminal_text.hpp>
#include <octavo/report/verdict.hpp>

// The top of the page about a run: its summary.
namespace OCTAVO_NAMESPACE::detail {

/// "2026-11-29 00:16 UTC".
inline std::string utc_time(std::int64_t seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day day(midnight);
  const auto minutes = std::chrono::floor<std::chrono::minutes>(time - midnight).count();
  return std::string(std::string_view(
      FormattedNumber("%d-%02u-%02u %02d:%02d UTC", static_cast<int>(day.year()),
                      static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                      static_cast<int>(minutes / 60), static_cast<int>(minutes % 60))));
}

constexpr std::string_view name_of(RunReport::Stage stage) noexcept {
  switch (stage) {
    case RunReport::Stage::running:
      return "Running";
    case RunReport::Stage::stopped:
      return "Stopped";
    case RunReport::Stage::finished:
      return "Finished";
    case RunReport::Stage::diverged:
      return "Diverged";
  }
  return "";
}

inline void write_stage(PageWriter& page, const RunReport& run) {
  page.markup("<header>\n<h1>").text(run.title).markup("</h1>\n<p class=\"stage\" data-stage=\"");
  page.text(name_of(run.stage)).markup("\">").text(name_of(run.stage)).markup(": step ");
  page.grouped(run.step).markup(" of ").grouped(run.steps).markup("</p>\n<p class=\"when\">");
  if (run.written > 0) page.text(utc_time(run.written)).markup(", ");
  page.text(clock_time(run.seconds + run.evaluation_seconds)).markup(" by the clock</p>\n");
  if (run.stage != RunReport::Stage::finished) {
    page.markup("<progress aria-label=\"Steps done\" max=\"")
        .whole(std::max<Index>(run.steps, 1))
        .markup("\" value=\"");
    page.whole(run.step).markup("\"></progress>\n");
  }
  page.markup("</header>\n");
}

/// The decisive loss in large type, with the verdict beside it.
inline void write_verdict(PageWriter& page, const RunReport& run, const RunHistory& history) {
  const std::optional<Diagnosis> found = diagnose(history, run.references, run.steps);
  const Verdict verdict = judge(run, history, found);
  const JudgedLoss judged(run);
  page.markup("<section class=\"card hero\">\n");
  if (std::isfinite(judged.loss)) {
    page.markup("<dl class=\"best\"><dt>");
    const bool over = run.stage != RunReport::Stage::running;
    page.markup(judged.validated ? "Best validation loss"
                : over           ? "Training loss (no validation)"
                                 : "Training loss (no validation yet)");
    page.markup("</dt>\n<dd>").text(short_loss(judged.loss));
    page.markup("<small>nats per token</small></dd>\n");
    if (run.tokens_per_character > 0) {
      page.markup("<dd>");
      page.text(short_loss(bits_per_character(judged.loss, run.tokens_per_character)));
      page.markup("<small>bits per character</small></dd>\n");
    }
    page.markup("</dl>\n");
  }
  page.markup("<div class=\"verdict\"><p id=\"verdict\"><b>").text(verdict.health);
  page.markup(".</b> ").text(verdict.reached).markup("</p>\n");
  if (found) {
    page.markup("<p class=\"notice\" role=\"status\"><b>Hint:</b> ").text(found->text);
    page.markup("</p>\n");
  }
  page.markup("</div>\n</section>\n");
}

/// A number with its name and a remark below.
inline void write_glance(PageWriter& page, std::string_view name, std::string_view value,
                         std::string_view remark) {
  page.markup("<div class=\"card\"><dt>").text(name).markup("</dt><dd>").text(value);
  page.markup("<small>").text(remark).markup("</small></dd></div>\n");
}

/// "7.49 MB (7,491,008 bytes)".
inline std::string exact_bytes(std::size_t bytes) {
  return concat({readable_bytes(bytes), " (", FormattedNumber::grouped(bytes), " bytes)"});
}

inline void write_losses(PageWriter& page, const RunReport& run, const RunHistory& history) {
  if (run.best_step > 0 && std::isfinite(run.loss)) {
    write_glance(page, "Training loss", short_loss(run.loss),
                 "mean of the last 100 steps or fewer");
  }
  if (std::isfinite(run.whole_validation)) {
    write_glance(page, "Whole validation text", short_loss(run.whole_validation),
                 "the last weights; other evaluations are of a sample of it");
  }
  if (history.evaluations().empty()) return;
  const EvaluationPoint& last = history.evaluations().back();
  const bool shown = run.best_step == 0 || last.step == run.best_step;  // shown in the verdict
  if (shown || !std::isfinite(last.validation_loss)) return;
  write_glance(page, "Latest validation loss", short_loss(last.validation_loss),
               concat({"at step ", FormattedNumber::grouped(last.step)}));
}

inline void write_memory_glance(PageWriter& page, const RunReport& run) {
  const std::string plan =
      run.plan == nullptr ? "" : concat({"plan ", exact_bytes(run.plan->total_bytes())});
  if (run.peak_bytes > 0) {
    write_glance(page, "Peak memory", readable_bytes(run.peak_bytes),
                 plan.empty() ? "of the whole process" : "of the whole process; " + plan);
  } else if (run.plan != nullptr) {
    write_glance(page, "Planned memory", readable_bytes(run.plan->total_bytes()), plan);
  }
}

/// The setup of the run, in one line.
inline void write_settings(PageWriter& page, const RunReport& run) {
  const auto write = [&](std::string_view name, std::string_view value) {
    page.markup("<div><dt>").text(name).markup("</dt><dd>").text(value).markup("</dd></div>\n");
  };
  page.markup("<dl class=\"settings\">\n");
  for (const ReportSetting& setting : run.settings) write(setting.name, setting.value);
  if (run.threads_in_use > 0) {
    write("threads in use", concat({run.threads_in_use, " of ", run.threads}));
  }
  page.markup("</dl>\n");
}

inline void write_numbers(PageWriter& page, const RunReport& run, const RunHistory& history) {
  page.markup("<dl class=\"glance\">\n");
  write_losses(page, run, history);
  write_glance(page, "Time", clock_time(run.seconds + run.evaluation_seconds),
               concat({clock_time(run.seconds), " training, ", clock_time(run.evaluation_seconds),
                       " evaluations, samples, saves"}));
  if (!std::isnan(run.tokens_per_second)) {
    write_glance(page, "Speed", FormattedNumber::grouped(std::llround(run.tokens_per_second)),
                 "tokens per second, of training alone");
  }
  if (run.tokens_per_step > 0) {
    write_glance(page, "Tokens trained on",
                 short_count(static_cast<double>(run.step * run.tokens_per_step)),
                 concat({FormattedNumber::grouped(run.tokens_per_step), " a step"}));
  }
  write_memory_glance(page, run);
  page.markup("</dl>\n");
  write_settings(page, run);
}

}  // namespace OCTAVO_NAMESPACE::detail
