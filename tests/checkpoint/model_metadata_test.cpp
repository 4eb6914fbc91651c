// SPDX-License-Identifier: MIT
// What a file says of its model goes out and comes back; training_metadata_test.cpp spoils every
// entry of a whole file.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/model_metadata.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr ModelConfig config{
    .vocabulary = 5,
    .context = 3,
    .layers = 1,
    .width = 4,
    .norm = {.bias = false},
    .attention = {.heads = 2, .bias = false},
    .feed_forward = {.d_ff = 6, .activation = Activation::gelu_tanh, .bias = false},
    .head = {.tied = true, .bias = false}};

/// A file of these entries, as many tensors as four blocks have, and room for a small model.
std::string file_of(const MetadataWriter& metadata, std::size_t data_bytes = 4000) {
  std::string header = R"({"__metadata__":{)";
  for (const auto& [key, value] : metadata.entries()) {
    header += (header.back() == '{' ? "\"" : ",\"") + key + "\":\"" + value + '"';
  }
  header += '}';
  for (int i = 0; i < 16; ++i) {
    header += ",\"t" + std::to_string(i) + R"(":{"dtype":"U8","shape":[)" +
              (i == 0 ? std::to_string(data_bytes) : "0") + R"(],"data_offsets":[)" +
              (i == 0 ? "0" : std::to_string(data_bytes)) + "," + std::to_string(data_bytes) + "]}";
  }
  return safetensors_bytes(header + "}", std::string(data_bytes, '\0'));
}

/// Calls body(metadata) with the entries as a file has them.
template <typename Body>
auto with_entries(const MetadataWriter& writer, Body body, std::size_t data_bytes = 4000) {
  const std::string bytes = file_of(writer, data_bytes);
  const MemorySource source = source_named_x(bytes);
  const SafetensorsReader file(source);
  return body(MetadataReader(file));
}

MetadataWriter config_entries(const ModelConfig& of = config) {
  MetadataWriter writer;
  for_each_field(of, detail::FieldWriter{writer});
  return writer;
}

std::string config_failure(const MetadataWriter& writer, std::size_t data_bytes = 4000) {
  return format_error([&] { with_entries(writer, detail::read_config, data_bytes); });
}

}  // namespace

TEST_CASE("every configuration comes back") {
  for (const Activation activation : {Activation::relu, Activation::gelu, Activation::gelu_tanh,
                                      Activation::silu, Activation::relu_squared}) {
    for (const bool bias : {false, true}) {
      ModelConfig other = config;
      other.feed_forward.activation = activation;
      if (!bias) other = without_biases(other);
      other.norm.epsilon = 3e-6;
      other.norm.kind = bias ? NormKind::rms : NormKind::layer;
      other.norm.unit_offset = bias;
      other.conv_taps = bias ? 4 : 0;
      other.feed_forward.gated = bias;
      other.head.tied = !bias;
      other.layers = 4;
      CHECK(with_entries(config_entries(other), detail::read_config) == other);
    }
  }
}

TEST_CASE("a file of version 1 says of all biases at once whether they are there") {
  for (const bool bias : {false, true}) {
    ModelConfig expected = config;
    expected.norm.bias = expected.attention.bias = bias;
    expected.feed_forward.bias = expected.head.bias = bias;
    MetadataWriter writer;
    const MetadataWriter whole = config_entries();
    for (const auto& [key, value] : whole.entries()) {
      constexpr std::array later{"arrangement", "norm",      "norm_epsilon", "norm_unit_offset",
                                 "gated",       "positions", "conv_taps"};
      if (key.ends_with("_bias")) continue;
      if (std::find(later.begin(), later.end(), key) == later.end()) writer.text(key, value);
    }
    writer.truth("bias", bias);
    CHECK(with_entries(writer, detail::read_config) == expected);
  }
}

