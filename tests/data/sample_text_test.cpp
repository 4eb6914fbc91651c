// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>

using namespace octavo;

TEST_CASE("the built-in text has its stated lines and characters") {
  CHECK(std::count(sample_text.begin(), sample_text.end(), '\n') == 10);
  CHECK(sample_text.ends_with('\n'));
  const std::set<char> symbols(sample_text.begin(), sample_text.end());
  CHECK(symbols.size() == 34);
  CHECK(std::all_of(symbols.begin(), symbols.end(),
                    [](char c) { return c == '\n' || (c >= ' ' && c < 127); }));
}
