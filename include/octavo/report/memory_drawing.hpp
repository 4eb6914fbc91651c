// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/report/drawing_sheet.hpp>
#include <octavo/report/memory_report.hpp>
#include <octavo/report/svg.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// One square and name per kind of memory in the plan, wrapped at the sheet's right edge.
inline std::string drawing_legend(const DrawingSheet& sheet, double& baseline) {
  std::string text;
  double x = DrawingSheet::left;
  for (const MemoryKind kind : memory_kinds) {
    const std::size_t bytes = kind_bytes(sheet.plan, kind);
    if (bytes == 0) continue;
    const std::string label = std::string(name_of(kind)).append(" ").append(readable_bytes(bytes));
    const double width = svg::text_width(label) + 26;
    if (x + width > sheet.width()) {
      x = DrawingSheet::left;
      baseline += 20;
    }
    text += svg::rectangle({x, baseline - 10, 12, 12}, color_of(kind).fill, color_of(kind).stroke);
    text += svg::text(x + 18, baseline, label);
    x += width;
  }
  return text;
}

/// Horizontal lines at round numbers of bytes, eight or fewer.
inline std::string drawing_axis(const DrawingSheet& sheet) {
  constexpr const char* units[] = {" B", " kB", " MB", " GB", " TB", " PB", " EB"};
  const double total = static_cast<double>(sheet.plan.total_bytes());
  double step = 1;
  for (int i = 0; total / step > 8; ++i) step *= i % 3 == 1 ? 2.5 : 2;  // 1 2 5 10 20 50 ...
  double divisor = 1;
  int unit = 0;
  for (; std::floor(total / step) * step / divisor >= 1000; divisor *= 1000) ++unit;
  std::string text;
  for (double bytes = 0; bytes <= total; bytes += step) {
    const double y = sheet.y(bytes);
    text += svg::lines(svg::to_the_right(DrawingSheet::left - 5, y, sheet.plot_width() + 5),
                       "#e4e7eb", 1);
    text += svg::text(DrawingSheet::left - 10, y + 4, svg::number(bytes / divisor) + units[unit],
                      {.anchor = "end", .fill = quiet_color});
  }
  return text;
}

/// The columns' names and live bytes below the plot; the fullest columns are highlighted.
inline std::string drawing_phases(const DrawingSheet& sheet) {
  std::string text;
  for (int phase = sheet.phases.first; phase <= sheet.phases.last; ++phase) {
    const std::size_t live = sheet.plan.live_bytes(phase);
    const bool peak = live == sheet.plan.peak_live_bytes();
    const double width = sheet.column_width();
    const double middle = sheet.x(phase) + width / 2;
    const svg::TextStyle name{.anchor = "middle", .fill = peak ? peak_color : ink_color};
    const svg::TextStyle number{
        .size = 11, .anchor = "middle", .fill = peak ? peak_color : quiet_color};
    if (peak) {
      text += svg::rectangle({sheet.x(phase), sheet.top, width, sheet.height() - sheet.top - 8},
                             "#fdf1ee");
    }
    text += svg::text(middle, sheet.y(0) + 22,
                      svg::fitted(phase_name(phase, sheet.names), width - 4, name), name);
    text += svg::text(middle, sheet.y(0) + 40,
                      std::string(peak ? "peak " : "") + readable_bytes(live), number);
  }
  return text;
}

/// The tooltip of a buffer.
inline std::string drawing_tooltip(const DrawingSheet& sheet, int id) {
  const MemoryRequest& request = sheet.plan.request(id);
  const Lifetime alive = request.lifetime;
  std::string text = std::string(request.part).append(": ").append(request.name).append("\n");
  text += detail::concat({MemoryPlan::footprint(request), " bytes"});
  if (request.copies > 1) {
    text.append(" = ").append(std::to_string(request.own_copies())).append(" copies of ");
    text += detail::concat({sheet.plan.stride(id), overlay_note(sheet.plan, id)});
  }
  text.append("\n").append(name_of(request.kind)).append(", alive in ");
  text += phase_name(alive.first, sheet.names);
  if (alive.last != alive.first) text.append(" to ").append(phase_name(alive.last, sheet.names));
  text.append(" (").append(std::to_string(alive.first)).append(" to ");
  text.append(std::to_string(alive.last)).append(")\noffset ");
  return detail::concat({text, sheet.plan.offset(id)});
}

/// The longest of three labels that fits; none in a box that is too small for text.
inline std::string drawing_label(const MemoryRequest& request, const svg::Rectangle& box) {
  const svg::TextStyle style{.size = std::clamp(box.height * 0.7, 10.0, 12.0)};
  if (box.height < 11.5) return "";
  std::string name = std::string(request.name);
  if (request.own_copies() > 1) {
    name.append(" \u00d7 ").append(std::to_string(request.own_copies()));
  }
  const std::string bytes = readable_bytes(MemoryPlan::footprint(request));
  const std::string full = std::string(request.part).append(": ").append(name);
  for (const std::string& label : {detail::concat({full, ", ", bytes}), full, name}) {
    if (svg::text_width(label, style) + 12 > box.width) continue;
    return svg::text(box.x + 7, box.y + box.height / 2 + style.size * 0.36, label, style);
  }
  return "";
}

