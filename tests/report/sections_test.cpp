// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/sections.hpp>

#include "report/example_run.hpp"
#include "report/markup.hpp"
#include "report/page_text.hpp"

using octavo::Index;
using page_text::page_of;

TEST_CASE("report: samples are the first, the last, and what lies between them") {
  for (const Index count : {1, 2, 15, 16, 17, 40, 1000}) {
    CAPTURE(count);
    octavo::detail::SampleChoice choice(count);
    std::vector<Index> chosen;
    for (Index i = 0; i < count; ++i) {
      if (choice.next()) chosen.push_back(i);
    }
    CHECK(static_cast<Index>(chosen.size()) == std::min<Index>(count, 16));
    CHECK(chosen.front() == 0);
    CHECK(chosen.back() == count - 1);
    for (std::size_t i = 1; i < chosen.size(); ++i) {
      CHECK(chosen[i] - chosen[i - 1] <= count / 15 + 1);
    }
  }
}

TEST_CASE("report: the newest sample stands first, the prompt is marked") {
  ExampleRun example(2000);
  octavo::SamplesFile(example.run.samples, 5000).add(2500, "To be caf\xC3\xA9 caf\xC3");
  const markup::Page page(page_of(example.run, example.history));
  const auto samples = page.all("pre");
  REQUIRE(samples.size() == 3 + 2);             // and two commands
  CHECK(samples[0]->text == " caf\u00e9 caf");  // without half a character
  CHECK(samples[1]->text == ", or not to be");
  CHECK(samples[2]->text == "qz jw\nkx");
  REQUIRE(page.all("mark").size() == 3);  // one of them in the words about it
  CHECK(page.all("mark")[1]->text == "To be");
  const auto folded = page.all("summary");
  CHECK(folded.at(0)->text == "Step 2,000: training 1.508, validation 1.612");
  CHECK(folded.at(1)->text.starts_with("Step 10: training 4."));
}

TEST_CASE("report: the end of a sample is a whole character") {
  using octavo::detail::whole_end;
  CHECK(whole_end("") == "");
  CHECK(whole_end("abc") == "abc");
  CHECK(whole_end("ab\u20ac") == "ab\u20ac");
  CHECK(whole_end("ab\xe2\x82") == "ab");
  CHECK(whole_end("ab\xf0\x9f\x98") == "ab");
  CHECK(whole_end("ab\xc3") == "ab");
  CHECK(whole_end("ab\x82") == "ab\x82");  // the end of nothing
}

TEST_CASE("report: what a run has nothing to say about is left out") {
  octavo::RunReport run;
  const auto text = page_text::written([&](octavo::PageWriter& page) {
    octavo::detail::write_samples(page, run, octavo::RunHistory());
    octavo::detail::write_commands(page, run);
    octavo::detail::write_memory(page, run);
  });
  CHECK(text.empty());
  run.generate = "go <on>";
  const markup::Page page(page_text::written(
      [&](octavo::PageWriter& writer) { octavo::detail::write_commands(writer, run); }));
  CHECK(page.error().empty());
  REQUIRE(page.all("code").size() == 1);
  CHECK(page.all("code")[0]->text == "go <on>");
}

TEST_CASE("report: the whole configuration, group by group") {
  octavo::RunReport run;
  run.configuration = {{"Model", {{"layers", "2"}, {"width", "128"}}}, {"Text", {{"data", "a&b"}}}};
  const markup::Page page(page_text::written(
      [&](octavo::PageWriter& writer) { octavo::detail::write_configuration(writer, run); }));
  CHECK(page.error().empty());
  std::string all;
  for (const auto& element : page.elements()) {
    const bool told =
        element.tag == "h3" || element.tag == "td" || element.attribute("scope") == "row";
    if (told) all += element.text + "|";
  }
  CHECK(all == "Model|layers|2|width|128|Text|data|a&b|");
}
