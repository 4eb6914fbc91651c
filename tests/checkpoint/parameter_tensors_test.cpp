// SPDX-License-Identifier: MIT
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/parameter_tensors.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

ParameterList matrix_and_vector() {
  ParameterTable table;
  table.add(ParameterPath() / "w", 2, 3, InitialValue::zeros);
  table.add(ParameterPath() / "v", 0, 1, InitialValue::zeros);
  ParameterList list;
  list.append("m.", table);
  return list;
}

constexpr std::string_view w = R"("m.w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]})";
constexpr std::string_view v = R"("m.v":{"dtype":"F32","shape":[1],"data_offsets":[24,28]})";
constexpr std::string_view state = R"("state":{"dtype":"U8","shape":[2],"data_offsets":[28,30]})";

/// What is said about a file with these tensors, for the model above and `others`.
std::string failure(const std::vector<std::string_view>& tensors, std::size_t bytes,
                    std::span<const std::string> others) {
  std::string header = "{";
  for (const std::string_view tensor : tensors) {
    header.append(header.size() == 1 ? "" : ",").append(tensor);
  }
  const std::string file = safetensors_bytes(header + "}", std::string(bytes, '\0'));
  constexpr std::array<std::string_view, 2> dtypes{"F32", "F64"};
  return format_error([&] {
    const MemorySource source = source_named_x(file);
    detail::check_tensors(SafetensorsReader(source), matrix_and_vector(), dtypes, others);
  });
}

}  // namespace

TEST_CASE("a matrix has two sizes, a vector one") {
  const ParameterList list = matrix_and_vector();
  CHECK(detail::sizes_of(list[0]) == std::vector<Index>{2, 3});
  CHECK(detail::sizes_of(list[1]) == std::vector<Index>{1});
}

TEST_CASE("a file has every parameter, all others that are asked for, and nothing else") {
  const std::array<std::string, 1> others{"state"};
  CHECK(failure({w, v}, 28, {}) == "");
  CHECK(failure({w, v, state}, 30, others) == "");
  CHECK(failure({w}, 24, {}) == "cannot load 'x': tensor 'm.v' is missing");
  CHECK(failure({w, v}, 28, others) == "cannot load 'x': tensor 'state' is missing");
  CHECK(failure({w, v, state}, 30, {}) ==
        "cannot load 'x': tensor 'state' does not belong to this model");
}

TEST_CASE("a parameter of another shape or dtype is named") {
  CHECK(failure({R"("m.w":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]})", v}, 28, {}) ==
        "cannot load 'x': tensor 'm.w': its shape is [3, 2], expected [2, 3]");
  CHECK(failure({w, R"("m.v":{"dtype":"F32","shape":[1,1],"data_offsets":[24,28]})"}, 28, {}) ==
        "cannot load 'x': tensor 'm.v': its shape is [1, 1], expected [1]");
  CHECK(failure({w, R"("m.v":{"dtype":"F16","shape":[1],"data_offsets":[24,26]})"}, 26, {}) ==
        "cannot load 'x': tensor 'm.v': its dtype is F16, expected F32 or F64");
  CHECK(failure({w, R"("m.v":{"dtype":"F64","shape":[1],"data_offsets":[24,32]})"}, 32, {}) == "");
}
