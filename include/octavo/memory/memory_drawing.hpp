// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include <octavo/memory/bytes.hpp>
#include <octavo/memory/memory_plan.hpp>

// A plan as a picture: phases to the right, bytes upward, one box per buffer.
namespace octavo {

namespace detail {

/// Text for an SVG file.
inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char symbol : text) {
    switch (symbol) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += symbol;
    }
  }
  return out;
}

class MemoryDrawing {
 public:
  MemoryDrawing(const MemoryPlan& plan, std::span<const std::string_view> phases)
      : plan_(plan), phases_(phases) {
    for (int id = 0; id < plan.size(); ++id)
      last_ = std::max(last_, plan.request(id).lifetime.last);
  }

  std::string draw(std::string_view title) {
    print(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
        "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
        width, height, width, height);
    rectangle(0, 0, width, height, "#ffffff", "none");
    label(left, 24, "start", 17, title);
    label(left, 44, "start", 12,
          std::to_string(plan_.total_bytes()) + " bytes planned; the fullest phase holds " +
              std::to_string(plan_.peak_live_bytes()));
    axis();
    for (int id = 0; id < plan_.size(); ++id) box(id);
    peak();
    legend();
    return text_ + "</svg>\n";
  }

 private:
  static constexpr int width = 1120, height = 760;
  static constexpr int left = 80, right = 24, top = 96, bottom = 70;

  static constexpr std::array<const char*, 7> colours{"#4e79a7", "#e15759", "#f1a340", "#76b7b2",
                                                      "#cfcfcf", "#b07aa1", "#8cb369"};

  template <typename... Arguments>
  void print(const char* format, Arguments... arguments) {
    char line[512];
    std::snprintf(line, sizeof(line), format, arguments...);
    text_ += line;
  }

  double x(int phase) const {
    return left + static_cast<double>(width - left - right) * phase / (last_ + 1);
  }
  double y(std::size_t bytes) const {
    const double share = static_cast<double>(bytes) /
                         static_cast<double>(std::max<std::size_t>(plan_.total_bytes(), 1));
    return height - bottom - share * (height - top - bottom);
  }

  void rectangle(double x0, double y0, double w, double h, const char* fill, const char* line) {
    print(
        "<rect x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\" fill=\"%s\" stroke=\"%s\" "
        "stroke-width=\"0.5\"/>\n",
        x0, y0, w, h, fill, line);
  }
  void label(double at_x, double at_y, const char* anchor, int size, std::string_view words) {
    print("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\" fill=\"#222\">", at_x,
          at_y, anchor, size);
    text_ += escaped(words) + "</text>\n";
  }

  /// Phases below, round numbers of bytes at the left.
  void axis() {
    for (int phase = 0; phase <= last_; ++phase) {
      const auto i = static_cast<std::size_t>(phase);
      label((x(phase) + x(phase + 1)) / 2, height - bottom + 18, "middle", 12,
            i < phases_.size() ? phases_[i] : std::to_string(phase));
    }
    label((left + width - right) / 2.0, height - bottom + 44, "middle", 12,
          "phases of a step: time runs to the right");
    const auto total = static_cast<double>(plan_.total_bytes());
    double tick = std::pow(10, std::floor(std::log10(std::max(total, 10.0) / 4)));
    while (total / tick > 8) tick *= 2;
    for (double at = 0; at <= total; at += tick) {
      const double place = y(static_cast<std::size_t>(at));
      print("<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#e4e4e4\"/>\n", left, place,
            width - right, place);
      label(left - 6, place + 4, "end", 11, readable_bytes(static_cast<std::size_t>(at)));
    }
  }

  void box(int id) {
    const MemoryRequest& request = plan_.request(id);
    const std::size_t bytes = MemoryPlan::footprint(request);
    const double x0 = x(request.lifetime.first), x1 = x(request.lifetime.last + 1);
    const double y0 = y(plan_.offset(id) + bytes), y1 = y(plan_.offset(id));
    std::string name = std::string(request.part) + ": " + std::string(request.name);
    if (request.copies > 1) name += " (x " + std::to_string(request.copies) + ")";
    text_ += "<g><title>" + escaped(name) + ", " + std::to_string(bytes) + " bytes at " +
             std::to_string(plan_.offset(id)) + "</title>\n";
    rectangle(x0 + 0.5, y0, x1 - x0 - 1, y1 - y0, colours[static_cast<std::size_t>(request.kind)],
              "#ffffff");
    if (y1 - y0 >= 13) {
      const auto fitting = static_cast<std::size_t>((x1 - x0 - 8) / 6.2);
      const std::string full = name + "  " + readable_bytes(bytes);
      const std::string& words = full.size() <= fitting ? full : name;
      label((x0 + x1) / 2, (y0 + y1) / 2 + 4, "middle", 11,
            words.size() <= fitting ? words : std::string_view(request.name).substr(0, fitting));
    }
    text_ += "</g>\n";
  }

  void peak() {
    const double place = y(plan_.total_bytes());
    print(
        "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#c00\" stroke-width=\"1.5\" "
        "stroke-dasharray=\"6 4\"/>\n",
        left, place, width - right, place);
    label(left - 6, place + 4, "end", 11, readable_bytes(plan_.total_bytes()));
  }

  void legend() {
    double at = left;
    for (std::size_t kind = 0; kind < colours.size(); ++kind) {
      const std::string_view name = name_of(static_cast<MemoryKind>(kind));
      rectangle(at, 60, 14, 14, colours[kind], "none");
      label(at + 20, 71, "start", 12, name);
      at += 44 + 7 * static_cast<double>(name.size());
    }
  }

  const MemoryPlan& plan_;
  std::span<const std::string_view> phases_;
  int last_ = 0;
  std::string text_;
};

}  // namespace detail

/// An SVG picture of a placed plan: time to the right by phases, which `phases` names from 0 on,
/// bytes upward; each buffer is the box that it occupies, in the colour of its kind, with its exact
/// bytes as a tooltip; a dashed line at the total.
inline std::string memory_drawing(const MemoryPlan& plan, std::span<const std::string_view> phases,
                                  std::string_view title) {
  return detail::MemoryDrawing(plan, phases).draw(title);
}

}  // namespace octavo
