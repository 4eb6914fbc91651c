// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/utf8.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/report/memory_map.hpp>
#include <octavo/report/page_writer.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/samples_file.hpp>
#include <octavo/report/summary.hpp>
#include <octavo/report/terminal_text.hpp>

// The sections below the curves on the page about a run: samples, commands, memory, configuration.
namespace OCTAVO_NAMESPACE::detail {

/// At most 16 samples: the first, the last, and others evenly spread between them.
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

/// The most bytes of a sample on the page.
inline constexpr std::size_t most_sample_bytes = 1000;

/// A sample after `step` steps, cut if it is long.
struct ShownSample {
  Index step;
  std::string text;
};

/// Removes an incomplete character at the end.
inline std::string_view whole_end(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return text;
    if (byte < 0xC2 || byte > 0xF4) continue;  // not a first byte
    const std::size_t length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    return length > back ? text.substr(0, text.size() - back) : text;
  }
  return text;
}

/// The samples on the page, in the order of their steps.
inline std::vector<ShownSample> shown_samples(const std::string& path) {
  const FileSource source(path);
  Index count = 0;
  for_each_sample(source, [&](Index, const std::string&) { ++count; });
  SampleChoice choice(count);
  std::vector<ShownSample> samples;
  for_each_sample(source, [&](Index step, const std::string& text) {
    if (!choice.next()) return;
    const bool cut = text.size() > most_sample_bytes;
    samples.push_back({step, std::string(whole_end(utf8_beginning(text, most_sample_bytes)))});
    if (cut) samples.back().text += "\u2026";
  });
  return samples;
}

/// ": training 1.508, validation 1.612": the losses around a step and of the last evaluation before
/// it.
inline void write_losses_at(PageWriter& page, const RunHistory& history, Index step) {
  const double training = history.mean_loss(step - RunHistory::recent_steps, step);
  if (std::isfinite(training)) page.markup(": training ").text(short_loss(training));
  const EvaluationPoint* last = nullptr;
  for (const EvaluationPoint& point : history.evaluations()) {
    if (point.step <= step) last = &point;
  }
  if (last != nullptr && std::isfinite(last->validation_loss)) {
    page.markup(", validation ").text(short_loss(last->validation_loss));
  }
}

/// The prompt is highlighted if the sample starts with it.
inline void write_sample(PageWriter& page, std::string_view text, std::string_view prompt) {
  page.markup("<pre>");
  if (!prompt.empty() && text.starts_with(prompt)) {
    page.markup("<mark>").text(prompt).markup("</mark>");
    text.remove_prefix(prompt.size());
  }
  page.text(text).markup("</pre>");
}

/// The newest sample; the others are folded, newest first.
inline void write_samples(PageWriter& page, const RunReport& run, const RunHistory& history) {
  if (run.samples.empty()) return;
  const std::vector<ShownSample> samples = shown_samples(run.samples);
  if (samples.empty()) return;
  page.markup(
      "<section class=\"card samples\" tabindex=\"0\" aria-label=\"Samples\">\n<h2>What it "
      "writes</h2>\n<p class=\"unit\">Step ");
  page.grouped(samples.back().step);
  write_losses_at(page, history, samples.back().step);
  page.markup(run.prompt.empty() ? "</p>\n" : "; prompt <mark>marked</mark></p>\n");
  write_sample(page, samples.back().text, run.prompt);
  page.markup("\n");
  for (std::size_t i = samples.size() - 1; i-- > 0;) {
    page.markup("<details><summary>Step ").grouped(samples[i].step);
    write_losses_at(page, history, samples[i].step);
    page.markup("</summary>");
    write_sample(page, samples[i].text, run.prompt);
    page.markup("</details>\n");
  }
  page.markup("</section>\n");
}

/// Rows that are not trained on, answered before and after the run.
inline void write_examples(PageWriter& page, const RunReport& run) {
  if (run.examples.empty()) return;
  page.markup("<section>\n<h2>Rows that it was not trained on</h2>\n<div class=\"groups\">\n");
  const auto part = [&](std::string_view name, const std::string& text) {
    page.markup("<h3>").text(name).markup("</h3><pre>");
    page.text(whole_end(utf8_beginning(text, most_sample_bytes))).markup("</pre>\n");
  };
  for (const AnsweredExample& one : run.examples) {
    page.markup("<div class=\"card\">");
    part("Prompt", one.prompt);
    if (one.before) part("Before", *one.before);
    part("After", one.after);
    part("The row's answer", one.expected);
    page.markup("</div>\n");
  }
  page.markup("</div>\n</section>\n");
}

inline void write_commands(PageWriter& page, const RunReport& run) {
  if (run.resume.empty() && run.generate.empty()) return;
  const auto command = [&](std::string_view what, const std::string& line) {
    if (line.empty()) return;
    page.markup("<div class=\"command\"><h3>").text(what).markup("</h3><pre><code>").text(line);
    page.markup("</code></pre></div>\n");
  };
  page.markup(
      "<section>\n<h2>Commands</h2>\n<div class=\"card commands\">\n"
      "<p class=\"unit\">One click selects a whole command.</p>\n");
  command("Generate text with the model", run.generate);
  command("Continue this run", run.resume);
  page.markup("</div>\n</section>\n");
}

inline void write_memory(PageWriter& page, const RunReport& run) {
  if (run.plan == nullptr) return;
  page.markup(
      "<section>\n<h2>Memory</h2>\n<div class=\"card\">\n<p>A training step works in one block "
      "of ");
  page.text(exact_bytes(run.plan->total_bytes()));
  page.markup(
      ", planned before the run began. Each box is a buffer: bytes upward, and to the right the "
      "phases of a step in which the buffer is alive. Buffers that are never alive together share "
      "bytes.</p>\n");
  write_memory_map(page, *run.plan, run.phase_names);
  page.markup("</div>\n</section>\n");
}

inline void write_configuration(PageWriter& page, const RunReport& run) {
  page.markup("<section>\n<h2>Configuration</h2>\n<div class=\"groups\">\n");
  for (const SettingGroup& group : run.configuration) {
    page.markup("<div class=\"card\"><h3>").text(group.name).markup("</h3><table><tbody>\n");
    for (const ReportSetting& setting : group.settings) {
      page.markup("<tr><th scope=\"row\">").text(setting.name).markup("</th><td>");
      page.text(setting.value).markup("</td></tr>\n");
    }
    page.markup("</tbody></table></div>\n");
  }
  page.markup("</div>\n</section>\n");
}

}  // namespace OCTAVO_NAMESPACE::detail
