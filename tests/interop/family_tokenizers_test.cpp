// SPDX-License-Identifier: MIT
// tokenizer.json of the Llama family: the tokens and texts that Hugging Face's Rust library has for
// them (tests/ecosystem/tokenizer_fixtures.mjs), and nothing lost when they are saved again.
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/generation/text_stream.hpp>
#include <octavo/interop/tokenizer_json.hpp>
#include <octavo/interop/tokenizer_json_text.hpp>

#include "interop/tokenizer_files.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

Json family(const std::string& name) {
  return Json::parse(read_file(OCTAVO_TEST_REFERENCE_FOLDER "/tokenizers/" + name + ".json"));
}

const char* const families[] = {"llama3", "qwen2", "smollm",   "tekken",
                                "llama2", "gemma", "metaspace"};

}  // namespace

TEST_CASE("tokenizers of the Llama family have the tokens and texts of Hugging Face's library") {
  for (const std::string name : families) {
    const Json expected = family(name);
    const Read read(expected["tokenizer"]);  // which also comes back from everything it is saved as
    CHECK(read.notes.empty());
    for (const Json& one : expected["texts"]) {
      const std::string text = one["text"];
      INFO(name, ": ", printable(text, 100));
      const Tokens tokens = read.tokenizer.encode(text, SpecialTokens::recognized);
      CHECK(tokens == one["ids"].get<Tokens>());
      std::string streamed, back = one["back"];
      TextStream stream(read.tokenizer, StopStrings({}),
                        [&](std::string_view part) { streamed += part; });
      for (const Token token : tokens) stream(token);
      stream.finish();
      const bool stripped = name == "llama2" || name == "metaspace";
      if (stripped && streamed.starts_with(' ')) streamed.erase(0, 1);
      CHECK(streamed == back);
      CHECK(read.tokenizer.decode_text(tokens) == back);
    }
  }
}

TEST_CASE("what a family adds to a text is kept") {
  CHECK(Read(family("llama3")["tokenizer"]).tokenizer.frame() == TextFrame{{329}, {}});
  CHECK(Read(family("tekken")["tokenizer"]).tokenizer.frame() == TextFrame{{329}, {}});
  CHECK(Read(family("qwen2")["tokenizer"]).tokenizer.frame() == TextFrame{});
  CHECK(Read(family("gemma")["tokenizer"]).tokenizer.frame() == TextFrame{{1}, {}});
}

TEST_CASE("bytes without a token are refused when they are encoded, and known before") {
  Json json = family("smollm")["tokenizer"];
  json["model"]["vocab"].erase("\u0100");  // a zero byte
  json["model"]["vocab"].erase("\u00f5");
  const AnyTokenizer tokenizer = Read(json).tokenizer;
  CHECK(tokenizer.encode("the cat").size() > 0);
  CHECK(tokenizer.first_unknown(std::string_view("ab\0c", 4)) == 2);
  CHECK(tokenizer.first_unknown("\xf5") == 0);
  CHECK(tokenizer.first_unknown("abc") == std::string_view::npos);
  CHECK_THROWS_WITH_AS(tokenizer.encode(std::string_view("ab\0c", 4)),
                       "byte 2: '\\x00' is not in the model's vocabulary", UnknownSymbol);
}

TEST_CASE("a tokenizer.json of the family that says anything else is refused") {
  const auto refused = [](const char* name, const char* pointer, const Json& value) {
    Json json = family(name)["tokenizer"];
    json[Json::json_pointer(pointer)] = value;
    INFO(name, std::string(pointer));
    CHECK(!refusal(json).empty());
  };
  for (const Json& value : {Json(nullptr), Json(3), Json("x"), Json::array(), Json::object()}) {
    refused("llama3", "/model", value);
    refused("llama3", "/model/vocab", value);
    refused("llama3", "/pre_tokenizer", value);
    refused("llama3", "/pre_tokenizer/pretokenizers/0/pattern", value);
    refused("llama3", "/pre_tokenizer/pretokenizers/0/behavior", value);
    refused("llama3", "/post_processor/processors/1/single/0", value);
    refused("qwen2", "/added_tokens/0/content", value);
    refused("qwen2", "/added_tokens/0/id", value);
    refused("smollm", "/pre_tokenizer/pretokenizers/0/individual_digits", value);
    refused("llama2", "/normalizer/normalizers/0/prepend", value);
    refused("llama2", "/normalizer/normalizers/1/pattern", value);
    refused("llama2", "/decoder/decoders/3/content", value);
    refused("metaspace", "/pre_tokenizer/replacement", value);
    refused("metaspace", "/pre_tokenizer/prepend_scheme", value);
  }
  refused("metaspace", "/pre_tokenizer/split", true);
  refused("llama2", "/model/byte_fallback", 1);
  refused("llama2", "/model/fuse_unk", "x");
  refused("llama2", "/model/ignore_merges", true);
  refused("llama2", "/model/unk_token", "\u2581the");
  refused("llama2", "/model/merges/0", "<s> a");
  refused("llama2", "/model/vocab/<0x0A>", 14);
  refused("qwen2", "/model/dropout", 0.1);
  refused("qwen2", "/added_tokens/1/single_word", "x");
}

TEST_CASE("a pattern that is not known is quoted") {
  Json json = family("qwen2")["tokenizer"];
  json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "[a-z]+|\\d{5}";
  CHECK(refusal(json) ==
        "'pre_tokenizer.pattern': got {\"Regex\":\"[a-z]+|\\\\d{5}\"}, expected that of GPT-2, "
        "Llama 3, Qwen2 or Mistral-Nemo");
}

TEST_CASE("a file with a byte changed or cut off is refused, or is a tokenizer") {
  for (const std::string name : {"llama3", "llama2"}) {
    const std::string good = family(name)["tokenizer"].dump();
    std::size_t taken = 0;
    const auto check = [&](const std::string& text) {
      try {
        const AnyTokenizer tokenizer = tokenizer_of(read_json(text));
        const std::string again = tokenizer.decode_text(tokenizer.encode("the cat"));
        ++taken;
      } catch (const Error&) {
      }
    };
    for (std::size_t at = 0; at < good.size(); at += 13) {
      check(good.substr(0, at));
      std::string text = good;
      text[at] = text[at] == '1' ? '2' : text[at] == '"' ? 'x' : '1';
      check(text);
    }
    CHECK(taken > 10);
  }
}
