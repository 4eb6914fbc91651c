// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/concat.hpp>

// The elements of SVG that a drawing needs, as text. Styles are attributes, not a <style>, so that
// a drawing inside a page does not change the page.
namespace OCTAVO_NAMESPACE::svg {

/// Escapes a text for XML; characters that XML does not allow become spaces.
inline std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? ' ' : c;
    }
  }
  return result;
}

/// A number with thousandths of a pixel. Not printf, whose decimal point depends on the locale.
inline std::string number(double value) {
  const long long thousandths = std::llround(std::abs(value) * 1000);
  std::string digits = std::to_string(thousandths % 1000 + 1000);
  digits[0] = '.';
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits == ".") digits.clear();
  std::string text = value < 0 && thousandths > 0 ? "-" : "";
  return text.append(std::to_string(thousandths / 1000)).append(digits);
}

/// Attributes with their values, each preceded by a space.
using Attributes = std::initializer_list<std::pair<std::string_view, std::string>>;

inline std::string attributes(Attributes list) {
  std::string text;
  for (const auto& [name, value] : list) {
    text.append(" ").append(name).append("=\"").append(escaped(value)).append("\"");
  }
  return text;
}

/// An element with attributes only.
inline std::string element(std::string_view tag, Attributes list) {
  return std::string("<").append(tag).append(attributes(list)).append("/>\n");
}

/// In pixels, y downward.
struct Rectangle {
  double x = 0, y = 0, width = 0, height = 0;
};

inline std::string rectangle(const Rectangle& area, std::string_view fill,
                             std::string_view stroke = "none") {
  return element("rect", {{"x", number(area.x)},
                          {"y", number(area.y)},
                          {"width", number(area.width)},
                          {"height", number(area.height)},
                          {"fill", std::string(fill)},
                          {"stroke", std::string(stroke)},
                          {"stroke-width", "0.6"}});
}

/// A horizontal line, as a part of a path.
inline std::string to_the_right(double x, double y, double length) {
  return detail::concat({"M", number(x), " ", number(y), "h", number(length)});
}

/// A path of one or more lines, such as to_the_right() returns.
inline std::string lines(std::string_view path, std::string_view stroke, double width,
                         std::string_view dashes = "none") {
  return element("path", {{"d", std::string(path)},
                          {"stroke", std::string(stroke)},
                          {"stroke-width", number(width)},
                          {"stroke-dasharray", std::string(dashes)},
                          {"fill", "none"}});
}

/// The attributes of a text; the size is in pixels.
struct TextStyle {
  double size = 12;
  std::string_view anchor = "start";  ///< or "middle", "end"
  std::string_view fill = "#1f2933";
  bool bold = false;
};

inline std::string text(double x, double baseline, std::string_view words,
                        const TextStyle& style = {}) {
  return detail::concat({"<text",
                         attributes({{"x", number(x)},
                                     {"y", number(baseline)},
                                     {"font-size", number(style.size)},
                                     {"text-anchor", std::string(style.anchor)},
                                     {"fill", std::string(style.fill)},
                                     {"font-weight", style.bold ? "600" : "400"}}),
                         ">", escaped(words), "</text>\n"});
}

/// An upper bound of the width of a text: the font is unknown, so a wide one is assumed.
inline double text_width(std::string_view words, const TextStyle& style = {}) {
  return static_cast<double>(words.size()) * style.size * (style.bold ? 0.68 : 0.62);
}

/// The words, cut at the end if they do not fit.
inline std::string fitted(std::string_view words, double room, const TextStyle& style = {}) {
  if (text_width(words, style) <= room) return std::string(words);
  const auto continues = [](char c) { return (c & 0xC0) == 0x80; };  // a character of UTF-8
  while (!words.empty() && text_width(words, style) + style.size > room) {
    while (words.size() > 1 && continues(words.back())) words.remove_suffix(1);
    words.remove_suffix(1);
  }
  return detail::concat({words, "\u2026"});
}

}  // namespace OCTAVO_NAMESPACE::svg
