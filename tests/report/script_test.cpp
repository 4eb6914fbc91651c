// SPDX-License-Identifier: MIT
// What the script does is tried in a browser, by tests/browser.
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/report/script.hpp>

#include "report/example_run.hpp"
#include "report/markup.hpp"
#include "report/page_text.hpp"

using octavo::detail::report_script;
using octavo::detail::report_script_hash;

TEST_CASE("the script ends where it should, loads nothing, and writes no markup") {
  for (const std::string_view word : {"</", "http:", "https:", "fetch", "import", "innerHTML",
                                      "eval(", "document.write", "setTimeout"}) {
    INFO(word);
    CHECK(report_script.find(word) == report_script.npos);
  }
}

TEST_CASE("the page has the script once, as it is, and allows no other by its hash") {
  const ExampleRun example(100);
  const std::string text = page_text::page_of(example.run, example.history);
  const markup::Page page(text);
  REQUIRE(page.all("script").size() == 1);
  CHECK(page.all("script")[0]->text == report_script);
  CHECK(report_script_hash.size() == 44);  // of SHA-256, in base 64
  CHECK(report_script_hash.ends_with('='));
  CHECK(text.find("'sha256-" + std::string(report_script_hash) + "'") != text.npos);
}
