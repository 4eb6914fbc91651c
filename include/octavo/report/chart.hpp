// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/report/page_writer.hpp>
#include <octavo/report/scale.hpp>
#include <octavo/report/svg.hpp>

namespace OCTAVO_NAMESPACE {

/// A point of a curve, in the numbers of its axes.
struct ChartPoint {
  double x = 0, y = 0;
};

/// A curve. `look`: its class in the page's style, "raw", "smooth" or "validation".
struct ChartSeries {
  std::string_view name, look;
  std::vector<ChartPoint> points = {};
};

/// A horizontal line that explains a value.
struct ChartReference {
  std::string_view name;
  double y = 0;
  bool always = true;  ///< otherwise only if the curves come near
};

/// Curves over the steps of a run.
struct Chart {
  std::string_view id = {};  ///< an identifier for the page's script and links
  std::string_view title = {}, unit = {};
  std::string_view second_unit = {};  ///< of the axis on the right; empty: no such axis
  double second_factor = 1;           ///< the right axis's value for 1 on the left axis
  std::string_view note = {};         ///< a remark below the title
  bool legend = false;                ///< names of the curves below the title
  int column = 0;                     ///< column of the page's table of points, for the read-out
  Index steps = 0;                    ///< end of the axis
  double height = 180;                ///< of the plot, in pixels
  bool from_zero = true;
  std::vector<ChartSeries> series = {};
  std::vector<ChartReference> references = {};
};

namespace detail {

/// The markup of a chart. It is as wide as the page: horizontal positions are in percent, and
/// curves are in a stretched box; heights and letters are in pixels.
class ChartDrawing {
 public:
  ChartDrawing(PageWriter& page, const Chart& chart)
      : page_(page), chart_(chart), x_(ReportScale::of_steps(chart.steps)), y_(range(chart)) {}

  void write() {
    page_.markup("<figure class=\"chart\" id=\"").text(chart_.id).markup("\" data-column=\"");
    page_.whole(chart_.column).markup("\" data-steps=\"").whole(chart_.steps).markup("\">\n");
    write_caption();
    page_.markup(has_second() ? "<div class=\"plot two\">" : "<div class=\"plot\">");
    page_.markup("<svg role=\"img\" width=\"100%\" height=\"");
    page_.markup(svg::number(chart_.height)).markup("\" aria-labelledby=\"").text(chart_.id);
    page_.markup("-title ").text(chart_.id).markup("-desc\">\n<title id=\"").text(chart_.id);
    page_.markup("-title\">").text(chart_.title).markup("</title>\n");
    write_description();
    write_axes();
    page_.markup("<svg width=\"100%\" height=\"").markup(svg::number(chart_.height));
    page_.markup("\" viewBox=\"0 0 1000 ").markup(svg::number(chart_.height));
    page_.markup("\" preserveAspectRatio=\"none\">\n");
    for (const ChartSeries& series : chart_.series) write_curve(series);
    page_.markup("</svg>\n");
    for (const ChartReference& line : chart_.references) write_reference(line);
    for (const ChartSeries& series : chart_.series) write_dots(series);
    page_.markup("</svg></div>\n</figure>\n");
  }

 private:
  /// With more evaluations than this, they are drawn as a line with one dot, at the best.
  static constexpr std::size_t most_dots = 64;

  struct Extremes {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();

    void include(double value) {
      if (!is_drawable(value)) return;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    bool any() const { return low <= high; }
  };

  static Extremes extremes(const ChartSeries& series) {
    Extremes found;
    for (const ChartPoint& point : series.points) found.include(point.y);
    return found;
  }

  /// The range of the axis. It includes zero unless small values would then be invisible.
  static ReportScale range(const Chart& chart) {
    Extremes found;
    for (const ChartSeries& series : chart.series) {
      const Extremes own = extremes(series);
      if (own.any()) found.include(own.low), found.include(own.high);
    }
    for (const ChartReference& line : chart.references) {
      if (line.always && found.any()) found.include(line.y);
    }
    const bool decades = found.low > 0 && found.high / found.low >= 999;
    if (chart.from_zero && found.any() && !decades) found.include(0);
    return ReportScale(found.low, found.high);
  }

  double height_of(double value) const { return chart_.height * (1 - y_.share(value)); }

  bool has_second() const { return !chart_.second_unit.empty(); }

  /// The title and the units of the axes; below them a line with names, remarks and the read-out.
  /// Every chart has this line, so that neighbouring plots start at the same height.
  void write_caption() {
    page_.markup("<figcaption><div class=\"head\"><b>").text(chart_.title);
    page_.markup("</b> <span class=\"unit\">").text(chart_.unit);
    page_.markup(y_.logarithmic() ? ", logarithmic" : "").markup("</span>");
    if (has_second())
      page_.markup(" <span class=\"unit\">").text(chart_.second_unit).markup("</span>");
    page_.markup("</div>\n");
    if (chart_.legend) {
      page_.markup("<div class=\"keys\">");
      for (const ChartSeries& series : chart_.series) {
        if (series.points.empty()) continue;
        page_.markup("<span class=\"key ").text(series.look).markup("\">");
        page_.text(series.name).markup("</span> ");
      }
      page_.markup("</div>\n");
    }
    page_.markup("<div class=\"readout\"><span>").text(chart_.note);
    page_.markup("</span><output></output></div></figcaption>\n");
  }