inline std::string drawing_box(const DrawingSheet& sheet, int id) {
  const MemoryRequest& request = sheet.plan.request(id);
  const KindColor color = color_of(request.kind);
  const svg::Rectangle box = sheet.box(id);
  std::string text =
      detail::concat({"<g class=\"buffer\"><title>", svg::escaped(drawing_tooltip(sheet, id)),
                      "</title>\n", svg::rectangle(box, color.fill, color.stroke)});
  const double copy = box.height / static_cast<double>(request.own_copies());
  std::string divisions;
  for (Index i = 1; copy >= 4 && i < request.own_copies(); ++i) {
    divisions += svg::to_the_right(box.x, box.y + copy * static_cast<double>(i), box.width);
  }
  if (!divisions.empty()) text += svg::lines(divisions, color.stroke, 0.5, "2 3");
  return detail::concat({text, "<g paint-order=\"stroke\" stroke-width=\"3\" stroke=\"", color.fill,
                         "\">", drawing_label(request, box), "</g></g>\n"});
}

/// The exact numbers in words: the size of the block, and the phase with the most memory in use.
inline std::string drawing_caption(const DrawingSheet& sheet) {
  const MemoryPlan& plan = sheet.plan;
  const std::size_t total = plan.total_bytes(), live = plan.peak_live_bytes();
  std::string peak = detail::concat({"Most alive at once: ", live, " bytes, in: "});
  const char* separator = "";
  for (int phase = sheet.phases.first; phase <= sheet.phases.last; ++phase) {
    if (plan.live_bytes(phase) != live) continue;
    peak.append(separator).append(phase_name(phase, sheet.names));
    separator = ", ";
  }
  const std::string line = detail::concat({total, " bytes (", readable_bytes(total), ")"});
  const svg::TextStyle style{.size = 13, .fill = quiet_color};
  const double room = sheet.width() - DrawingSheet::left - 8;
  return svg::text(DrawingSheet::left, 58, detail::concat({"One block of ", line, "."}), style) +
         svg::text(DrawingSheet::left, 76,
                   svg::fitted(plan.size() > 0 ? detail::concat({peak, "."}) : "No buffers.", room,
                               style),
                   style);
}

}  // namespace detail

/// Draws a placed plan as a self-contained SVG: phases to the right, bytes upward, one box per
/// buffer at its offsets. A tooltip shows the bytes of a box. The dashed line is the total; the
/// columns of the phases with the most live bytes are tinted. Every phase from first to last is a
/// column, so phases should be numbered without gaps. Calls `write` with pieces of the text
/// (std::string_view).
template <typename Write>
void write_memory_drawing(const MemoryPlan& plan, std::span<const std::string_view> phase_names,
                          std::string_view title, Write&& write) {
  constexpr double left = detail::DrawingSheet::left;
  constexpr svg::TextStyle heading{.size = 19, .bold = true};
  detail::DrawingSheet sheet{plan, phase_names, phases_of(plan), 0};
  double legend_line = 104;
  const std::string legend = detail::drawing_legend(sheet, legend_line);
  sheet.top = legend_line + 14;
  const std::string width = svg::number(sheet.width());
  const std::string height = svg::number(sheet.height());
  write(detail::concat({"<svg",
                        svg::attributes({{"xmlns", "http://www.w3.org/2000/svg"},
                                         {"width", width},
                                         {"height", height},
                                         {"viewBox", detail::concat({"0 0 ", width, " ", height})},
                                         {"font-family", "Helvetica, Arial, sans-serif"}}),
                        ">\n"}));
  write(svg::rectangle({0, 0, sheet.width(), sheet.height()}, "#ffffff"));
  write(svg::text(left, 34, svg::fitted(title, sheet.width() - left - 8, heading), heading));
  write(detail::drawing_caption(sheet));
  write(legend);
  write(detail::drawing_phases(sheet));
  write(detail::drawing_axis(sheet));
  for (int id = 0; id < plan.size(); ++id) write(detail::drawing_box(sheet, id));
  const double y = sheet.y(static_cast<double>(plan.total_bytes()));
  write(svg::lines(svg::to_the_right(left, y, sheet.plot_width()), detail::peak_color, 1.5, "7 4"));
  write(svg::text(left + sheet.plot_width() - 4, y - 8,
                  detail::concat({"total ", plan.total_bytes(), " bytes"}),
                  {.anchor = "end", .fill = detail::peak_color, .bold = true}));
  write(std::string_view("</svg>\n"));
}

/// As above, as one string.
inline std::string memory_drawing(const MemoryPlan& plan,
                                  std::span<const std::string_view> phase_names,
                                  std::string_view title) {
  std::string text;
  write_memory_drawing(plan, phase_names, title, [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace OCTAVO_NAMESPACE
