// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>

#include <doctest/doctest.h>

#include <octavo/data/soliloquy.hpp>

using namespace octavo;

TEST_CASE("the built-in text has its stated lines and characters") {
  CHECK(std::count(soliloquy.begin(), soliloquy.end(), '\n') == 10);
  CHECK(soliloquy.ends_with('\n'));
  const std::set<char> symbols(soliloquy.begin(), soliloquy.end());
  CHECK(symbols.size() == 34);
  CHECK(std::all_of(symbols.begin(), symbols.end(),
                    [](char c) { return c == '\n' || (c >= ' ' && c < 127); }));
}
