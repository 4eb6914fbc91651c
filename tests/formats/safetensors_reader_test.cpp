// SPDX-License-Identifier: MIT
// The container alone; tests/checkpoint has Octavo's files in it, tests/interop other programs'.
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/formats/safetensors_reader.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// What is said about the bytes, after the file's name.
std::string failure_of(const std::string& bytes) {
  const std::string message = format_error([&] {
    const MemorySource source = source_named_x(bytes);
    SafetensorsReader reader(source);
  });
  constexpr std::string_view start = "cannot load 'x': ";
  if (message.empty()) return {};
  return message.starts_with(start) ? message.substr(start.size()) : "the file is not named";
}
std::string failure(std::string_view header, std::string_view data = {}) {
  return failure_of(safetensors_bytes(header, data));
}

constexpr const char* whole = " / is it a safetensors file, and the whole of it?";

}  // namespace

TEST_CASE("tensors come with dtype, shape and place, read from any byte on") {
  const std::string bytes =
      safetensors_bytes(R"({"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},)"
                        R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
                        R"("e":{"dtype":"F64","shape":[0,7],"data_offsets":[8,8]},)"
                        R"("q":{"dtype":"F8_E5M2","shape":[2],"data_offsets":[11,13]}})",
                        bytes_of_numbers<float>({1.5f, -2.5f}) + "abcde");
  const MemorySource source = source_named_x(bytes);
  const SafetensorsReader reader(source);
  CHECK(reader.bytes() == bytes.size());
  CHECK(reader.tensors().size() == 4);
  CHECK(reader.metadata().empty());
  CHECK(reader.is_unaltered());  // it has no checksum
  const TensorInFile& a = reader.tensor("a");
  CHECK(a.dtype == "F32");
  CHECK(a.shape == std::vector<Index>{1, 2});
  CHECK(a.bytes == 8);
  CHECK(a.sum == "");
  float number = 0;
  reader.read(a, 4, std::as_writable_bytes(std::span(&number, 1)));
  CHECK(number == -2.5f);
  std::array<char, 3> text{};
  reader.read(reader.tensor("b"), 0, std::as_writable_bytes(std::span(text)));
  CHECK(std::string(text.data(), 3) == "abc");
  CHECK(reader.tensor("e").bytes == 0);
  CHECK(reader.tensor("q").bytes == 2);  // a dtype that the reader does not know
  CHECK_THROWS_WITH_AS(reader.tensor("c"), "cannot load 'x': tensor 'c' is missing", FormatError);
}

TEST_CASE("lengths that do not fit the file are refused") {
  CHECK(failure_of("") == "it has 0 bytes, expected 10 or more" + std::string(whole));
  CHECK(failure_of(safetensors_bytes("{}")) == "");
  std::string lie = safetensors_bytes("{}");
  lie[0] = 3;
  CHECK(failure_of(lie) == "the header length is 3, expected at most 2" + std::string(whole));
  lie[0] = 1;
  CHECK(failure_of(lie) == "the header is not a JSON object");
}

TEST_CASE("headers that are none are refused") {
  CHECK(failure("[]") == "the header does not begin with '{' / is it a safetensors file?");
  CHECK(failure("{ ]") == "the header is not a JSON object");
  CHECK(failure(std::string_view("{}\0", 3)) == "the header is not a JSON object");
  CHECK(failure(R"({"a":1,"a":1})") == "the header names 'a' twice");
  CHECK(failure("{\"a\":" + std::string(101, '1') + "}") ==
        "the header has a number of more than 100 digits");
  CHECK(failure(R"({"__metadata__":[]})") == "'__metadata__' is not an object");
  CHECK(failure(R"({"__metadata__":{"a":1}})") == "metadata 'a' is not a string");
  CHECK(failure(R"({"__metadata__":null})") == "");
}

