// SPDX-License-Identifier: MIT

#include "architecture/architecture.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using architecture::Header;
using architecture::Listing;
using architecture::Violations;

namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), "cannot open " << path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Header> headers_of_this_project() {
  const fs::path root = fs::path(OCTAVO_SOURCE_FOLDER) / "include";
  std::vector<Header> headers;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().lexically_relative(root).generic_string();
    headers.push_back({path, text_of(entry.path())});
  }
  return headers;
}

std::vector<Listing> listings_of_this_project() {
  std::vector<Listing> listings;
  std::ifstream file(OCTAVO_LISTED_HEADERS);
  REQUIRE(file.good());
  for (Listing listing; file >> listing.library >> listing.path;) listings.push_back(listing);
  return listings;
}

/// A header in good form with the given includes.
Header header(const std::string& path, const std::string& includes = "") {
  return {path, "// SPDX-License-Identifier: MIT\n#pragma once\n\n" + includes};
}

std::string including(const std::string& path) { return "#include <" + path + ">\n"; }

/// The rules over made-up headers, each of them listed where it should be.
Violations check(const std::vector<Header>& headers) {
  std::vector<Listing> listings;
  for (const Header& one : headers) {
    const std::string folder = architecture::folder_of(one.path);
    const std::string name = folder.empty() ? architecture::door_name(one.path) : folder;
    listings.push_back({architecture::library_of(name), one.path});
  }
  return architecture::check(headers, listings);
}

/// The rules over one arrow between two otherwise faultless headers.
Violations check_arrow(const std::string& from, const std::string& to) {
  return check({header(from, including(to)), header(to)});
}

void check_only_violation(const Violations& violations, const std::string& expected) {
  REQUIRE(violations.size() == 1);
  CHECK(violations[0] == expected);
}

}  // namespace

TEST_CASE("architecture: this project keeps the rules of the house") {
  const auto headers = headers_of_this_project();
  CHECK(headers.size() >= 4);
  for (const std::string& violation : architecture::check(headers, listings_of_this_project())) {
    FAIL_CHECK(violation);
  }
}

TEST_CASE("architecture: the test of a header is found by the header's name") {
  std::vector<std::string> headers;
  for (const Header& one : headers_of_this_project()) headers.push_back(one.path);
  const fs::path root = fs::path(OCTAVO_SOURCE_FOLDER) / "tests";
  std::set<std::string> tests;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    tests.insert(entry.path().lexically_relative(root).generic_string());
  }
  for (const std::string& violation :
       architecture::check_tests(headers, tests, architecture::folders_without_all_tests())) {
    FAIL_CHECK(violation);
  }
}

TEST_CASE("architecture: every program and test carries the licence line") {
  const fs::path root = OCTAVO_SOURCE_FOLDER;
  for (const char* folder : {"tests", "examples", "benchmarks"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".cpp" && extension != ".hpp") continue;
      CHECK_MESSAGE(text_of(entry.path()).rfind("// SPDX-License-Identifier: MIT\n", 0) == 0,
                    entry.path());
    }
  }
}

TEST_CASE("architecture: the root has no further folder or file") {
  const std::set<std::string> known{"CMakeLists.txt", "CMakePresets.json", "LICENSE",
                                    "README.md",      "CONTRIBUTING.md",   "CHANGELOG.md",
                                    "SECURITY.md",    "benchmarks",        "docs",
                                    "examples",       "include",           "tests"};
  for (const auto& entry : fs::directory_iterator(OCTAVO_SOURCE_FOLDER)) {
    const std::string name = entry.path().filename().string();
    // What git ignores: builds, runs, texts.
    const bool ignored = name.starts_with('.') || name.starts_with("build") ||
                         name.starts_with("out") || name == "data" ||
                         name == "compile_commands.json";
    INFO(name);
    CHECK((ignored || known.contains(name)));
  }
}

