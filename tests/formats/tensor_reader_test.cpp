// SPDX-License-Identifier: MIT
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/formats/tensor_reader.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// A file with one tensor 't', and its reader.
struct OneTensor {
  std::string bytes;
  MemorySource source;
  SafetensorsReader file;

  OneTensor(const std::string& dtype, std::size_t count, const std::string& data)
      : bytes(safetensors_bytes("{\"t\":{\"dtype\":\"" + dtype + "\",\"shape\":[" +
                                    std::to_string(count) + "],\"data_offsets\":[0," +
                                    std::to_string(data.size()) + "]}}",
                                data)),
        source(source_named_x(bytes)),
        file(source) {}
};

template <typename Number>
OneTensor tensor_of(const std::string& dtype, const std::vector<Number>& numbers) {
  return OneTensor(dtype, numbers.size(), bytes_of_numbers(numbers));
}

template <Scalar T>
std::vector<T> read(const OneTensor& one, std::size_t count) {
  std::vector<T> values(count);
  detail::read_tensor<T>(one.file, "t", values);
  return values;
}

}  // namespace

TEST_CASE("numbers of every width come exactly") {
  CHECK(read<float>(tensor_of<float>("F32", {1.5f, -2}), 2) == std::vector<float>{1.5f, -2});
  CHECK(read<double>(tensor_of<double>("F64", {0.1, -2}), 2) == std::vector<double>{0.1, -2});
  CHECK(read<float>(tensor_of<double>("F64", {0.1}), 1) == std::vector<float>{0.1f});
  CHECK(read<double>(tensor_of<std::uint16_t>("F16", {0x3c00, 0xc100}), 2) ==
        std::vector<double>{1, -2.5});
  CHECK(read<float>(tensor_of<std::uint16_t>("BF16", {0x3f80, 0xc020}), 2) ==
        std::vector<float>{1, -2.5f});
}

TEST_CASE("a tensor of more than one piece is whole") {
  std::vector<float> numbers(4097);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  CHECK(read<float>(tensor_of("F32", numbers), numbers.size()) == numbers);
}

TEST_CASE("numbers that are not finite, or too large for float, are refused by place") {
  std::vector<float> numbers(2000, 1.f);
  numbers[1500] = std::nanf("");
  numbers[1600] = HUGE_VALF;
  const OneTensor one = tensor_of("F32", numbers);
  CHECK(format_error([&] { read<float>(one, 2000); }) ==
        "cannot load 'x': tensor 't': number 1500 is not finite");
  CHECK(format_error([&] { detail::verify_tensor(one.file, "t"); }) ==
        "cannot load 'x': tensor 't': number 1500 is not finite");
  const OneTensor large = tensor_of<double>("F64", {1, -1e39});
  CHECK(format_error([&] { read<float>(large, 2); }) ==
        "cannot load 'x': tensor 't': number 1 is too large for float / use double");
  CHECK(read<double>(large, 2) == std::vector<double>{1, -1e39});
}

TEST_CASE("a dtype that has no such numbers is left alone") {
  const OneTensor one = tensor_of<std::uint8_t>("U8", {1, 2});
  int calls = 0;
  CHECK(!detail::for_each_piece_of_numbers(one.file, "t", [&](auto...) { ++calls; }));
  CHECK(calls == 0);
  CHECK_NOTHROW(detail::verify_tensor(one.file, "t"));
}

TEST_CASE("another shape or dtype than expected is named with both") {
  const OneTensor one = tensor_of<float>("F32", {1, 2});
  constexpr std::array<std::string_view, 2> right{"F16", "F32"}, wrong{"F16", "BF16"};
  CHECK_NOTHROW(detail::check_tensor(one.file, "t", {2}, right));
  CHECK(format_error([&] {
          detail::check_tensor(one.file, "t", {1, 2}, right);
        }) == "cannot load 'x': tensor 't': its shape is [2], expected [1, 2]");
  CHECK(format_error([&] { detail::check_tensor(one.file, "t", {2}, wrong); }) ==
        "cannot load 'x': tensor 't': its dtype is F32, expected F16 or BF16");
  CHECK(format_error([&] { detail::check_tensor(one.file, "u", {2}, right); }) ==
        "cannot load 'x': tensor 'u' is missing");
  CHECK(detail::readable(std::string("F8\n")) == "'F8\\x0a'");
  CHECK(detail::readable(std::string()) == "''");
}

TEST_CASE("a tensor that does not have the file's checksum is refused before its numbers") {
  const std::array<Index, 1> shape{2};
  const std::array entries = {detail::HeaderEntry{"t", "F32", shape, 8}};
  const std::string good = bytes_of_numbers<float>({1, 2});
  const std::string sum = detail::sum_text(crc32c(std::as_bytes(std::span(good))));
  const std::string header =
      detail::header_text(entries, {{std::string(detail::header_checksum_key), ""},
                                    {std::string(detail::tensor_sums_key), sum}});
  const auto said = [&](const std::string& data) {
    const std::string bytes = safetensors_bytes(header, data);
    const MemorySource source = source_named_x(bytes);
    const SafetensorsReader file(source);
    return format_error([&] { detail::verify_tensor(file, "t"); });
  };
  CHECK(said(good) == "");
  const std::string bad = bytes_of_numbers<float>({1, std::nanf("")});
  CHECK(said(bad) == "cannot load 'x': tensor 't': its CRC-32C is " +
                         detail::sum_text(crc32c(std::as_bytes(std::span(bad)))) + ", expected '" +
                         sum + "' / the file is damaged; use another copy");
}