TEST_CASE(
    "a configuration for which the file has no room is refused before anything is allocated") {
  ModelConfig large = config;
  large.width = large.attention.heads = 1 << 20;
  CHECK(config_failure(config_entries(large)) ==
        "cannot load 'x': the configuration in the metadata has more weights than the file has "
        "room for");
  large = config;
  large.layers = 5;
  CHECK(config_failure(config_entries(large)) ==
        "cannot load 'x': metadata 'layers': got '5', expected 1 to 4");
  ModelConfig uneven = config;
  uneven.attention.heads = 3;
  CHECK(config_failure(config_entries(uneven)) ==
        "cannot load 'x': metadata 'heads': got 3, expected a divisor of the width 4");
  // 4 (5 + 3 + (4 * 4 + 2 * 6)) weights of four bytes, and the header is more than none.
  CHECK(config_failure(config_entries(), 4 * 36 * 4) == "");
}

TEST_CASE("format and kind of a file") {
  constexpr std::array<std::string_view, 2> both{"model", "checkpoint"};
  const auto read = [&](const MetadataWriter& writer, std::span<const std::string_view> kinds) {
    std::size_t kind = 99;
    const std::string message = format_error([&] {
      kind = with_entries(writer, [&](const MetadataReader& metadata) {
        return detail::read_format(metadata, kinds);
      });
    });
    return message.empty() ? std::to_string(kind) : message;
  };
  MetadataWriter writer;
  CHECK(read(writer, both) ==
        "cannot load 'x': it is a safetensors file, but not one of Octavo's / "
        "name a model or a checkpoint of Octavo's");
  detail::write_format(writer, "checkpoint");
  CHECK(writer.entries().at("format") == "pt");  // for transformers
  CHECK(read(writer, both) == "cannot load 'x': the metadata has no entry 'octavo.header_crc32c'");
  // A checksum that is wrong is the reader's business, not the format's.
  writer.text(std::string(detail::header_checksum_key), detail::no_sum);
  writer.text(std::string(detail::tensor_sums_key), "");
  CHECK(read(writer, both) == "1");
  CHECK(read(writer, std::span(both).first(1)) ==
        "cannot load 'x': metadata 'octavo.kind': got 'checkpoint', expected 'model' / a model "
        "file has no state to resume from; name a checkpoint");
  writer.whole("octavo.format_version", 3);
  CHECK(read(writer, both) ==
        "cannot load 'x': format version 3, this build reads 1 to 2 / it was "
        "written by a newer Octavo: update the library");
}

TEST_CASE("a part of the user's is in the file, and must be the one that is expected") {
  MetadataWriter writer;
  detail::write_part(writer, "");
  CHECK(writer.entries().empty());
  CHECK(with_entries(writer, detail::read_part) == "");
  detail::write_part(writer, "swiglu");
  CHECK(with_entries(writer, detail::read_part) == "swiglu");
  const auto said = [&](std::string_view got, std::string_view expected) {
    return format_error([&] {
      with_entries(writer, [&](const MetadataReader& metadata) {
        detail::check_part(metadata.file(), got, expected, "");
        return 0;
      });
    });
  };
  CHECK(said("", "") == "");
  CHECK(said("a", "a") == "");
  CHECK(said("a", "").find("a model with the part 'a', expected only standard parts") !=
        std::string::npos);
  CHECK(said("", "b").find("a model with only standard parts, expected the part 'b'") !=
        std::string::npos);
}

TEST_CASE("what could not be loaded again is the caller's mistake") {
  CHECK_NOTHROW(detail::check_saved(config, 1, 1));
  CHECK_NOTHROW(detail::check_saved(config, 3, 5));
  CHECK_THROWS_WITH_AS(detail::check_saved(config, 4, 5),
                       "trained length: got 4, expected 1 to 3, the model's context", ConfigError);
  CHECK_THROWS_AS(detail::check_saved(config, 0, 5), ConfigError);
  CHECK_THROWS_WITH_AS(detail::check_saved(config, 3, 6),
                       "tokenizer: got 6 tokens, expected 1 to 5, the model's vocabulary",
                       ConfigError);
  CHECK_THROWS_AS(detail::check_saved(config, 3, 0), ConfigError);
}

TEST_CASE("numbers are finite only if all of them are") {
  CHECK(detail::all_finite<float>({}));
  std::vector<double> numbers(100, 1);
  CHECK(detail::all_finite<double>(numbers));
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    numbers.back() = bad;
    CHECK_FALSE(detail::all_finite<double>(numbers));
  }
}
