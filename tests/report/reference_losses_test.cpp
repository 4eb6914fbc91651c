// SPDX-License-Identifier: MIT
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include <octavo/report/reference_losses.hpp>

#include "report/example_run.hpp"
#include "report/markup.hpp"
#include "report/page_text.hpp"

using octavo::ReferenceLosses;

TEST_CASE("what is not known of a text is none, and has no line in the page") {
  const ReferenceLosses unknown;
  CHECK(unknown.uniform == 0);
  CHECK_FALSE(unknown.unigram);
  CHECK_FALSE(unknown.bigram);
  ExampleRun example(2000);
  const auto lines = [&] {
    const markup::Page page(page_text::page_of(example.run, example.history));
    std::string names;
    for (const markup::Element* one : page.all("text", "reference", "loss")) {
      names += one->text + "|";
    }
    return names;
  };
  CHECK(lines() == "blind guessing 4.19|unigram 3.314|bigram 2.453|");
  example.run.references.bigram.reset();
  CHECK(lines() == "blind guessing 4.19|unigram 3.314|");
  example.run.references.unigram.reset();
  CHECK(lines() == "blind guessing 4.19|");
}
