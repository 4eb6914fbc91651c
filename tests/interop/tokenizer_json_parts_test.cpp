// SPDX-License-Identifier: MIT
// What stands around the model of a tokenizer.json. (family_tokenizers_test.cpp has whole files.)
#include <doctest/doctest.h>

#include <octavo/interop/tokenizer_json_parts.hpp>

#include "interop/tokenizer_files.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

TokenTable parts_of(const Json& json) {
  const std::string text = json.dump();
  const JsonObject file(text_source("f", text), detail::tokenizer_limits);
  TokenTable table;
  table.tokens = {"<s>", "</s>"};
  detail::TokenizerParts(file, table).find_frame();
  return table;
}

Json metaspace(const Json& scheme) {
  return {{"pre_tokenizer",
           {{"type", "Metaspace"},
            {"replacement", "\u2581"},
            {"split", false},
            {"prepend_scheme", scheme}}}};
}

}  // namespace

TEST_CASE("the parts of a tokenizer become settings of a table") {
  CHECK(parts_of(metaspace("first")).prefix == SpacePrefix::first_spared);
  CHECK(parts_of(metaspace("always")).prefix == SpacePrefix::always_spared);
  CHECK(parts_of(metaspace("never")).prefix == SpacePrefix::never);
  CHECK(!parts_of(metaspace("first")).strip_space);
  Json json = metaspace(nullptr);
  json["pre_tokenizer"]["add_prefix_space"] = true;
  json["decoder"] = {
      {"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "always"}};
  CHECK(parts_of(json).prefix == SpacePrefix::always_spared);
  CHECK(parts_of(json).strip_space);
  CHECK_THROWS_AS(parts_of(metaspace(nullptr)), FormatError);
  CHECK_THROWS_AS(parts_of(metaspace("x")), FormatError);
}

TEST_CASE("a template puts tokens before and after one text") {
  Json json = metaspace("first");
  const Json text = {{"Sequence", {{"id", "A"}}}};
  const auto token = [](const char* name) { return Json{{"SpecialToken", {{"id", name}}}}; };
  const auto with = [&](const Json& single) {
    json["post_processor"] = {{"type", "TemplateProcessing"}, {"single", single}};
    return parts_of(json);
  };
  CHECK(with({token("<s>"), text, token("</s>")}).frame == TextFrame{{0}, {1}});
  CHECK(with(Json::array({text})).frame == TextFrame{});
  CHECK_THROWS_AS(with({token("<s>")}), FormatError);
  CHECK_THROWS_AS(with({text, text}), FormatError);
  CHECK_THROWS_AS(with({token("<x>"), text}), FormatError);
}
