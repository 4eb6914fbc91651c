// SPDX-License-Identifier: MIT
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/run_files.hpp>

#include "files/folder.hpp"

namespace {

std::string refusal(const std::string& output, const std::vector<std::string>& inputs,
                    bool below = false) {
  try {
    octavo::require_not_input("report", output, inputs, below);
  } catch (const octavo::ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("an output that would replace what is read is refused, whatever its name") {
  const Folder folder;
  const std::string text = folder.write("texts/a.txt", "a"), other = folder.write("b.txt", "b");
  const std::string link = folder / "link";
  std::filesystem::create_symlink(text, link);
  CHECK(refusal(text, {other, text}) ==
        "report: got " + octavo::printable(text) + ", which would replace an input");
  CHECK(refusal(link, {text}) == "report: got " + octavo::printable(link) +
                                     ", which would replace an input from " +
                                     octavo::printable(text));
  CHECK(refusal(folder / "texts/../texts/a.txt", {text}) != "");
  CHECK(refusal(other, {"", text}) == "");
  CHECK(refusal(folder / "new", {folder / "new"}) == "");  // nothing is there
  // A file below a folder is replaced only where the whole folder is read.
  CHECK(refusal(link, {folder / "texts"}) == "");
  CHECK(refusal(link, {folder / "texts"}, true) != "");
  CHECK(refusal(other, {folder / "texts"}, true) == "");
}

TEST_CASE("the names that a run has in its folder") {
  for (const char* name : {"model.safetensors", "best.safetensors", "metrics.csv", "samples.tsv",
                           "report.html", "checkpoint-00000500.safetensors", ".lock"}) {
    CHECK(octavo::is_run_file(name));
  }
  for (const char* name : {"tokens.bin", "model", "my-checkpoint-1", ""}) {
    CHECK_FALSE(octavo::is_run_file(name));
  }
  CHECK(octavo::folder_of_file("a") == ".");
  CHECK(octavo::folder_of_file("a/b") == "a");
}