TEST_CASE("architecture: arrows downward and inside a folder are right") {
  CHECK(check({}).empty());
  CHECK(check_arrow("octavo/numeric/a.hpp", "octavo/base/b.hpp").empty());
  CHECK(check_arrow("octavo/kernels/a.hpp", "octavo/kernels/b.hpp").empty());
  CHECK(check_arrow("octavo/testing/a.hpp", "octavo/layers/b.hpp").empty());
  CHECK(check_arrow("octavo/training/a.hpp", "octavo/tokenizers/b.hpp").empty());
  CHECK(check_arrow("octavo/training/a.hpp", "octavo/transformer/b.hpp").empty());
  CHECK(check_arrow("octavo/checkpoint/a.hpp", "octavo/formats/b.hpp").empty());
  CHECK(check_arrow("octavo/checkpoint/a.hpp", "octavo/training/b.hpp").empty());
  CHECK(check_arrow("octavo/interop/a.hpp", "octavo/checkpoint/b.hpp").empty());
  CHECK(check_arrow("octavo/report/a.hpp", "octavo/training/b.hpp").empty());
  CHECK(check_arrow("octavo/report/a.hpp", "octavo/generation/b.hpp").empty());
  CHECK(check_arrow("octavo/runs/a.hpp", "octavo/checkpoint/b.hpp").empty());
}

TEST_CASE("architecture: an arrow upward is reported") {
  check_only_violation(check_arrow("octavo/base/a.hpp", "octavo/numeric/b.hpp"),
                       "octavo/base/a.hpp includes <octavo/numeric/b.hpp>: the arrow runs upward");
  CHECK(check_arrow("octavo/kernels/a.hpp", "octavo/layers/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/formats/a.hpp", "octavo/transformer/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/checkpoint/a.hpp", "octavo/runs/b.hpp").size() == 1);
}

TEST_CASE("architecture: an arrow sideways is reported") {
  check_only_violation(
      check_arrow("octavo/training/a.hpp", "octavo/generation/b.hpp"),
      "octavo/training/a.hpp includes <octavo/generation/b.hpp>: the arrow runs sideways");
  CHECK(check_arrow("octavo/generation/a.hpp", "octavo/training/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/layers/a.hpp", "octavo/optimizers/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/memory/a.hpp", "octavo/data/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/testing/a.hpp", "octavo/transformer/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/formats/a.hpp", "octavo/tensor/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/checkpoint/a.hpp", "octavo/generation/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/checkpoint/a.hpp", "octavo/interop/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/interop/a.hpp", "octavo/training/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/report/a.hpp", "octavo/runs/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/runs/a.hpp", "octavo/report/b.hpp").empty());
}

TEST_CASE("architecture: what trains and generates needs no header of files") {
  check_only_violation(check_arrow("octavo/kernels/a.hpp", "octavo/formats/b.hpp"),
                       "octavo/kernels/a.hpp includes <octavo/formats/b.hpp>: "
                       "formats/ is part of octavo_checkpoint, kernels/ is not");
  CHECK(check_arrow("octavo/training/a.hpp", "octavo/checkpoint/b.hpp").size() == 1);
  CHECK(check_arrow("octavo/report/a.hpp", "octavo/checkpoint/b.hpp").size() == 1);
}

TEST_CASE("architecture: nothing builds on testing/") {
  check_only_violation(check_arrow("octavo/training/a.hpp", "octavo/testing/b.hpp"),
                       "octavo/training/a.hpp includes <octavo/testing/b.hpp>: "
                       "testing/ is for authors of layers, no folder builds on it");
}

TEST_CASE("architecture: an include is found however it is spelled") {
  for (const char* spelling :
       {"#include <octavo/numeric/b.hpp>", "  #include <octavo/numeric/b.hpp>",
        "# include\t<octavo/numeric/b.hpp>  // why", "#include<octavo/numeric/b.hpp>"}) {
    CAPTURE(spelling);
    const std::string text = std::string(spelling) + "\n";
    CHECK(check({header("octavo/base/a.hpp", text), header("octavo/numeric/b.hpp")}).size() == 1);
  }
  CHECK(architecture::includes_of("// #include <x>\nint include;\n#if 1\n#include\n").empty());
}

TEST_CASE("architecture: the form of a file") {
  const std::string licence = "// SPDX-License-Identifier: MIT\n";
  const std::string path = "octavo/base/a.hpp";
  check_only_violation(check({{path, licence}}),
                       path + ": line 2 is not '#pragma once', nor a guard OCTAVO_BASE_A_HPP");
  CHECK(check({{path,
                licence + "#if !defined(OCTAVO_BASE_A_HPP)\n#define OCTAVO_BASE_A_HPP\n#endif\n"}})
            .empty());
  check_only_violation(check({{path, "// MIT\n#pragma once\n"}}),
                       path + ": line 1 is not '// SPDX-License-Identifier: MIT'");
  CHECK(check({{path, ""}}).size() == 2);

  std::string longest = licence + "#pragma once\n";
  for (int line = 2; line < 400; ++line) longest += "\n";
  CHECK(check({{path, longest}}).empty());
  check_only_violation(check({{path, longest + "\n"}}), path + ": 401 lines, at most 400 allowed");
}

