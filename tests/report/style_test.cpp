// SPDX-License-Identifier: MIT
// How the page looks is tried in a browser, by tests/browser.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/report/style.hpp>

using octavo::detail::report_style;

namespace {

/// A colour of one of the two schemes, 0xrrggbb.
std::uint32_t color(std::string_view scheme, const std::string& name) {
  const std::size_t at = scheme.find("--" + name + ": #");
  REQUIRE_MESSAGE(at != scheme.npos, name);
  return static_cast<std::uint32_t>(
      std::stoul(std::string(scheme.substr(at + name.size() + 5, 6)), nullptr, 16));
}

/// WCAG 2's relative luminance.
double luminance(std::uint32_t rgb) {
  const auto linear = [&](int shift) {
    const double share = (rgb >> shift & 0xFF) / 255.0;
    return share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0);
}

double contrast(std::uint32_t a, std::uint32_t b) {
  const double light = std::max(luminance(a), luminance(b)),
               dark = std::min(luminance(a), luminance(b));
  return (light + 0.05) / (dark + 0.05);
}

}  // namespace

TEST_CASE("letters have a contrast of 4.5 and more to what is behind them, in light and dark") {
  const std::size_t dark = report_style.find("prefers-color-scheme: dark");
  REQUIRE(dark != report_style.npos);
  CHECK(contrast(0x000000, 0xffffff) == doctest::Approx(21));
  for (const std::string_view scheme : {report_style.substr(0, dark), report_style.substr(dark)}) {
    for (const std::pair<const char*, const char*>& colors :
         {std::pair("ink", "page"), std::pair("ink", "card"), std::pair("ink", "well"),
          std::pair("ink", "mark"), std::pair("ink", "notice"), std::pair("quiet", "page"),
          std::pair("quiet", "card"), std::pair("reference", "card"), std::pair("bad", "card")}) {
      INFO(colors.first, " on ", colors.second);
      CHECK(contrast(color(scheme, colors.first), color(scheme, colors.second)) >= 4.5);
    }
    for (int kind = 0; kind < 7; ++kind) {
      INFO("kind ", kind);
      CHECK(contrast(color(scheme, "ink"), color(scheme, "kind" + std::to_string(kind))) >= 4.5);
    }
  }
}

TEST_CASE("the style ends where it should, and loads nothing") {
  for (const std::string_view word : {"</", "url(", "@import", "http:", "https:"}) {
    CHECK(report_style.find(word) == report_style.npos);
  }
  std::size_t open = 0;
  for (const char symbol : report_style) {
    open += symbol == '{' ? 1 : 0;
    REQUIRE((symbol != '}' || open > 0));
    open -= symbol == '}' ? 1 : 0;
  }
  CHECK(open == 0);
}
