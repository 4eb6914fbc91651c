// SPDX-License-Identifier: MIT
// generate --score.
#include <cmath>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "examples/generating.hpp"

using namespace generating;

namespace {

/// The number behind `before` in `text`.
double number_behind(const std::string& text, const std::string& before) {
  const std::size_t at = text.find(before);
  REQUIRE(at != std::string::npos);
  return std::strtod(text.c_str() + at + before.size(), nullptr);
}

}  // namespace

TEST_CASE("a score is the sum of its tokens, and equals the loss that training measures") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string text = "To be or not to be, that is it";
  write_file(sandbox, "score", text);
  const Words words = words_of("generate " + model + " --threads 1 --score");
  const std::string by_file = text_of(sandbox, words + Words{"score"});
  CHECK(text_of(sandbox, words + Words{"-"}, {.input = text}) == by_file);
  CHECK(by_file.starts_with("29 tokens scored: 29 bytes, 29 characters\n"));
  const double mean = number_behind(by_file, "likelihood ");
  CHECK(number_behind(by_file, "perplexity ") == doctest::Approx(std::exp(mean)).epsilon(1e-5));
  CHECK(number_behind(by_file, "token\n") == doctest::Approx(mean / std::log(2)).epsilon(1e-5));
  const std::string listed = text_of(sandbox, words + Words{"score", "--per-token"});
  double sum = 0;
  std::size_t line = listed.find('\n') + 1;
  for (std::size_t i = 1; i < text.size(); ++i, line = listed.find('\n', line) + 1) {
    const std::size_t end = listed.find('\n', line);
    const std::string row = listed.substr(line, end - line);
    CHECK(row.starts_with(std::to_string(i) + "\t"));
    CHECK(row.ends_with("\t'" + text.substr(i, 1) + "'"));
    sum += number_behind(row.substr(row.find('\t', row.find('\t') + 1)), "\t");
  }
  CHECK(-sum / 29 == doctest::Approx(mean).epsilon(1e-5));
  CHECK(listed.substr(line) == by_file);
  CHECK(text_of(sandbox, words + Words{"score", "--stride", "12"}) == by_file);
  CHECK(text_of(sandbox, words + Words{"score", "--stride", "1"}) != by_file);
  // An uncertain model says so: two bytes of a character are two tokens.
  const Outcome other = start(sandbox, words + Words{"-"}, {.input = "To b\xc3\xa9"});
  CHECK(other.out.starts_with("5 tokens scored: 5 bytes, 4 characters\n"));
  CHECK(text_of(sandbox, words + Words{"-", "--unknown", "skip"}, {.input = "To 9be"}) ==
        text_of(sandbox, words + Words{"-"}, {.input = "To be"}));
}

TEST_CASE("what cannot be scored is refused") {
  const Sandbox sandbox;
  train(sandbox);
  const Words words = words_of("generate " + model + " --score");
  const std::string hint = "the first is not scored: nothing comes before it";
  refused(sandbox, words + Words{"-"}, 65, "text '-' has 0 tokens, expected at least 2", hint);
  refused(sandbox, words + Words{"-"}, 65, "text '-' has 1 token, expected at least 2", hint,
          {.input = "T"});
  refused(sandbox, words + Words{"-", "--unknown", "refuse"}, 65,
          "text '-': byte 2: '9' is not in the model's vocabulary",
          "leave it out, or say --unknown skip", {.input = "To9"});
  refused(sandbox, words + Words{"-", "--stride", "13"}, 64,
          "--stride: got 13, expected at most 12, the length that the model was trained on");
  refused(sandbox, words + Words{"missing"}, 66, "cannot open 'missing': No such file or directory",
          "check the path and its permissions");
  const std::string alone = "--score: it cannot be combined with prompts or --interactive";
  refused(sandbox, words + Words{"-", "--prompt", "x"}, 64, alone);
  refused(sandbox, words + Words{"-", "--prompt-file", "x"}, 64, alone);
  refused(sandbox, words + Words{"-", "--interactive"}, 64, alone);
  const std::string score_only = "--stride, --per-token: they need --score";
  refused(sandbox, written("--stride 2"), 64, score_only);
  refused(sandbox, written("--per-token"), 64, score_only);
  refused(sandbox, written("--interactive"), 64,
          "--interactive: it cannot be combined with prompts on the command line");
}