TEST_CASE("fields of a tensor that are missing or wrong are named") {
  const auto said = [](std::string_view tensor) {
    return failure("{\"t\":" + std::string(tensor) + "}", "abcd");
  };
  CHECK(said(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})") == "");
  CHECK(said("1") == "tensor 't': 'dtype' is missing");
  CHECK(said(R"({"shape":[1],"data_offsets":[0,4]})") == "tensor 't': 'dtype' is missing");
  CHECK(said(R"({"dtype":"F32","data_offsets":[0,4]})") == "tensor 't': 'shape' is missing");
  CHECK(said(R"({"dtype":"F32","shape":[1]})") == "tensor 't': 'data_offsets' is missing");
  CHECK(said(R"({"dtype":1,"shape":[1],"data_offsets":[0,4]})") ==
        "tensor 't': 'dtype' is not a string");
  CHECK(said(R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})") ==
        "tensor 't': 'shape' is not a list of at most 8 sizes");
  CHECK(said(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})") ==
        "tensor 't': 'shape' is not a whole number");
  CHECK(said(R"({"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]})") ==
        "tensor 't': the shape has more than 2^63 bytes");
  CHECK(said(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})") ==
        "tensor 't': 'data_offsets' is not a pair");
  CHECK(said(R"({"dtype":"F32","shape":[1],"data_offsets":[0,5]})") ==
        "tensor 't': bytes 0 to 5 are not within the data, which has 4 / the copy is incomplete");
  CHECK(said(R"({"dtype":"F32","shape":[1],"data_offsets":[3,2]})") ==
        "tensor 't': bytes 3 to 2 are not within the data, which has 4 / the copy is incomplete");
  CHECK(said(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})") ==
        "tensor 't': has 4 bytes, expected 8 from its shape");
}

TEST_CASE("tensors cover the data once and whole") {
  const auto two = [](int begin, int end) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],)"
           R"("data_offsets":[)" +
           std::to_string(begin) + ',' + std::to_string(end) + "]}}";
  };
  CHECK(failure(two(2, 4), "abcd") == "");
  CHECK(failure(two(1, 3), "abcd") == "the tensors overlap or leave a hole at byte 2");
  CHECK(failure(two(3, 5), "abcde") == "the tensors overlap or leave a hole at byte 2");
  CHECK(failure(two(2, 4), "abcde").starts_with("the tensors end at byte "));
}

TEST_CASE("other files are recognised") {
  CHECK(failure_of(std::string("PK\x03\x04", 4) + std::string(20, '\0')) ==
        "it is a zip archive, perhaps PyTorch's, expected a safetensors file / convert it to "
        "safetensors first");
  CHECK(failure_of("{\n \"a\": 1}") ==
        "it is a JSON file, not a model / name the folder in which it lies");
  CHECK(failure_of("To be or not to be") ==
        "it is a text, not a model / name a model file, a folder, or a GGUF file");
}

TEST_CASE("a header that is not what was written is noticed, and its tensors lose their sums") {
  const std::array<Index, 1> shape{1};
  const std::array entries = {detail::HeaderEntry{"a", "U8", shape, 1},
                              detail::HeaderEntry{"b", "U8", shape, 1}};
  const std::string header =
      detail::header_text(entries, {{"k", "v"},
                                    {std::string(detail::header_checksum_key), ""},
                                    {std::string(detail::tensor_sums_key), "0000000111111112"}});
  const std::string good = safetensors_bytes(header, "xy");
  const MemorySource source = source_named_x(good);
  SafetensorsReader reader(source);
  CHECK(reader.is_unaltered());
  CHECK(reader.tensor("a").sum == "00000001");
  CHECK(reader.tensor("b").sum == "11111112");

  std::string changed = header;
  changed[changed.find("\"v\"") + 1] = 'w';
  const std::string bad = safetensors_bytes(changed, "xy");
  const MemorySource bad_source = source_named_x(bad);
  SafetensorsReader altered(bad_source);
  CHECK(!altered.is_unaltered());
  CHECK(altered.tensor("a").sum == "");
  const std::vector<std::string> names = {"a", "b"};
  CHECK(!altered.restore_sums(names));
  CHECK(format_error([&] { altered.fail_altered(); }).find("the header's CRC-32C is") !=
        std::string::npos);

  // The same said in other words: spaces, and the tensors named in another order.
  const auto json = nlohmann::json::parse(header);
  nlohmann::ordered_json other;
  other["b"] = json["b"];
  other["a"] = json["a"];
  other["__metadata__"] = json["__metadata__"];
  const std::string anew = safetensors_bytes(other.dump(2), "xy");
  const MemorySource anew_source = source_named_x(anew);
  SafetensorsReader rewritten(anew_source);
  CHECK(!rewritten.is_unaltered());
  CHECK(rewritten.restore_sums(names));
  CHECK(rewritten.is_unaltered());
  CHECK(rewritten.tensor("b").sum == "11111112");
}
