// SPDX-License-Identifier: MIT
// The examples that show one thing each: short enough to read at once, and what they print.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>

#include "examples/process.hpp"

namespace {

using Words = std::vector<std::string>;

std::string output_of(const std::string& program) {
  const Sandbox sandbox;
  const Outcome got = start(sandbox, {program});
  check_error(got, 0, "");
  return got.out;
}

}  // namespace

TEST_CASE("the small examples have at most 60 lines") {
  for (const std::string name : {"readme_example", "own_layer", "own_block", "own_loop",
                                 "own_optimizer", "own_parameter", "fine_tune", "fine_tune_lora"}) {
    const std::string path = OCTAVO_EXAMPLES_SOURCE_FOLDER "/" + name + ".cpp";
    const std::string text = octavo::read_file(path);
    CHECK(std::count(text.begin(), text.end(), '\n') <= 60);
  }
}

TEST_CASE("fine_tune: what it reads is not replaced") {
  const Sandbox sandbox;
  std::ofstream(sandbox / "fine_tuned.safetensors") << "mine";
  for (const Words& words : {Words{"fine_tune", "./fine_tuned.safetensors", "text"},
                             Words{"fine_tune", "model", "fine_tuned.safetensors"}}) {
    const Outcome got = start(sandbox, words);
    CHECK(got.status == 64);
    CHECK(got.err.starts_with("fine_tuned.safetensors is the output"));
  }
  CHECK(octavo::read_file(sandbox / "fine_tuned.safetensors") == "mine");
}

TEST_CASE("own_layer: gradients agree, and the model learns") {
  const std::string out = output_of("own_layer");
  CHECK(out.starts_with("gradients agree\nloss "));
  CHECK(std::stod(out.substr(out.find("loss ") + 5)) < 1.8);  // guessing: 3.56
}

TEST_CASE("own_block: the text comes back") {
  CHECK(output_of("own_block").starts_with("To be or not to be, that is the question.\nWhether"));
}

TEST_CASE("own_parameter: gradients agree, and the text comes back from a file") {
  CHECK(output_of("own_parameter")
            .starts_with("gradients agree\nTo be or not to be, that is the question.\nWhether"));
}

TEST_CASE("one_step: the numbers of docs/learning.md") {
  const std::string out = output_of("one_step");
  CHECK(out.find("same gradients: yes\n") != std::string::npos);
  std::istringstream page(octavo::read_file(OCTAVO_EXAMPLES_SOURCE_FOLDER "/../docs/learning.md"));
  int lines = 0;
  bool fenced = false, table = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      table = !fenced && line == "```";
      fenced = !fenced;
    } else if (table && line.find("becomes") == std::string::npos) {
      ++lines;
      CHECK_MESSAGE(out.find(line + "\n") != std::string::npos, line);
    }
  }
  CHECK(lines > 30);
}

TEST_CASE("own_loop: numbers that it has never seen are reversed") {
  const std::string out = output_of("own_loop");
  CHECK(out.find("\nstep 400: loss 0.00") != std::string::npos);
  const std::size_t at = out.find(" of 100 new numbers reversed\n");
  REQUIRE(at != std::string::npos);
  CHECK(std::stoi(out.substr(out.rfind('\n', at) + 1)) >= 98);
}

TEST_CASE("own_optimizer: the text comes back, and a resumed run has the same bits") {
  CHECK(output_of("own_optimizer")
            .starts_with("resumed at step 1000: same bits\n"
                         "To be or not to be, that is the question"));
}