TEST_CASE("architecture: everything is in the namespace of its instruction set") {
  const std::string path = "octavo/base/x.hpp";
  CHECK(check({header(path, "namespace OCTAVO_NAMESPACE {\n}\n")}).empty());
  CHECK(check({header(path, "namespace octavo {\n}\n")}) ==
        Violations{path + ": 'namespace octavo {': write OCTAVO_NAMESPACE, see abi.hpp"});
}

TEST_CASE("architecture: what is not Octavo") {
  const auto one = [](const std::string& path, const std::string& include) {
    return check({header(path, "#include " + include + "\n")}).size();
  };
  CHECK(one("octavo/base/a.hpp", "<vector>") == 0);
  CHECK(one("octavo/tensor/a.hpp", "<Eigen/Core>") == 0);
  CHECK(one("octavo/tensor/a.hpp", "<Eigen/src/Core/Matrix.h>") == 1);
  CHECK(one("octavo/formats/a.hpp", "<nlohmann/json.hpp>") == 0);
  CHECK(one("octavo/formats/a.hpp", "<nlohmann/detail/value_t.hpp>") == 1);
  CHECK(one("octavo/interop/a.hpp", "<nlohmann/json.hpp>") == 0);
  CHECK(one("octavo/checkpoint/a.hpp", "<nlohmann/json.hpp>") == 1);
  CHECK(one("octavo/training/a.hpp", "<nlohmann/json.hpp>") == 1);
  CHECK(one("octavo/numeric/a.hpp", "<immintrin.h>") == 0);
  CHECK(one("octavo/kernels/a.hpp", "<immintrin.h>") == 1);
  CHECK(one("octavo/files/a.hpp", "<sys/mman.h>") == 0);
  CHECK(one("octavo/memory/process_memory.hpp", "<unistd.h>") == 0);
  CHECK(one("octavo/memory/arena.hpp", "<unistd.h>") == 1);
  CHECK(one("octavo/base/a.hpp", "<bits/stdc++.h>") == 1);
  CHECK(one("octavo/mpi.hpp", "<mpi.h>") == 0);
  CHECK(one("octavo/parallel/a.hpp", "<mpi.h>") == 1);
  CHECK(one("octavo/base/a.hpp", "<doctest/doctest.h>") == 1);
  CHECK(one("octavo/base/a.hpp", "\"octavo/base/a.hpp\"") == 1);
  CHECK(one("octavo/base/a.hpp", "<octavo/base/missing.hpp>") == 1);
}

TEST_CASE("architecture: C's header includes nothing of C++, and c/ alone includes it") {
  const std::string form =
      "/* SPDX-License-Identifier: MIT */\n#ifndef OCTAVO_OCTAVO_H\n#define OCTAVO_OCTAVO_H\n";
  const Header right{"octavo/octavo.h", form + "#include <stddef.h>\n"};
  CHECK(check({right}).empty());
  CHECK(check({{"octavo/octavo.h", form + "#include <cstddef>\n"}}).size() == 1);
  CHECK(check({header("octavo/octavo.h")}).size() == 1);
  CHECK(check({right, header("octavo/c/a.hpp", including("octavo/octavo.h"))}).empty());
  CHECK(check({right, header("octavo/runs/a.hpp", including("octavo/octavo.h"))}).size() == 1);
  CHECK(check_arrow("octavo/runs/a.hpp", "octavo/c/b.hpp").size() == 1);
}

TEST_CASE("architecture: a header stands on a known floor") {
  CHECK(check({header("octavo/extras/a.hpp")}).size() == 1);
  CHECK(check({header("octavo/base/deeper/a.hpp")}).size() == 1);
  CHECK(check({header("octavo/extras.hpp")}).size() == 1);
}

TEST_CASE("architecture: a circle is reported at each header on it") {
  CHECK(check({header("octavo/base/a.hpp", including("octavo/base/b.hpp")),
               header("octavo/base/b.hpp", including("octavo/base/c.hpp")),
               header("octavo/base/c.hpp", including("octavo/base/a.hpp"))})
            .size() == 3);
}

