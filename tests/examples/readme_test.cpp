// SPDX-License-Identifier: MIT
// What README.md shows is what the repository has.
#include <string>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>

TEST_CASE("README shows the example program to the letter") {
  const std::string folder = OCTAVO_EXAMPLES_SOURCE_FOLDER;
  const std::string readme = octavo::read_file(folder + "/../README.md");
  const std::string example = octavo::read_file(folder + "/readme_example.cpp");
  CHECK(readme.find("```cpp\n" + example + "```\n") != std::string::npos);
}
