// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/report/svg.hpp>

using namespace octavo;

TEST_CASE("what XML gives a meaning is escaped, what it cannot hold is left out") {
  CHECK(svg::escaped("a <b> & \"c\"\n\x01.") == "a &lt;b&gt; &amp; &quot;c&quot;\n .");
  CHECK(svg::element("g", {{"id", "a\"&b"}}) == "<g id=\"a&quot;&amp;b\"/>\n");
  CHECK(svg::text(1, 2, "1 < 2").find(">1 &lt; 2</text>") != std::string::npos);
}

TEST_CASE("numbers have a point, three digits at most, and no zeros at their end") {
  CHECK(svg::number(0) == "0");
  CHECK(svg::number(120) == "120");
  CHECK(svg::number(-2.5) == "-2.5");
  CHECK(svg::number(0.0625) == "0.063");
  CHECK(svg::number(1.9996) == "2");
  CHECK(svg::number(-0.0001) == "0");
  CHECK(svg::number(3.04) == "3.04");
}

TEST_CASE("words that are too wide lose their end, never half a character") {
  CHECK(svg::fitted("short", 100) == "short");
  const std::string cut = svg::fitted("a name that is too long", 60);
  CHECK(cut.starts_with("a na"));
  CHECK(cut.ends_with("\u2026"));
  CHECK(svg::text_width(cut) < 60 + 2 * 12);  // the ellipsis is three bytes
  CHECK(svg::fitted("\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", 50) ==
        "\u00e9\u00e9\u2026");
  CHECK(svg::fitted("words", 0) == "\u2026");
}
