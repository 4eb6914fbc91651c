// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/version.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/report/curves.hpp>
#include <octavo/report/page_writer.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/script.hpp>
#include <octavo/report/sections.hpp>
#include <octavo/report/style.hpp>
#include <octavo/report/summary.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// The page loads nothing, and runs only its own script.
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

}  // namespace detail

/// Writes a self-contained HTML page about a run so far: a verdict, numbers, curves, samples,
/// commands, memory, configuration. It has less than 300 kB for a run of any length, and equal
/// bytes for equal runs except for times and peak memory. IoError if the samples cannot be read.
inline void write_report(const RunReport& run, const RunHistory& history, PageWriter::Sink sink) {
  PageWriter page(std::move(sink));
  detail::write_head(page, run);
  detail::write_stage(page, run);
  page.markup("<main>\n");
  detail::write_verdict(page, run, history);
  detail::write_numbers(page, run, history);
  page.markup("<section>\n<h2>Curves</h2>\n");
  detail::write_key_words(page, run, history);
  page.markup("<div class=\"pair\">\n");
  detail::write_loss_chart(page, run, history);
  detail::write_samples(page, run, history);
  page.markup("</div>\n");
  detail::write_small_charts(page, run, history);
  page.markup("</section>\n");
  detail::write_examples(page, run);
  detail::write_commands(page, run);
  detail::write_memory(page, run);
  detail::write_configuration(page, run);
  page.markup("<section class=\"tables\">\n<h2>Tables</h2>\n");
  detail::write_tables(page, run, history);
  page.markup("</section>\n");
  page.markup("</main>\n<footer>Written by octavo ").text(version_string);
  page.markup(
      ". The page is complete in itself and loads nothing; it is updated during the "
      "run.</footer>\n<script>");
  page.markup(detail::report_script).markup("</script>\n</body>\n</html>\n");
  page.flush();
}

/// As above, to a file, which is replaced atomically.
inline void save_report(const std::string& path, const RunReport& run, const RunHistory& history,
                        FileSystem& files = real_file_system()) {
  AtomicFile file(path, files);
  write_report(run, history, [&](std::string_view piece) { file.write(piece); });
  file.commit();
}

}  // namespace OCTAVO_NAMESPACE
