// SPDX-License-Identifier: MIT
// Fields as entries of a file's metadata; training_metadata_test.cpp spoils each of a checkpoint's.
#include <array>
#include <limits>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/checkpoint/field_metadata.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;

namespace {

struct Settings {
  Index count = 3;
  double share = 0.5;
  double rate = -1;
  bool truth = false;
  std::uint64_t bits = 7;
  Index later = 9;
  Index hidden = 5;
  NamePatterns names = {};
};

template <typename Config, typename Visitor>
requires std::same_as<std::remove_const_t<Config>, Settings>
void for_each_field(Config& config, Visitor&& visit) {
  visit(Field{"count"}, config.count, size_range);
  visit(Field{"share"}, config.share, share_range);
  visit(Field{.name = "rate", .negative_is_default = true}, config.rate, positive_range);
  visit(Field{.name = "truth", .formerly = "old_truth"}, config.truth);
  visit(Field{"bits"}, config.bits);
  visit(Field{.name = "later", .may_lack = true}, config.later, count_range);
  visit(Field{.name = "hidden", .stored = false}, config.hidden, count_range);
  visit(Field{.name = "names", .may_lack = true}, config.names);
}

MetadataWriter written(const Settings& settings) {
  MetadataWriter metadata;
  for_each_field(settings, detail::FieldWriter{metadata});
  return metadata;
}

Settings read(const MetadataWriter& metadata) {
  std::string header = R"({"__metadata__":{)";
  for (const auto& [key, value] : metadata.entries()) {
    header += (header.back() == '{' ? "\"" : ",\"") + key + "\":\"" + value + "\"";
  }
  const std::string bytes = octavo_test::safetensors_bytes(header + "}}", "");
  const MemorySource source("x", std::as_bytes(std::span(bytes)));
  const SafetensorsReader file(source);
  const MetadataReader reader(file);
  Settings settings;
  settings.hidden = 77;
  for_each_field(settings, detail::FieldReader{reader});
  return settings;
}

}  // namespace

TEST_CASE("fields come back from a file, all but those that are not stored") {
  const Settings settings{.count = 4,
                          .share = 0.25,
                          .rate = -2,
                          .truth = true,
                          .bits = ~std::uint64_t{0},
                          .later = 1,
                          .hidden = 6,
                          .names = "a, b"};
  const MetadataWriter metadata = written(settings);
  CHECK_FALSE(metadata.entries().contains("hidden"));
  const Settings back = read(metadata);
  CHECK(back.count == 4);
  CHECK(back.share == 0.25);
  CHECK(back.rate == -2);
  CHECK(back.truth);
  CHECK(back.bits == ~std::uint64_t{0});
  CHECK(back.later == 1);
  CHECK(back.hidden == 77);
  CHECK(back.names == NamePatterns("a, b"));
}

TEST_CASE("files of version 1 have other names, and lack what came later") {
  MetadataWriter metadata;
  const MetadataWriter whole = written({.truth = true});
  for (const auto& [key, value] : whole.entries()) {
    if (key == "later" || key == "names") continue;
    metadata.text(key == "truth" ? "old_truth" : key, value);
  }
  const Settings back = read(metadata);
  CHECK(back.truth);
  CHECK(back.later == 9);
}

TEST_CASE("fields that are missing, or out of their ranges, are refused by name") {
  const auto refusal = [](const char* key, const char* value) -> std::string {
    MetadataWriter metadata;
    const MetadataWriter whole = written({});
    for (const auto& [name, text] : whole.entries()) {
      if (name != key) metadata.text(name, text);
    }
    if (value != nullptr) metadata.text(key, value);
    return octavo_test::format_error([&] { read(metadata); });
  };
  CHECK(refusal("count", "3") == "");
  CHECK(refusal("count", nullptr) == "cannot load 'x': the metadata has no entry 'count'");
  CHECK(refusal("truth", nullptr) == "cannot load 'x': the metadata has no entry 'truth'");
  CHECK(refusal("count", "0") ==
        "cannot load 'x': metadata 'count': got '0', expected 1 to 2147483647");
  CHECK(refusal("share", "1") != "");
  CHECK(refusal("rate", "-3") == "");
  CHECK(refusal("rate", "inf") != "");
  const std::string long_name(256, 'x');
  CHECK(refusal("names", long_name.c_str()).ends_with("expected at most 255 bytes"));
}

TEST_CASE("what could not be read again is not written") {
  CHECK_THROWS_WITH_AS(written({.count = 0}), "cannot save a run whose count is out of range",
                       ConfigError);
  CHECK_THROWS_AS(written({.share = std::numeric_limits<double>::quiet_NaN()}), ConfigError);
  CHECK_NOTHROW(written({.rate = -5}));
}