  /// A text for screen readers: start, end and range of each curve.
  void write_description() {
    page_.markup("<desc id=\"").text(chart_.id).markup("-desc\">Over ").whole(chart_.steps);
    page_.markup(" steps.");
    for (const ChartSeries& series : chart_.series) {
      const Extremes own = extremes(series);
      if (!own.any()) continue;
      page_.markup(" ").text(series.name).markup(": from ").number(series.points.front().y, 4);
      page_.markup(" to ").number(series.points.back().y, 4).markup(", lowest ");
      page_.number(own.low, 4).markup(", highest ").number(own.high, 4).markup(".");
    }
    for (const ChartReference& line : chart_.references) {
      page_.markup(" ").text(line.name).markup(": ").number(line.y, 4).markup(".");
    }
    page_.markup("</desc>\n");
  }

  void write_axes() {
    for (const double tick : y_.ticks()) {
      const std::string y = svg::number(height_of(tick));
      page_.markup("<line class=\"grid\" x2=\"100%\" y1=\"").markup(y).markup("\" y2=\"");
      page_.markup(y).markup("\"/><text class=\"y\" x=\"-8\" y=\"").markup(y);
      page_.markup("\" dy=\".35em\">").markup(y_.label(tick)).markup("</text>\n");
    }
    if (has_second()) write_second_axis();
    const std::string below = svg::number(chart_.height + 18);
    for (const double tick : x_.ticks()) {
      page_.markup("<text class=\"x\" x=\"").markup(percent(tick)).markup("\" y=\"").markup(below);
      page_.markup("\">").markup(x_.label(tick)).markup("</text>\n");
    }
    page_.markup("<text class=\"name\" x=\"50%\" y=\"");
    page_.markup(svg::number(chart_.height + 34)).markup("\">steps</text>\n");
  }

  /// The right axis: the values in the other unit, with ticks at round numbers of that unit.
  void write_second_axis() {
    const double factor = chart_.second_factor;
    const ReportScale scale(y_.low() * factor, y_.high() * factor);
    for (const double tick : scale.ticks()) {
      if (tick < y_.low() * factor || tick > y_.high() * factor) continue;
      const std::string y = svg::number(height_of(tick / factor));
      page_.markup("<text class=\"y2\" x=\"100%\" dx=\"8\" y=\"").markup(y);
      page_.markup("\" dy=\".35em\">").markup(scale.label(tick)).markup("</text>\n");
    }
  }

  std::string percent(double step) const { return svg::number(100 * x_.share(step)).append("%"); }

  /// Values that are not finite make a gap.
  void write_curve(const ChartSeries& series) {
    if (series.points.empty()) return;
    page_.markup("<path class=\"").text(series.look).markup("\" d=\"");
    bool drawn = false;
    for (const ChartPoint& point : series.points) {
      if (!is_drawable(point.y)) {
        drawn = false;
        continue;
      }
      page_.markup(drawn ? "L" : "M").fixed(1000 * x_.share(point.x), 1).markup(" ");
      page_.fixed(height_of(point.y), 1);
      if (!drawn) page_.markup("h0");  // a single point is a dot
      drawn = true;
    }
    page_.markup("\"/>\n");
  }

  void write_dots(const ChartSeries& series) {
    if (series.look != "validation") return;
    const double lowest = extremes(series).low;
    for (const ChartPoint& point : series.points) {
      const bool best = point.y == lowest;
      if (!is_drawable(point.y) || (series.points.size() > most_dots && !best)) continue;
      page_.markup("<circle class=\"")
          .text(series.look)
          .markup(best ? " best\" r=\"5" : "\" r=\"3.5");
      page_.markup("\" cx=\"")
          .markup(percent(point.x))
          .markup("\" cy=\"")
          .markup(svg::number(height_of(point.y)));
      page_.markup("\"/>\n");
    }
  }

  void write_reference(const ChartReference& line) {
    if (!is_drawable(line.y) || line.y < y_.low() || line.y > y_.high()) return;
    const double y = height_of(line.y);
    page_.markup("<line class=\"reference\" x2=\"100%\" y1=\"").markup(svg::number(y));
    page_.markup("\" y2=\"").markup(svg::number(y)).markup("\"/>\n");
    const double label = y < 16 ? y + 14 : y - 4;
    if (std::abs(label - last_label_) < 15) return;  // it would overlap another label
    last_label_ = label;
    page_.markup("<text class=\"reference\" x=\"100%\" dx=\"-4\" y=\"");
    page_.markup(svg::number(label)).markup("\">");
    page_.text(line.name).markup(" ").number(line.y, 4).markup("</text>\n");
  }

  PageWriter& page_;
  const Chart& chart_;
  ReportScale x_, y_;
  double last_label_ = -100;  ///< vertical position of the last reference's name
};

}  // namespace detail

/// Writes a chart as an HTML <figure> with an SVG picture. It needs the page's style.
inline void write_chart(PageWriter& page, const Chart& chart) {
  detail::ChartDrawing(page, chart).write();
}

/// The mean of each point and its neighbours, up to `reach` on either side; numbers that are not
/// finite are ignored.
inline std::vector<ChartPoint> smoothed(std::span<const ChartPoint> points, std::size_t reach) {
  std::vector<ChartPoint> result(points.begin(), points.end());
  for (std::size_t i = 0; i < points.size(); ++i) {
    double sum = 0, count = 0;
    const std::size_t last = std::min(i + reach, points.size() - 1);
    for (std::size_t j = i - std::min(i, reach); j <= last; ++j) {
      if (!is_drawable(points[j].y)) continue;
      sum += points[j].y;
      ++count;
    }
    result[i].y = count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
  }
  return result;
}

}  // namespace OCTAVO_NAMESPACE
