// SPDX-License-Identifier: MIT
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/formats/safetensors_writer.hpp>

#include "files/folder.hpp"
#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr std::array<float, 6> matrix{1, 2, 3, 4, 5, 6};
constexpr std::array<double, 1> vector{0.5};

std::vector<TensorToWrite> two_tensors() {
  return {tensor_to_write<float>("w", {2, 3}, matrix), tensor_to_write<double>("v", {1}, vector)};
}

}  // namespace

TEST_CASE("a written file comes back with dtypes, shapes, bytes and checksums") {
  const Folder folder;
  write_safetensors(folder / "file", two_tensors(), {{"k", "v"}});
  const FileSource source(folder / "file");
  const SafetensorsReader reader(source);
  CHECK(reader.is_unaltered());
  CHECK(reader.metadata("k") == "v");
  const TensorInFile& w = reader.tensor("w");
  CHECK(w.dtype == "F32");
  CHECK(w.shape == std::vector<Index>{2, 3});
  CHECK(w.offset % 8 == 0);
  CHECK(w.sum == detail::sum_text(crc32c(std::as_bytes(std::span(matrix)))));
  std::array<float, 6> numbers{};
  reader.read(w, 0, std::as_writable_bytes(std::span(numbers)));
  CHECK(numbers == matrix);
  CHECK(reader.tensor("v").dtype == "F64");
  CHECK(reader.tensor("v").offset == w.offset + 24);
}

TEST_CASE("equal arguments make equal bytes, and other metadata other ones") {
  const Folder folder;
  write_safetensors(folder / "a", two_tensors(), {{"k", "v"}});
  write_safetensors(folder / "b", two_tensors(), {{"k", "v"}});
  write_safetensors(folder / "c", two_tensors(), {{"k", "w"}});
  CHECK(read_file(folder / "a") == read_file(folder / "b"));
  CHECK(read_file(folder / "a") != read_file(folder / "c"));
}

TEST_CASE("a tensor that is encoded when it is written has the encoded bytes and their checksum") {
  const Folder folder;
  std::vector<TensorToWrite> tensors = two_tensors();
  tensors[0].dtype = "U8";
  tensors[0].encoded_bytes = 6;
  tensors[0].encode = [](const TensorToWrite& tensor, const ByteSink& sink) {
    for (std::size_t i = 0; i < 6; ++i) {
      float number = 0;
      std::memcpy(&number, tensor.bytes.data() + i * sizeof(number), sizeof(number));
      const std::byte code{static_cast<unsigned char>(number)};
      sink(std::span(&code, 1));
    }
  };
  write_safetensors(folder / "file", tensors, {});
  const FileSource source(folder / "file");
  const SafetensorsReader reader(source);
  std::string codes(6, '\0');
  reader.read(reader.tensor("w"), 0, std::as_writable_bytes(std::span(codes)));
  CHECK(codes == "\1\2\3\4\5\6");
  CHECK(reader.tensor("w").sum == detail::sum_text(crc32c(std::as_bytes(std::span(codes)))));
}

TEST_CASE("names that are not ASCII are refused, and the old file stays") {
  const Folder folder;
  folder.write("file", "old");
  CHECK_THROWS_AS(write_safetensors(folder / "file", two_tensors(), {{"\xc3\xa9", "v"}}),
                  ConfigError);
  CHECK(read_file(folder / "file") == "old");
}
