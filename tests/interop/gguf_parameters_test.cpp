// SPDX-License-Identifier: MIT
// Names and layout of GPT-2's parameters in GGUF; gguf_model_test.cpp has whole models.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/formats/gguf_writer.hpp>
#include <octavo/interop/gguf_parameters.hpp>

#include "checkpoint/forged_file.hpp"

using namespace octavo;

namespace {

Parameter parameter_of(std::string name, Index rows, Index columns) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.rows = rows;
  parameter.columns = columns;
  return parameter;
}

/// The tensor of a GPT-2's parameter; `parameter` must outlive it.
detail::GgufPart part_of(const Parameter& parameter) {
  std::vector<detail::GgufPart> parts;
  detail::add_gguf_parts(parameter, detail::gguf_families[0], {.feed_forward = {.d_ff = 6}}, parts);
  CHECK(parts.size() == 1);
  return parts[0];
}

std::vector<float> numbered(const Parameter& parameter) {
  std::vector<float> numbers(static_cast<std::size_t>(parameter.count()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  return numbers;
}

std::vector<float> emitted(const Parameter& parameter, const std::vector<float>& numbers) {
  std::vector<float> all;
  detail::emit_gguf<float>(part_of(parameter), numbers, StoredType::f32,
                           [&](std::span<const std::byte> bytes) {
                             const std::size_t before = all.size();
                             all.resize(before + bytes.size() / sizeof(float));
                             std::memcpy(all.data() + before, bytes.data(), bytes.size());
                           });
  return all;
}

/// The numbers of a parameter from a file with it alone.
std::vector<float> read(const Parameter& parameter, const std::string& bytes) {
  const MemorySource source("x", std::as_bytes(std::span(bytes)));
  const GgufReader file(source);
  const detail::GgufPart part = part_of(parameter);
  std::vector<float> numbers(static_cast<std::size_t>(parameter.count()), -1);
  detail::GgufTensorNumbers<float> stored(file, part);
  detail::read_block<float>(part, parameter, numbers, stored);
  return numbers;
}

/// A file with this parameter alone.
std::string file_of(const Parameter& parameter, const std::vector<float>& numbers,
                    StoredType type) {
  return octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
    const std::vector<GgufTensorToWrite> tensors = {
        {part_of(parameter).name, type, part_of(parameter).sizes(),
         detail::stored_bytes(type, numbers.size()), [&](const ByteSink& sink) {
           detail::emit_gguf<float>(part_of(parameter), numbers, type, sink);
         }}};
    write_gguf(path, GgufEntries{}, tensors, files);
  });
}

}  // namespace

TEST_CASE("parameters have llama.cpp's names, and matrices but the tables lie transposed") {
  const auto check = [](const char* ours, Index rows, const char* theirs, bool transposed) {
    const Parameter parameter = parameter_of(ours, rows, 4);
    const detail::GgufPart found = part_of(parameter);
    CHECK(found.name == theirs);
    CHECK(found.transposed == transposed);
  };
  check("embedding.tokens.weight", 11, "token_embd.weight", false);
  check("embedding.positions.weight", 5, "position_embd.weight", false);
  check("final_norm.weight", 0, "output_norm.weight", false);
  check("final_norm.bias", 0, "output_norm.bias", false);
  check("blocks.0.attention_norm.weight", 0, "blk.0.attn_norm.weight", false);
  check("blocks.0.attention.qkv.weight", 4, "blk.0.attn_qkv.weight", true);
  check("blocks.0.attention.qkv.bias", 0, "blk.0.attn_qkv.bias", false);
  check("blocks.12.attention.output.weight", 4, "blk.12.attn_output.weight", true);
  check("blocks.12.feed_forward_norm.bias", 0, "blk.12.ffn_norm.bias", false);
  check("blocks.1.feed_forward.up.weight", 4, "blk.1.ffn_up.weight", true);
  check("blocks.1.feed_forward.down.weight", 4, "blk.1.ffn_down.weight", true);
}

