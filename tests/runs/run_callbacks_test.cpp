// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/run_callbacks.hpp>

TEST_CASE("callbacks that are empty are not called") {
  const octavo::RunCallbacks none;
  none.message("a");
  none.warning("b");
  none.paused();
  std::vector<std::string> heard;
  const octavo::RunCallbacks all{
      .say = [&](const std::string& line) { heard.push_back(line); },
      .warn = [&](const std::string& what,
                  const std::string& hint) { heard.push_back(what + "/" + hint); },
      .pause = [&] { heard.emplace_back("pause"); }};
  all.message("a");
  all.warning("b");
  all.warning("c", "d");
  all.paused();
  CHECK(heard == std::vector<std::string>{"a", "b/", "c/d", "pause"});
}
