// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/formats/folder_hint.hpp>

#include "files/folder.hpp"

using namespace octavo;
using octavo::detail::folder_hint;

TEST_CASE("the hint about a folder names the model file that it has") {
  const Folder folder;
  CHECK(folder_hint(folder.path.string(), "otherwise") == "otherwise");
  folder.write("notes.txt", "");
  CHECK(folder_hint(folder.path.string(), "otherwise") == "otherwise");

  folder.write("b.pt", "");
  folder.write("pytorch_model.bin", "");
  CHECK(folder_hint(folder.path.string(), "").find("weights are in 'pytorch_model.bin'") !=
        std::string::npos);

  folder.write("model.safetensors", "");
  CHECK(folder_hint(folder.path.string(), "").find(printable(folder / "model.safetensors", 1000)) !=
        std::string::npos);

  folder.write("z.gguf", "");
  folder.write("a.gguf", "");
  CHECK(folder_hint(folder.path.string(), "") ==
        "name the file: " + printable(folder / "a.gguf", 1000));
  CHECK(folder_hint(folder.path.string() + "/", "") ==
        "name the file: " + printable(folder / "a.gguf", 1000));
}

TEST_CASE("a folder that is not there has no hint of its own") {
  const Folder folder;
  CHECK(folder_hint(folder / "missing", "otherwise") == "otherwise");
}
