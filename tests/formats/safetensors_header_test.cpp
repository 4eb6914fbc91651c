// SPDX-License-Identifier: MIT
#include <array>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <octavo/formats/safetensors_header.hpp>

using namespace octavo;
using octavo::detail::append_quoted;
using octavo::detail::header_text;
using octavo::detail::HeaderEntry;

namespace {

std::string json_quoted(std::string_view value) {
  std::string text;
  append_quoted(text, value);
  return text;
}

const std::map<std::string, std::string> metadata = {{"a\"b", "c\\d"},
                                                     {"octavo.header_crc32c", "ignored!"}};

}  // namespace

TEST_CASE("every ASCII character comes back from a JSON string") {
  std::string all;
  for (int i = 0; i < 128; ++i) all += static_cast<char>(i);
  CHECK(nlohmann::json::parse(json_quoted(all)).get<std::string>() == all);
  CHECK(json_quoted("a\"\\\n\x7f") == R"("a\"\\\u000a\u007f")");
  CHECK_THROWS_WITH_AS(json_quoted("\xc3\xa9"), "a file's names and metadata must be ASCII",
                       ConfigError);
}

TEST_CASE("a header lists tensors one after another, in the order in which they are given") {
  const std::vector<Index> matrix = {2, 3}, scalar = {};
  const std::array entries = {HeaderEntry{"w", "F32", matrix, 24},
                              HeaderEntry{"e", "U8", scalar, 1},
                              HeaderEntry{"v", "F16", matrix, 12}};
  const std::string text = header_text(entries, metadata);
  CHECK(text.size() % 8 == 0);
  const auto json = nlohmann::ordered_json::parse(text);
  CHECK(json["__metadata__"]["a\"b"] == "c\\d");
  CHECK(json["w"].dump() == R"({"dtype":"F32","shape":[2,3],"data_offsets":[0,24]})");
  CHECK(json["e"].dump() == R"({"dtype":"U8","shape":[],"data_offsets":[24,25]})");
  CHECK(json["v"].dump() == R"({"dtype":"F16","shape":[2,3],"data_offsets":[25,37]})");
  std::vector<std::string> names;
  for (const auto& item : json.items()) names.push_back(item.key());
  CHECK(names == std::vector<std::string>{"__metadata__", "w", "e", "v"});
}

TEST_CASE("a header has its own checksum, whatever stood there") {
  const std::string text = header_text({}, metadata);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["__metadata__"]["octavo.header_crc32c"] == detail::header_checksum(text));
  auto other = metadata;
  other["octavo.header_crc32c"] = "";
  CHECK(header_text({}, other) == text);
}

TEST_CASE("padding makes every header a multiple of eight") {
  for (std::size_t size = 1; size < 10; ++size) {
    std::map<std::string, std::string> entries = metadata;
    entries["pad"] = std::string(size, 'x');
    const std::string text = header_text({}, entries);
    CHECK(text.size() % 8 == 0);
    CHECK(text.find_last_not_of(' ') + 8 >= text.size());
  }
}
