// SPDX-License-Identifier: MIT
// The container alone; tests/interop has models in it.
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/formats/gguf_reader.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr std::uint32_t u8 = 0, i8 = 1, u16 = 2, i16 = 3, u32 = 4, i32 = 5, f32 = 6, boolean = 7,
                        string = 8, array = 9, u64 = 10, i64 = 11;

std::string list(std::uint32_t type, std::uint64_t count, std::string_view elements) {
  return bytes_of_number(type) + bytes_of_number(count) + std::string(elements);
}

/// A file of entries alone.
std::string entries_file(const std::vector<std::string>& entries) {
  std::string bytes = gguf_start(0, entries.size());
  for (const std::string& entry : entries) bytes += entry;
  return padded(bytes);
}

/// A file with these tensors and this data.
std::string tensors_file(const std::vector<std::string>& tensors, std::string_view data) {
  std::string bytes = gguf_start(tensors.size(), 0);
  for (const std::string& tensor : tensors) bytes += tensor;
  return padded(bytes).append(data);
}

/// What is said about the file, after its name.
std::string failure(const std::string& bytes) {
  const std::string message = format_error([&] {
    const MemorySource source = source_named_x(bytes);
    GgufReader reader(source);
  });
  constexpr std::string_view start = "cannot load 'x': ";
  if (message.empty()) return {};
  return message.starts_with(start) ? message.substr(start.size()) : "the file is not named";
}

}  // namespace