TEST_CASE("sizes are named from the inside out") {
  using Sizes = std::vector<Index>;
  const auto sizes = [](const char* name, Index rows, Index columns) {
    const Parameter parameter = parameter_of(name, rows, columns);
    return part_of(parameter).sizes();
  };
  CHECK(sizes("embedding.tokens.weight", 11, 4) == Sizes{4, 11});
  CHECK(sizes("blocks.0.feed_forward.up.weight", 4, 6) == Sizes{4, 6});
  CHECK(sizes("blocks.0.feed_forward.up.bias", 0, 6) == Sizes{6});
}

TEST_CASE("a matrix is handed over output by output, a table and a vector as they are") {
  const Parameter matrix = parameter_of("blocks.0.feed_forward.up.weight", 2, 3);
  CHECK(emitted(matrix, numbered(matrix)) == std::vector<float>{0, 3, 1, 4, 2, 5});
  const Parameter table = parameter_of("embedding.tokens.weight", 2, 3);
  CHECK(emitted(table, numbered(table)) == numbered(table));
  const Parameter vector = parameter_of("final_norm.bias", 0, 3);
  CHECK(emitted(vector, numbered(vector)) == numbered(vector));
}

TEST_CASE("every number comes back to its place, in rows of more than one piece as well") {
  for (const Index rows : {3, 1500}) {
    const Parameter matrix = parameter_of("blocks.0.feed_forward.up.weight", rows, 2);
    const std::vector<float> numbers = numbered(matrix);
    const std::string bytes = file_of(matrix, numbers, StoredType::f32);
    CHECK(read(matrix, bytes) == numbers);
  }
}

TEST_CASE("numbers of 16 bits and of Q8_0 are decoded row by row") {
  const Parameter matrix = parameter_of("blocks.0.feed_forward.up.weight", 64, 2);
  std::vector<float> numbers(128);
  for (std::size_t i = 0; i < 128; ++i) numbers[i] = static_cast<float>(i) - 64;
  for (const StoredType type : {StoredType::f16, StoredType::bf16, StoredType::q8_0}) {
    const std::string bytes = file_of(matrix, numbers, type);
    const std::vector<float> back = read(matrix, bytes);
    for (std::size_t i = 0; i < back.size(); ++i) {
      CHECK(std::abs(back[i] - numbers[i]) <= (type == StoredType::q8_0 ? 0.3f : 0.f));
    }
  }
}

TEST_CASE("rows of a parameter that begin and end within the file's blocks are read") {
  const Parameter matrix = parameter_of("blocks.0.feed_forward.up.weight", 96, 3);
  std::vector<float> numbers(288);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i % 13);
  const std::string bytes = file_of(matrix, numbers, StoredType::q8_0);
  const std::vector<float> whole = read(matrix, bytes);
  const MemorySource source("x", std::as_bytes(std::span(bytes)));
  const GgufReader file(source);
  const detail::GgufPart part = part_of(matrix);
  for (const auto& [row, rows] : {std::pair<Index, Index>{0, 5}, {31, 2}, {40, 50}, {95, 1}}) {
    std::vector<float> some(static_cast<std::size_t>(rows * 3));
    detail::GgufTensorNumbers<float> stored(file, part);
    detail::read_block<float>(part, {matrix, row, rows, 0, 3}, some, stored);
    const bool equal = std::equal(some.begin(), some.end(), whole.begin() + row * 3);
    CHECK(equal);
  }
}

TEST_CASE("a number that is not finite is named by its place in the file") {
  const Parameter matrix = parameter_of("blocks.0.feed_forward.up.weight", 2, 3);
  std::string bytes = file_of(matrix, numbered(matrix), StoredType::f32);
  const float nan = std::nanf("");
  {
    const MemorySource source("x", std::as_bytes(std::span(bytes)));
    const std::size_t offset = GgufReader(source).tensor("blk.0.ffn_up.weight").offset;
    std::memcpy(bytes.data() + offset + 3 * sizeof(float), &nan, sizeof(nan));
  }
  CHECK_THROWS_WITH_AS(read(matrix, bytes),
                       "cannot load 'x': tensor 'blk.0.ffn_up.weight': number 3 is not finite",
                       FormatError);
}
