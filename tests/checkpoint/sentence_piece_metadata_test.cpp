// SPDX-License-Identifier: MIT
// SentencePiece's tokenizers come back from metadata; what is damaged is refused.
#include <map>
#include <span>
#include <string>

#include <doctest/doctest.h>

#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/formats/safetensors_writer.hpp>

#include "checkpoint/forged_file.hpp"

using namespace octavo;

namespace {

SentencePieceVocabulary vocabulary(bool scored) {
  SentencePieceVocabulary made;
  made.tokens = {"<unk>",
                 "<s>",
                 "a",
                 "b",
                 "\u2581",
                 "ab",
                 "\u2581"
                 "a"};
  made.kinds.assign(made.tokens.size(), TokenKind::normal);
  made.kinds[0] = TokenKind::unknown;
  made.kinds[1] = TokenKind::control;
  if (scored) {
    made.scores = {0, 0, -1, -2.5f, -3, 0.1f, -1e9f};
  } else {
    made.merges = {{2, 3}, {4, 2}};
  }
  made.rules[1].strip_left = true;
  made.prefix = SpacePrefix::always;
  return made;
}

AnyTokenizer read(const std::map<std::string, std::string>& entries, Index size = 7) {
  const std::string bytes = octavo_test::saved_bytes(
      [&](const auto& path, auto& files) { write_safetensors(path, {}, entries, files); });
  const MemorySource source("x", std::as_bytes(std::span(bytes)));
  const SafetensorsReader file(source);
  return detail::read_tokenizer(MetadataReader(file), size);
}

}  // namespace

TEST_CASE("SentencePiece's tokenizers come back from a file, and damaged entries are refused") {
  for (const bool scored : {false, true}) {
    AnyTokenizer tokenizer = SentencePieceTokenizer(vocabulary(scored));
    tokenizer.set_frame({{1}, {1}});
    tokenizer.set_end_tokens({5, 1});
    MetadataWriter metadata;
    detail::write_tokenizer(metadata, tokenizer);
    CHECK(read(metadata.entries()) == tokenizer);
    CHECK_THROWS_AS(read(metadata.entries(), 8), FormatError);
    CHECK_THROWS_AS(read(metadata.entries(), 6), FormatError);
    for (const auto& [key, value] : metadata.entries()) {
      for (const std::string& bad : {std::string(), value + " ", value + "x", "9 " + value}) {
        if (bad.empty() && (key == "merges" || key == "end_tokens")) continue;  // there are none
        auto entries = metadata.entries();
        entries[key] = bad;
        const std::string spoiled = key + " " + bad;
        CAPTURE(spoiled);
        CHECK_THROWS_AS(read(entries), FormatError);
      }
      auto entries = metadata.entries();
      entries.erase(key);
      const bool optional = key == "name_rules" || key == "end_tokens" ||
                            key == "tokens_before_text" || key == "tokens_after_text";
      if (!optional) CHECK_THROWS_AS(read(entries), FormatError);
    }
  }
}
