// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

#include <octavo/memory/memory_plan.hpp>
#include <octavo/memory/memory_request.hpp>
#include <octavo/report/svg.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// The positions of phases and bytes on the sheet, in pixels.
struct DrawingSheet {
  static constexpr double left = 76, right = 28, column = 132, headroom = 30;
  static constexpr double plot_height = 820, footer = 74;

  const MemoryPlan& plan;
  std::span<const std::string_view> names;
  Lifetime phases;
  double top;  ///< top of the plot, below title and legend

  double columns() const { return std::max(phases.last - phases.first + 1, 1); }
  double column_width() const { return std::max(column, 620 / columns()); }
  double plot_width() const { return columns() * column_width(); }
  double width() const { return left + plot_width() + right; }
  double height() const { return y(0) + footer; }
  double x(int phase) const { return left + (phase - phases.first) * column_width(); }
  double y(double bytes) const {
    const double most = std::max(static_cast<double>(plan.total_bytes()), 1.0);
    return top + headroom + plot_height * (1 - bytes / most);
  }
  svg::Rectangle box(int id) const {
    const MemoryRequest& request = plan.request(id);
    const double bytes = static_cast<double>(MemoryPlan::footprint(request));
    const double end = static_cast<double>(plan.offset(id)) + bytes;
    return {x(request.lifetime.first), y(end),
            x(request.lifetime.last + 1) - x(request.lifetime.first), y(0) - y(bytes)};
  }
};

struct KindColor {
  std::string_view fill, stroke;
};

constexpr KindColor color_of(MemoryKind kind) {
  switch (kind) {
    case MemoryKind::parameters:
      return {"#b9d3ec", "#5a86b3"};
    case MemoryKind::gradients:
      return {"#f6cfa6", "#c08a4e"};
    case MemoryKind::optimizer_state:
      return {"#bfdfbc", "#659a60"};
    case MemoryKind::saved:
      return {"#eec3d0", "#b5728a"};
    case MemoryKind::scratch:
      return {"#dfe2e6", "#8f969f"};
    case MemoryKind::cache:
      return {"#d5c8ec", "#8572ad"};
    case MemoryKind::data:
      return {"#f3e6a8", "#b39d3f"};
  }
  return {"#ffffff", "#000000"};
}

inline constexpr std::string_view ink_color = svg::TextStyle{}.fill, quiet_color = "#5f6b7a",
                                  peak_color = "#b3382c";

}  // namespace OCTAVO_NAMESPACE::detail
