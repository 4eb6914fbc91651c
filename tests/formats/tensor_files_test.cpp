// SPDX-License-Identifier: MIT
#include <array>
#include <string>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/formats/tensor_files.hpp>

#include "files/folder.hpp"
#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr std::array<float, 2> numbers{1, 2};

void write_tensor(const Folder& folder, const std::string& file, const std::string& tensor) {
  const std::array tensors = {tensor_to_write<float>(tensor, {2}, numbers)};
  write_safetensors(folder / file, tensors, {});
}

/// What is said about the folder, without its path.
std::string failure(const Folder& folder) {
  std::string message = format_error([&] { TensorFiles(folder.path.string()); });
  const std::string path = folder.path.string() + "/";
  for (std::size_t at; (at = message.find(path)) != message.npos;) message.erase(at, path.size());
  return message;
}

void write_index(const Folder& folder, const std::string& map) {
  folder.write("model.safetensors.index.json", "{\"weight_map\":" + map + "}");
}

}  // namespace

TEST_CASE("the one file goes before an index") {
  const Folder folder;
  write_tensor(folder, "model.safetensors", "a");
  write_index(folder, "nonsense");
  const TensorFiles files(folder.path.string());
  REQUIRE(files.find("a") != nullptr);
  CHECK(files.find("a")->tensor("a").shape == std::vector<Index>{2});
  CHECK(files.find("b") == nullptr);
  CHECK(files.holders().size() == 1);
  CHECK(files.bytes() == read_file(folder / "model.safetensors").size());
}

TEST_CASE("an index leads to all files that it names") {
  const Folder folder;
  write_tensor(folder, "1.safetensors", "a");
  write_tensor(folder, "2.safetensors", "b");
  write_index(folder, R"({"a":"1.safetensors","b":"2.safetensors"})");
  const TensorFiles files(folder.path.string());
  CHECK(files.find("a")->tensors().contains("a"));
  CHECK(files.find("b")->tensors().contains("b"));
  CHECK(files.find("a") != files.find("b"));
  CHECK(files.bytes() ==
        read_file(folder / "1.safetensors").size() + read_file(folder / "2.safetensors").size());
  CHECK(format_error([&] {
          files.fail("it is odd", "do this");
        }).ends_with("model.safetensors.index.json': it is odd / do this"));
}

TEST_CASE("an index and its files must agree") {
  const Folder folder;
  write_tensor(folder, "1.safetensors", "a");
  write_index(folder, "[]");
  CHECK(failure(folder) ==
        "cannot load 'model.safetensors.index.json': 'weight_map' is not a list of "
        "tensors and files");
  write_index(folder, R"({"a":1})");
  CHECK(failure(folder) ==
        "cannot load 'model.safetensors.index.json': tensor 'a': its file is not a name");
  write_index(folder, R"({"a":"1.safetensors","b":"1.safetensors"})");
  CHECK(failure(folder) ==
        "cannot load '1.safetensors': tensor 'b' is missing, though the index "
        "places it here");
  write_tensor(folder, "2.safetensors", "a");
  write_index(folder, R"({"a":"1.safetensors","b":"2.safetensors"})");
  CHECK(failure(folder) == "cannot load '2.safetensors': tensor 'a' is in another file as well");
  write_tensor(folder, "2.safetensors", "b");
  write_tensor(folder, "1.safetensors", "c");
  write_index(folder, R"({"b":"2.safetensors"})");
  CHECK(failure(folder) == "");
  const std::array both = {tensor_to_write<float>("b", {2}, numbers),
                           tensor_to_write<float>("c", {2}, numbers)};
  write_safetensors(folder / "2.safetensors", both, {});
  CHECK(failure(folder) == "cannot load '2.safetensors': tensor 'c' is not listed in the index");
}

TEST_CASE("an index leads to no other folder") {
  const Folder folder;
  for (const char* name : {"../1.safetensors", "/1.safetensors", ".1.safetensors", "1.bin",
                           "a\\\\1.safetensors", "1.safetensors\\u0000.safetensors"}) {
    write_index(folder, "{\"a\":\"" + std::string(name) + "\"}");
    INFO(name);
    CHECK(failure(folder).ends_with("expected the name of a file of this folder"));
  }
}

TEST_CASE("a folder without a model is refused with both names and a hint") {
  const Folder folder;
  try {
    TensorFiles(folder.path.string());
    FAIL("there is no model");
  } catch (const IoError& error) {
    CHECK(error.code() == ErrorCode::no_input);
    CHECK(std::string(error.what()).find("model.safetensors' nor ") != std::string::npos);
    CHECK(error.hint() == "name a folder with a model of Hugging Face's");
  }
}
