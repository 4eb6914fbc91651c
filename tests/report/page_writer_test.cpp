// SPDX-License-Identifier: MIT
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/page_writer.hpp>

#include "heap_guard/heap_guard.hpp"

using octavo::PageWriter;

namespace {

template <typename Write>
std::string written(Write write) {
  std::string text;
  PageWriter page([&](std::string_view piece) { text += piece; });
  write(page);
  page.flush();
  return text;
}

std::string escaped(std::string_view words) {
  return written([&](PageWriter& page) { page.text(words); });
}

}  // namespace

TEST_CASE("page writer: text shows as it is, markup goes through") {
  CHECK(written([](PageWriter& page) { page.markup("<b a=\"1\">&amp;"); }) == "<b a=\"1\">&amp;");
  CHECK(escaped("</script><b>\"'&amp;") == "&lt;/script&gt;&lt;b&gt;&quot;'&amp;amp;");
  CHECK(escaped("naïve €, 😀\n\tend") == "naïve €, 😀\n\tend");
  CHECK(escaped(std::string_view("\0\x07\r\x1b[31m\x7f", 9)) == "␀␇␍␛[31m␡");
  CHECK(escaped("a\xFFz") == "a\uFFFDz");
  CHECK(escaped("\xC0\xAF\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
  CHECK(escaped("\xE2\x82") == "\uFFFD\uFFFD");              // cut in its midst
  CHECK(escaped("\xC2\x85|\xC2\xA0") == "\uFFFD|\xC2\xA0");  // a second control, no-break space
}

TEST_CASE("page writer: numbers without locale, and what is none") {
  const auto number = [](double value, int digits) {
    return written([&](PageWriter& page) { page.number(value, digits); });
  };
  CHECK(number(1.23456789, 4) == "1.235");
  CHECK(number(0.0001, 6) == "0.0001");
  CHECK(number(-2.5e-7, 3) == "-2.5e-07");
  CHECK(number(std::numeric_limits<double>::quiet_NaN(), 3) == "-");
  CHECK(number(-std::numeric_limits<double>::infinity(), 3) == "-");
  const auto fixed = [](double value) {
    return written([&](PageWriter& page) { page.fixed(value, 1); });
  };
  CHECK(fixed(123.46) == "123.5");
  CHECK(fixed(1e300) == "1e+300");
  CHECK(written([](PageWriter& page) { page.whole(-12).markup(",").whole(9007199254740993); }) ==
        "-12,9007199254740993");
  const auto grouped = [](auto value) {
    return written([&](PageWriter& page) { page.grouped(value); });
  };
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(std::size_t{7491008}) == "7,491,008");
  CHECK(grouped(-123456) == "-123,456");
  CHECK(grouped(std::numeric_limits<std::uint64_t>::max()) == "18,446,744,073,709,551,615");
  CHECK(grouped(std::numeric_limits<std::int64_t>::min()) == "-9,223,372,036,854,775,808");
}

TEST_CASE("page writer: pieces of at most 4 KiB, together the whole, without the heap") {
  const std::string long_text(10'000, '<');
  std::vector<std::size_t> sizes;
  sizes.reserve(100);
  std::size_t letters = 0;
  PageWriter page([&](std::string_view piece) {
    sizes.push_back(piece.size());
    for (const char c : piece) letters += c == 'l';
  });
  const octavo_test::HeapGuard guard;
  page.text(long_text).markup(long_text).number(1.5, 3).flush();
  page.flush();
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(letters == 10'000);
  std::size_t total = 0;
  for (const std::size_t size : sizes) {
    CHECK(size <= 4096);
    CHECK(size > 0);
    total += size;
  }
  CHECK(total == 4 * 10'000 + 10'000 + 3);
}
