// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/version.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/report/diagnosis.hpp>
#include <octavo/report/page_writer.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/sections.hpp>
#include <octavo/report/style.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Nothing is loaded from anywhere, and no script runs but the page's own.
inline void write_head(PageWriter& page, const RunReport& run) {
  page.markup(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "img-src data:; style-src 'unsafe-inline'; script-src 'sha256-");
  page.markup(report_script_hash)
      .markup(
          "'\"/>\n<meta name=\"viewport\" content=\"width=device-"
          "width, initial-scale=1\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n<title>");
  page.text(run.title).markup("</title>\n<style>").markup(report_style);
  page.markup("</style>\n</head>\n<body>\n");
}

inline void write_stage(PageWriter& page, const RunReport& run) {
  page.markup("<header>\n<h1>").text(run.title).markup("</h1>\n<p class=\"stage\">");
  switch (run.stage) {
    case RunReport::Stage::running:
      page.markup("Running when this page was written");
      break;
    case RunReport::Stage::stopped:
      page.markup("Stopped");
      break;
    case RunReport::Stage::finished:
      page.markup("Finished");
      break;
  }
  page.markup(": step ").whole(run.step).markup(" of ").whole(run.steps).markup(".</p>\n");
  page.markup("<progress aria-label=\"Steps done\" max=\"")
      .whole(std::max<Index>(run.steps, 1))
      .markup("\" value=\"");
  page.whole(run.step).markup("\"></progress>\n</header>\n");
}

}  // namespace detail

/// A page of HTML about a run so far, complete in itself: curves, numbers, samples, memory,
/// configuration. It has less than 300 kB, whatever the length of the run, and the same bytes for
/// the same run but for times and peak memory. IoError where the samples cannot be read.
inline void write_report(const RunReport& run, const RunHistory& history, PageWriter::Sink sink) {
  PageWriter page(std::move(sink));
  detail::write_head(page, run);
  detail::write_stage(page, run);
  page.markup("<main>\n");
  if (const auto found = diagnose(history, run.references, run.steps)) {
    page.markup("<p class=\"notice\" role=\"status\"><b>Hint:</b> ").text(found->text);
    page.markup("</p>\n");
  }
  detail::write_numbers(page, run);
  detail::write_charts(page, run, history);
  detail::write_samples(page, run);
  detail::write_memory(page, run);
  detail::write_facts(page, run);
  detail::write_commands(page, run);
  detail::write_tables(page, run, history);
  page.markup("</main>\n<footer>Written by octavo ").text(version_string);
  page.markup(
      ". The page is complete in itself and loads nothing; it is written anew as the run "
      "goes on.</footer>\n<script>");
  page.markup(detail::report_script).markup("</script>\n</body>\n</html>\n");
  page.flush();
}

/// The same as a file, which is replaced as a whole.
inline void save_report(const std::string& path, const RunReport& run, const RunHistory& history,
                        FileSystem& files = real_file_system()) {
  AtomicFile file(path, files);
  write_report(run, history, [&](std::string_view piece) { file.write(piece); });
  file.commit();
}

}  // namespace OCTAVO_NAMESPACE
