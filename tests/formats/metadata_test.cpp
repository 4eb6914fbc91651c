// SPDX-License-Identifier: MIT
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include <octavo/formats/metadata.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("entries are texts from which the numbers come back") {
  MetadataWriter writer;
  writer.text("text", "abc");
  writer.whole("whole", std::int64_t{-12});
  writer.whole("bits", ~std::uint64_t{0});
  writer.truth("yes", true);
  writer.truth("no", false);
  writer.real("tenth", 0.1);
  writer.real("infinite", std::numeric_limits<double>::infinity());
  writer.real("least", std::numeric_limits<double>::denorm_min());
  CHECK(writer.entries().at("whole") == "-12");
  CHECK(writer.entries().at("bits") == "18446744073709551615");
  CHECK(writer.entries().at("yes") == "1");
  CHECK(writer.entries().at("no") == "0");
  CHECK(writer.entries().at("tenth") == "0.1");
  CHECK(writer.entries().at("infinite") == "inf");

  std::string header = R"({"__metadata__":{"":"")";
  for (const auto& [key, value] : writer.entries()) header += ",\"" + key + "\":\"" + value + '"';
  const std::string bytes = safetensors_bytes(header + "}}");
  const MemorySource source = source_named_x(bytes);
  const SafetensorsReader file(source);
  const MetadataReader reader(file);
  CHECK(reader.text("text") == "abc");
  CHECK(reader.whole("whole", -12, 0) == -12);
  CHECK(reader.bits("bits") == ~std::uint64_t{0});
  CHECK(reader.truth("yes"));
  CHECK(!reader.truth("no"));
  CHECK(reader.real("tenth", 0.1, 0.1) == 0.1);
  CHECK(reader.real("least", 0, 1) == std::numeric_limits<double>::denorm_min());
  CHECK(reader.real_or_infinity("infinite") == std::numeric_limits<double>::infinity());
  CHECK(reader.has("yes"));
  CHECK(!reader.has("missing"));
}

TEST_CASE("entries that are missing or out of their range are named, with what they say") {
  const std::string bytes = safetensors_bytes(
      R"({"__metadata__":{"n":"12","t":"x","r":"0.5","nan":"nan","inf":"inf","b":"2","s":" 1"}})");
  const MemorySource source = source_named_x(bytes);
  const SafetensorsReader file(source);
  const MetadataReader reader(file);
  const auto said = [&](auto body) {
    const std::string message = format_error([&] { body(); });
    constexpr std::string_view start = "cannot load 'x': ";
    return message.starts_with(start) ? message.substr(start.size()) : message;
  };
  CHECK(said([&] { reader.whole("n", 13, 20); }) == "metadata 'n': got '12', expected 13 to 20");
  CHECK(said([&] { reader.whole("t", 0, 20); }) == "metadata 't': got 'x', expected a number");
  CHECK(said([&] { reader.whole("r", 0, 20); }) == "metadata 'r': got '0.5', expected a number");
  CHECK(said([&] { reader.whole("s", 0, 20); }) == "metadata 's': got ' 1', expected a number");
  CHECK(said([&] { reader.truth("b"); }) == "metadata 'b': got '2', expected 0 to 1");
  CHECK(said([&] { reader.real("r", 0.75, 1); }) == "metadata 'r': got '0.5', expected 0.75 to 1");
  CHECK(said([&] { reader.real("inf", 0, std::numeric_limits<double>::infinity()); }) ==
        "metadata 'inf': got 'inf', expected 0 to inf");
  CHECK(said([&] { reader.real_or_infinity("nan"); }) ==
        "metadata 'nan': got 'nan', expected a number");
  CHECK(said([&] { reader.text("missing"); }) == "the metadata has no entry 'missing'");
}

TEST_CASE("one of several names comes as its index") {
  const std::string bytes = safetensors_bytes(R"({"__metadata__":{"k":"b","other":"d"}})");
  const MemorySource source = source_named_x(bytes);
  const SafetensorsReader file(source);
  const MetadataReader reader(file);
  constexpr std::array<std::string_view, 3> names{"a", "b", "c"};
  CHECK(reader.choice("k", names) == 1);
  CHECK(format_error([&] { reader.choice("other", names, "do this"); }) ==
        "cannot load 'x': metadata 'other': got 'd', expected 'a', 'b' or 'c' / do this");
}