TEST_CASE("whole numbers of every width come with their sign") {
  const std::string bytes =
      entries_file({gguf_entry("u8", u8, bytes_of_number(std::uint8_t{200})),
                    gguf_entry("i8", i8, bytes_of_number(std::int8_t{-3})),
                    gguf_entry("u16", u16, bytes_of_number(std::uint16_t{60000})),
                    gguf_entry("i16", i16, bytes_of_number(std::int16_t{-300})),
                    gguf_entry("u32", u32, bytes_of_number(4'000'000'000u)),
                    gguf_entry("i32", i32, bytes_of_number(-70'000)),
                    gguf_entry("u64", u64, bytes_of_number(std::uint64_t{1} << 40)),
                    gguf_entry("i64", i64, bytes_of_number(-(std::int64_t{1} << 40))),
                    gguf_entry("huge", u64, bytes_of_number(~std::uint64_t{0})),
                    gguf_entry("real", f32, bytes_of_number(0.5f)),
                    gguf_entry("short", f32, bytes_of_number(1e-5f)),
                    gguf_entry("long", 12, bytes_of_number(0.1))});
  const MemorySource source = source_named_x(bytes);
  const GgufReader reader(source);
  CHECK(reader.any_whole("u8") == 200);
  CHECK(reader.any_whole("i8") == -3);
  CHECK(reader.any_whole("u16") == 60000);
  CHECK(reader.any_whole("i16") == -300);
  CHECK(reader.any_whole("u32") == 4'000'000'000);
  CHECK(reader.any_whole("i32") == -70'000);
  CHECK(reader.any_whole("u64") == Index{1} << 40);
  CHECK(reader.any_whole("i64") == -(Index{1} << 40));
  CHECK(!reader.any_whole("huge"));
  CHECK(!reader.any_whole("real"));
  CHECK(!reader.any_whole("missing"));
  CHECK(reader.optional_real("real") == 0.5);
  CHECK(reader.optional_real("short") == 1e-5);
  CHECK(reader.optional_real("long") == 0.1);
  CHECK(!reader.optional_real("missing"));
  CHECK(reader.bytes() == bytes.size());
}

TEST_CASE("an entry out of its range, of another type or missing is named, with its value") {
  const std::string bytes = entries_file(
      {gguf_entry("n", u32, bytes_of_number(12u)), gguf_entry("t", string, gguf_text("12")),
       gguf_entry("r", f32, bytes_of_number(0.5f)), gguf_entry("l", array, list(u8, 2, "ab"))});
  const MemorySource source = source_named_x(bytes);
  const GgufReader reader(source);
  CHECK(reader.whole("n", 12, 12) == 12);
  CHECK(reader.optional_whole("n", 1, 20) == 12);
  CHECK(!reader.optional_whole("missing", 1, 20));
  const auto said = [&](auto body) { return format_error([&] { body(); }); };
  CHECK(said([&] { reader.whole("n", 1, 11); }) ==
        "cannot load 'x': entry 'n': got 12, expected 1 to 11");
  CHECK(said([&] { reader.whole("n", 13, 20); }) ==
        "cannot load 'x': entry 'n': got 12, expected 13 to 20");
  CHECK(said([&] { reader.whole("t", 1, 20); }) ==
        "cannot load 'x': entry 't': got '12' (a text), expected 1 to 20");
  CHECK(said([&] { reader.whole("l", 1, 20); }) ==
        "cannot load 'x': entry 'l': got a list of 2, expected 1 to 20");
  CHECK(said([&] { reader.text("n"); }) == "cannot load 'x': entry 'n': got 12, expected text");
  CHECK(said([&] { reader.optional_real("n"); }) ==
        "cannot load 'x': entry 'n': got 12, expected a float");
  CHECK(said([&] { reader.whole("m", 1, 20); }) == "cannot load 'x': there is no entry 'm'");
  CHECK(said([&] { reader.texts("l", 9); }) ==
        "cannot load 'x': entry 'l': got a list of 2, expected a list of at most 9 texts");
}

TEST_CASE("lists come in order, and not longer than is asked for") {
  const std::string bytes = entries_file(
      {gguf_entry("texts", array, list(string, 2, gguf_text("ab") + gguf_text(""))),
       gguf_entry("numbers", array, list(i16, 3, bytes_of_numbers<std::int16_t>({1, -2, 3}))),
       gguf_entry("none", array, list(u32, 0, "")),
       gguf_entry("equal", array, list(u8, 3, "\7\7\7")),
       gguf_entry("reals", array, list(f32, 1, bytes_of_number(1.f))),
       gguf_entry("true", boolean, "\1"), gguf_entry("false", boolean, std::string(1, '\0'))});
  const MemorySource source = source_named_x(bytes);
  const GgufReader reader(source);
  CHECK(reader.texts("texts", 2) == std::vector<std::string>{"ab", ""});
  CHECK(reader.wholes("numbers", 3) == std::vector<Index>{1, -2, 3});
  CHECK(reader.wholes("none", 3).empty());
  CHECK(reader.list_size("texts") == 2);
  CHECK_THROWS_AS(reader.list_size("true"), FormatError);
  CHECK_THROWS_AS(reader.uniform_whole("numbers", 1, 3, 3), FormatError);
  CHECK(reader.uniform_whole("equal", 7, 7, 3) == 7);
  CHECK_THROWS_AS(reader.uniform_whole("equal", 1, 6, 3), FormatError);
  CHECK_THROWS_AS(reader.uniform_whole("equal", 1, 7, 4), FormatError);
  CHECK(reader.truth("true"));
  CHECK(!reader.truth("false"));
  CHECK(!reader.truth("missing"));
  CHECK_THROWS_AS(reader.truth("texts"), FormatError);
  CHECK_THROWS_AS(reader.texts("texts", 1), FormatError);
  CHECK_THROWS_AS(reader.wholes("numbers", 2), FormatError);
  CHECK_THROWS_AS(reader.wholes("reals", 2), FormatError);
  CHECK(reader.floats("reals", 1) == std::vector<float>{1});
  CHECK_THROWS_AS(reader.floats("reals", 2), FormatError);
  CHECK_THROWS_AS(reader.floats("numbers", 3), FormatError);
}

TEST_CASE("tensors lie where the file says, at multiples of the alignment") {
  const std::string data = padded(bytes_of_numbers<float>({1, 2, 3, 4, 5, 6})) +
                           bytes_of_numbers<std::uint16_t>({0x3c00, 0xc000});
  const std::string bytes =
      tensors_file({gguf_tensor("a", {3, 2}, 0, 0), gguf_tensor("b", {2}, 1, 32)}, data);
  for (const std::string& file : {bytes, bytes + std::string(28, '\0')}) {  // padded at the end
    const MemorySource source = source_named_x(file);
    const GgufReader reader(source);
    REQUIRE(reader.tensors().size() == 2);
    const GgufTensor& a = reader.tensor("a");
    CHECK(a.type == StoredType::f32);
    CHECK(a.shape == std::vector<Index>{3, 2});
    CHECK(a.bytes == 24);
    CHECK(a.offset % 32 == 0);
    std::array<float, 2> numbers{};
    reader.read(a, 16, std::as_writable_bytes(std::span(numbers)));
    CHECK(numbers == std::array{5.f, 6.f});
    const GgufTensor& b = reader.tensor("b");
    CHECK(b.type == StoredType::f16);
    CHECK(b.bytes == 4);
    CHECK(b.offset == a.offset + 32);
  }
}

TEST_CASE("an alignment of the file's own holds") {
  const std::string header = gguf_start(2, 1) +
                             gguf_entry("general.alignment", u32, bytes_of_number(64u)) +
                             gguf_tensor("a", {1}, 0, 0) + gguf_tensor("b", {1}, 0, 64);
  const std::string bytes =
      padded(padded(header, 64) + bytes_of_number(1.f), 64) + bytes_of_number(2.f);
  const MemorySource source = source_named_x(bytes);
  const GgufReader reader(source);
  CHECK(reader.tensor("b").offset == reader.tensor("a").offset + 64);
  const auto with_alignment = [](std::uint32_t alignment) {
    return failure(
        entries_file({gguf_entry("general.alignment", u32, bytes_of_number(alignment))}));
  };
  CHECK(with_alignment(48) == "entry 'general.alignment': got 48, expected a power of two");
  CHECK(with_alignment(0) == "entry 'general.alignment': got 0, expected 1 to 65536");
}

TEST_CASE("files of another kind or version are refused") {
  CHECK(failure(entries_file({})) == "");
  CHECK(failure(padded(gguf_start(0, 0, 2))) == "");
  CHECK(failure("") == "it is not a GGUF file");
  CHECK(failure("GGML" + std::string(60, '\0')) == "it is not a GGUF file");
  CHECK(failure(gguf_start(0, 0, 1)) == "GGUF version 1, this build reads 2 and 3");
  CHECK(failure(gguf_start(0, 0, 4)) == "GGUF version 4, this build reads 2 and 3");
  CHECK(failure(gguf_start(0, 0, 3u << 24)) == "it is a big-endian GGUF file");
  CHECK(failure(gguf_start(30'001, 0)) == "it has 30001 tensors, expected at most 30000");
  CHECK(failure(gguf_start(0, 10'001)) == "it has 10001 entries, expected at most 10000");
}

TEST_CASE("a header that ends too early is refused at every byte") {
  const std::string whole = gguf_start(1, 1) +
                            gguf_entry("key", array, list(string, 1, gguf_text("abc"))) +
                            gguf_tensor("t", {1}, 0, 0);
  for (std::size_t size = 4; size < whole.size(); ++size) {
    const std::string said = failure(whole.substr(0, size));
    CHECK(said == "it ends within its header, after " + std::to_string(size) +
                      " bytes / the copy is incomplete");
  }
}

TEST_CASE("entries that are of no type, or twice there, are refused") {
  CHECK(failure(entries_file({gguf_entry("k", 13, "")})) == "entry 'k': unknown type 13");
  CHECK(failure(entries_file({gguf_entry("k", array, list(array, 1, ""))})) ==
        "entry 'k': unknown type 9");
  const std::string one = gguf_entry("k", u8, "a");
  CHECK(failure(entries_file({one, one})) == "entry 'k': it occurs twice");
  CHECK(failure(entries_file({gguf_entry("", u8, "a")})) ==
        "the name of an entry has 0 bytes, expected 1 to 256");
}

TEST_CASE("tensors that are not as the format has them are refused by name") {
  const std::string number = bytes_of_number(1.f);
  const auto said = [&](const std::string& tensor) {
    return failure(tensors_file({tensor}, number));
  };
  CHECK(said(gguf_tensor("t", {1}, 0, 0)) == "");
  CHECK(said(gguf_tensor("t", {}, 0, 0)) == "tensor 't': 0 sizes, expected 1 to 4");
  CHECK(said(gguf_tensor("t", {1, 1, 1, 1, 1}, 0, 0)) == "tensor 't': 5 sizes, expected 1 to 4");
  CHECK(said(gguf_tensor("t", {0}, 0, 0)) == "tensor 't': size 0, expected 1 to 2^40");
  CHECK(said(gguf_tensor("t", {1}, 4, 0)) ==
        "tensor 't': its type is number 4, expected one of F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, "
        "Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS / convert the model again, to one of "
        "these");
  CHECK(said(gguf_tensor("t", {1u << 20, 1u << 20, 1u << 20, 1u << 20}, 0, 0)) ==
        "tensor 't': it has more numbers than fit into the file");
  CHECK(said(gguf_tensor("t", {33}, 8, 0)) ==
        "tensor 't': its rows have 33 numbers, expected a multiple of 32 for Q8_0");
  CHECK(said(gguf_tensor("t", {32}, 12, 0)) ==
        "tensor 't': its rows have 32 numbers, expected a multiple of 256 for Q4_K");
  CHECK(said(gguf_tensor("t", {1}, 0, 32)) == "a tensor begins at byte 32 of the data, expected 0");
  const std::string one = gguf_tensor("t", {1}, 0, 0);
  CHECK(failure(tensors_file({one, one}, number)) == "tensor 't': it occurs twice");
  CHECK(failure(tensors_file({one}, "abc")).starts_with("the tensors end at byte "));
  CHECK(failure(tensors_file({one}, std::string(33, '\0'))) == "");
  const std::string empty = tensors_file({}, "");
  const MemorySource source = source_named_x(empty);
  CHECK_THROWS_WITH_AS(GgufReader(source).tensor("t"), "cannot load 'x': tensor 't' is missing",
                       FormatError);
}
