// SPDX-License-Identifier: MIT
#include <cmath>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/report/terminal_text.hpp>

#include "heap_guard/heap_guard.hpp"

using octavo::Ink;
using octavo::TerminalText;

TEST_CASE("words for numbers") {
  const auto clock = [](double seconds) { return std::string(octavo::clock_time(seconds)); };
  CHECK(clock(-1) == "0:00");
  CHECK(clock(7) == "0:07");
  CHECK(clock(59.6) == "1:00");
  CHECK(clock(725) == "12:05");
  CHECK(clock(12011) == "3:20:11");
  CHECK(clock(86400 * 2 + 3600 * 3) == "2 d 3 h");
  CHECK(clock(std::nan("")) == "?");
  CHECK(std::string(octavo::short_count(950)) == "950");
  CHECK(std::string(octavo::short_count(12345)) == "12.3k");
  CHECK(std::string(octavo::short_count(4.56e6)) == "4.56M");
  CHECK(std::string(octavo::short_loss(12.3456)) == "12.35");
  CHECK(std::string(octavo::short_loss(1e-9)) == "1e-09");
  CHECK(std::string(octavo::short_bytes(640e3)) == "640 kB");
  CHECK(std::string(octavo::short_bytes(2.031e9)) == "2.03 GB");
}

TEST_CASE("characters take columns, escapes take none, and ink changes only where it is another") {
  TerminalText plain({80, false, true});
  plain.add("a\u00e9\u20ac", Ink::strong);
  plain.fill("\u2588", 3, Ink::training);
  plain.end();
  CHECK(plain.view() == "a\u00e9\u20ac\u2588\u2588\u2588");
  CHECK(plain.columns() == 6);
  CHECK(plain.style().unicode);
  TerminalText colored({80, true, false});
  colored.add("a");
  colored.add("b", Ink::strong);
  colored.add("");
  colored.add("c", Ink::strong);
  colored.add("d", Ink::validation);
  colored.end();
  colored.end();
  CHECK(colored.view() == "a\x1b[0;1mbc\x1b[0;33md\x1b[0m");
  CHECK(colored.columns() == 4);
}

TEST_CASE("what does not fit is left out, whole, without the heap") {
  const octavo_test::HeapGuard guard;
  TerminalText text({80, false, false});
  text.fill("0123456789", 1000);
  const auto allocations = guard.allocations();
  CHECK(text.view().size() == 4090);
  CHECK(allocations == 0);
}