TEST_CASE("architecture: doors") {
  const Header first = header("octavo/base/a.hpp");
  const Header second = header("octavo/numeric/b.hpp", including("octavo/base/a.hpp"));
  const Header base = header("octavo/base.hpp", including("octavo/base/a.hpp"));
  const Header numeric = header("octavo/numeric.hpp", including("octavo/numeric/b.hpp"));
  const std::string doors = including("octavo/base.hpp") + including("octavo/numeric.hpp");
  const Header everything = header("octavo/octavo.hpp", doors);
  CHECK(check({first, second, base, numeric, everything}).empty());

  SUBCASE("only octavo.hpp includes a door") {
    CHECK(check_arrow("octavo/numeric/c.hpp", "octavo/base.hpp").size() == 1);
  }
  SUBCASE("a door stays in its folder") {
    const Header wide = header("octavo/numeric.hpp",
                               including("octavo/numeric/b.hpp") + including("octavo/base/a.hpp"));
    CHECK(check({first, second, base, wide, everything}).size() == 1);
  }
  SUBCASE("the list of what is compiled includes single headers, and only octavo.hpp includes it") {
    CHECK(check_arrow("octavo/compiled.hpp", "octavo/training/c.hpp").empty());
    CHECK(check_arrow("octavo/compiled.hpp", "octavo/checkpoint/c.hpp").size() == 1);
    CHECK(check_arrow("octavo/training/c.hpp", "octavo/compiled.hpp").size() == 1);
  }
  SUBCASE("a door leads to every header of its folder") {
    check_only_violation(
        check({first, second, base, numeric, everything, header("octavo/base/c.hpp")}),
        "octavo/base.hpp does not lead to <octavo/base/c.hpp>");
  }
  SUBCASE("octavo.hpp includes doors, but none of files, texts, testing or reports") {
    const Header some = header("octavo/octavo.hpp", including("octavo/base.hpp"));
    check_only_violation(check({first, second, base, numeric, some}),
                         "octavo/octavo.hpp does not lead to <octavo/numeric.hpp>");
    CHECK(check_arrow("octavo/octavo.hpp", "octavo/base/a.hpp").size() == 1);
    CHECK(check_arrow("octavo/octavo.hpp", "octavo/data/a.hpp").empty());
    for (const char* door :
         {"octavo/data.hpp", "octavo/files.hpp", "octavo/testing.hpp", "octavo/report.hpp",
          "octavo/formats.hpp", "octavo/checkpoint.hpp", "octavo/interop.hpp", "octavo/runs.hpp"}) {
      CHECK(check_arrow("octavo/octavo.hpp", door).size() == 1);
      CHECK(check({first, second, base, numeric, everything, header(door)}).empty());
    }
  }
}

TEST_CASE("architecture: the lists of CMakeLists.txt") {
  const std::vector<Header> headers = {header("octavo/base/a.hpp"),
                                       header("octavo/checkpoint/b.hpp")};
  const Listing first = {"octavo", "octavo/base/a.hpp"};
  const Listing second = {"octavo_checkpoint", "octavo/checkpoint/b.hpp"};
  CHECK(architecture::check(headers, {first, second}).empty());
  check_only_violation(
      architecture::check(headers, {second}),
      "octavo/base/a.hpp: not listed; add include/octavo/base/a.hpp to the headers "
      "of octavo in CMakeLists.txt");
  CHECK(architecture::check(headers, {first}).size() == 1);
  CHECK(architecture::check(headers, {first, first, second}).size() == 1);
  CHECK(architecture::check(headers, {first, second, {"octavo", "octavo/base/gone.hpp"}}).size() ==
        1);
  CHECK(architecture::check(headers, {first, {"octavo", "octavo/checkpoint/b.hpp"}}).size() == 2);
}

TEST_CASE("architecture: a header without a test of its name is reported") {
  using architecture::check_tests;
  const std::vector<std::string> headers = {"octavo/octavo.hpp", "octavo/base.hpp",
                                            "octavo/base/a.hpp", "octavo/base/b.hpp",
                                            "octavo/numeric/each.inc"};
  CHECK(check_tests(headers, {"base/a_test.cpp", "base/b_test.cpp"}, {}).empty());
  check_only_violation(check_tests(headers, {"base/a_test.cpp", "numeric/b_test.cpp"}, {}),
                       "octavo/base/b.hpp: there is no tests/base/b_test.cpp");
  CHECK(check_tests(headers, {}, {}).size() == 2);
  CHECK(check_tests(headers, {"base/a_test.cpp"}, {"base"}).empty());
  check_only_violation(
      check_tests(headers, {"base/a_test.cpp", "base/b_test.cpp"}, {"base", "coming"}),
      "base/: every header has its test; take it off the list of exceptions");
}
