// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/report/memory_report.hpp>
#include <octavo/report/page_writer.hpp>
#include <octavo/report/scale.hpp>
#include <octavo/report/svg.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// A plan as a part of a page, with the page's width, colours and fonts. Horizontal positions are
/// in percent, so that boxes stretch and letters do not. (write_memory_drawing makes a
/// self-contained picture, with a name on each box.)
class MemoryMap {
 public:
  MemoryMap(PageWriter& page, const MemoryPlan& plan, std::span<const std::string_view> names)
      : page_(page), plan_(plan), names_(names), phases_(phases_of(plan)), y_(scale(plan)) {}

  void write() {
    write_keys();
    page_.markup("<div class=\"map\"><svg role=\"img\" width=\"100%\" height=\"");
    page_.markup(svg::number(height)).markup("\" aria-label=\"Buffers of the memory plan\">\n");
    write_axis();
    for (int id = 0; id < plan_.size(); ++id) write_box(id);
    const std::string y = svg::number(height_of(static_cast<double>(plan_.total_bytes())));
    page_.markup("<line class=\"total\" x2=\"100%\" y1=\"").markup(y).markup("\" y2=\"");
    page_.markup(y).markup("\"/>\n</svg></div>\n");
    write_phases();
    write_buffers();
  }

 private:
  static constexpr double height = 260;
  static constexpr double columns_wide = 600;  ///< minimum width for names

  static ReportScale scale(const MemoryPlan& plan) {
    return {0, static_cast<double>(std::max<std::size_t>(plan.total_bytes(), 1))};
  }

  double height_of(double bytes) const { return height * (1 - y_.share(bytes)); }
  double columns() const { return std::max(phases_.last - phases_.first + 1, 1); }
  std::string percent(int phases) const {
    return svg::number(100 * phases / columns()).append("%");
  }

  /// The class of a kind's colour.
  static std::string look(MemoryKind kind) { return concat({"kind", static_cast<int>(kind)}); }

  /// "2.5 MB", with the unit and digits of the axis.
  std::string bytes_label(double bytes) const {
    std::string text = y_.label(bytes);
    if (bytes == 0) return text;
    const bool unit = text.back() > '9';
    return text.insert(text.size() - (unit ? 1 : 0), " ") + "B";
  }

  std::string lifetime(const MemoryRequest& request) const {
    std::string text = phase_name(request.lifetime.first, names_);
    if (request.lifetime.last == request.lifetime.first) return text;
    return text.append(" to ").append(phase_name(request.lifetime.last, names_));
  }

  void write_keys() {
    page_.markup("<div class=\"keys\">");
    for (const MemoryKind kind : memory_kinds) {
      const std::size_t bytes = kind_bytes(plan_, kind);
      if (bytes == 0) continue;
      page_.markup("<span class=\"key ").text(look(kind)).markup("\">").text(name_of(kind));
      page_.markup(" ").text(readable_bytes(bytes)).markup("</span> ");
    }
    page_.markup("</div>\n");
  }

  void write_axis() {
    for (const double tick : y_.ticks()) {
      const std::string y = svg::number(height_of(tick));
      page_.markup("<line class=\"grid\" x2=\"100%\" y1=\"").markup(y).markup("\" y2=\"").markup(y);
      page_.markup("\"/><text class=\"y\" x=\"-8\" dy=\".35em\" y=\"").markup(y).markup("\">");
      page_.text(bytes_label(tick)).markup("</text>\n");
    }
  }

  void write_box(int id) {
    const MemoryRequest& request = plan_.request(id);
    const auto bytes = static_cast<double>(MemoryPlan::footprint(request));
    const double top = height_of(static_cast<double>(plan_.offset(id)) + bytes);
    const double bottom = height_of(static_cast<double>(plan_.offset(id)));
    page_.markup("<rect class=\"").text(look(request.kind)).markup("\" x=\"");
    page_.markup(percent(request.lifetime.first - phases_.first)).markup("\" width=\"");
    page_.markup(percent(request.lifetime.last - request.lifetime.first + 1)).markup("\" y=\"");
    page_.markup(svg::number(top)).markup("\" height=\"").markup(svg::number(bottom - top));
    page_.markup("\"><title>").text(request.part).markup(": ").text(request.name).markup(", ");
    page_.grouped(MemoryPlan::footprint(request)).markup(" bytes, ").text(lifetime(request));
    page_.markup("</title></rect>\n");
    const double width =
        columns_wide * (request.lifetime.last - request.lifetime.first + 1) / columns();
    if (bottom - top < 16 || svg::text_width(request.name) + 12 > width) return;
    page_.markup("<text class=\"box\" dx=\"6\" dy=\".35em\" x=\"");
    page_.markup(percent(request.lifetime.first - phases_.first)).markup("\" y=\"");
    page_.markup(svg::number((top + bottom) / 2)).markup("\">").text(request.name);
    page_.markup("</text>\n");
  }

  /// The phase of each column and its live bytes: below the columns, or as a list on a narrow page.
  void write_phases() {
    page_.markup("<ol class=\"phases\">\n");
    for (int phase = phases_.first; phase <= phases_.last; ++phase) {
      const std::size_t live = plan_.live_bytes(phase);
      page_.markup("<li>").text(phase_name(phase, names_));
      page_.markup(live == plan_.peak_live_bytes() ? " <b>" : " <span>").text(readable_bytes(live));
      page_.markup(live == plan_.peak_live_bytes() ? ", the most</b>" : "</span>")
          .markup("</li>\n");
    }
    page_.markup("</ol>\n");
  }

  void write_buffers() {
    page_.markup("<details><summary>All ").whole(plan_.size()).markup(" buffers</summary>\n<div ");
    page_.markup(
        "class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"All buffers\"><table>"
        "<thead><tr><th scope=\"col\">bytes</th><th scope=\"col\">begins at</th>"
        "<th scope=\"col\" class=\"words\">buffer</th><th scope=\"col\" class=\"words\">kind</th>"
        "<th scope=\"col\" class=\"words\">alive in</th></tr></thead>\n<tbody>\n");
    for (int id = 0; id < plan_.size(); ++id) {
      const MemoryRequest& request = plan_.request(id);
      page_.markup("<tr><td>").grouped(MemoryPlan::footprint(request)).markup("</td><td>");
      page_.grouped(plan_.offset(id)).markup("</td><td class=\"words\">").text(request.part);
      page_.markup(": ").text(request.name);
      if (request.copies > 1) {
        page_.markup(" \u00d7 ").grouped(request.copies).text(overlay_note(plan_, id));
      }
      page_.markup("</td><td class=\"words\">").text(name_of(request.kind));
      page_.markup("</td><td class=\"words\">").text(lifetime(request)).markup("</td></tr>\n");
    }
    page_.markup("</tbody></table></div></details>\n");
  }

  PageWriter& page_;
  const MemoryPlan& plan_;
  std::span<const std::string_view> names_;
  Lifetime phases_;
  ReportScale y_;
};

}  // namespace detail

/// Writes a placed plan as a part of a page with the page's style: kinds, a picture (phases to the
/// right, bytes upward, one box per buffer), phases, and a table of all buffers.
inline void write_memory_map(PageWriter& page, const MemoryPlan& plan,
                             std::span<const std::string_view> phase_names) {
  detail::MemoryMap(page, plan, phase_names).write();
}

}  // namespace OCTAVO_NAMESPACE
