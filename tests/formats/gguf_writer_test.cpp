// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>

#include "files/folder.hpp"
#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

GgufTensorToWrite tensor_of(std::string name, StoredType type, std::vector<Index> shape,
                            std::string bytes) {
  const std::size_t size = bytes.size();
  return {std::move(name), type, std::move(shape), size, [bytes](const ByteSink& sink) {
            const auto all = std::as_bytes(std::span(bytes));
            sink(all.first(all.size() / 2));
            sink(all.subspan(all.size() / 2));
          }};
}

}  // namespace

TEST_CASE("a written file is, byte for byte, what the format says") {
  const Folder folder;
  GgufEntries entries;
  entries.whole("n", 7);
  entries.real("r", 0.25f);
  entries.truth("t", true);
  entries.text("s", "abc");
  entries.texts("l", std::vector<std::string>{"x", ""});
  entries.numbers("i", std::vector<std::int32_t>{-1, 2});
  CHECK(entries.count() == 6);
  const std::string first(36, 'a'), second(34, 'b');
  const std::vector<GgufTensorToWrite> tensors = {tensor_of("w", StoredType::f32, {3, 3}, first),
                                                  tensor_of("q", StoredType::q8_0, {32}, second)};
  write_gguf(folder / "file", entries, tensors);

  std::string expected = gguf_start(2, 6);
  expected += gguf_entry("n", 4, bytes_of_number(7u));
  expected += gguf_entry("r", 6, bytes_of_number(0.25f));
  expected += gguf_entry("t", 7, "\1");
  expected += gguf_entry("s", 8, gguf_text("abc"));
  expected += gguf_entry(
      "l", 9,
      bytes_of_number(8u) + bytes_of_number(std::uint64_t{2}) + gguf_text("x") + gguf_text(""));
  expected += gguf_entry("i", 9,
                         bytes_of_number(5u) + bytes_of_number(std::uint64_t{2}) +
                             bytes_of_numbers<std::int32_t>({-1, 2}));
  expected += gguf_tensor("w", {3, 3}, 0, 0);
  expected += gguf_tensor("q", {32}, 8, 64);
  expected = padded(expected) + padded(first) + padded(second);
  CHECK(read_file(folder / "file") == expected);

  const FileSource source(folder / "file");
  const GgufReader reader(source);
  CHECK(reader.text("s") == "abc");
  CHECK(reader.tensor("q").bytes == 34);
}

TEST_CASE("a file whose tensor cannot be made leaves the old one") {
  const Folder folder;
  folder.write("file", "old");
  const std::vector<GgufTensorToWrite> tensors = {
      {"w", StoredType::f32, {1}, 4, [](const ByteSink&) {
         throw Error(ErrorCode::bad_data, "no");
       }}};
  CHECK_THROWS_WITH_AS(write_gguf(folder / "file", GgufEntries{}, tensors), "no", Error);
  CHECK(read_file(folder / "file") == "old");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}
