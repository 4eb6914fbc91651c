// SPDX-License-Identifier: MIT
// tokenizer.model: a small one that SentencePiece has trained, with the tokens that it gives
// (tests/ecosystem/sentence_piece.py --fixture); files made here; damaged files.
#include <bit>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/interop/sentence_piece_file.hpp>

#include "interop/tokenizer_files.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

const std::string& trained_model() {
  static const std::string model =
      read_file(OCTAVO_TEST_REFERENCE_FOLDER "/tokenizers/sentence_piece.model");
  return model;
}

TokenTable read_model(const std::string& bytes) {
  return read_sentence_piece_file(text_source("tokenizer.model", bytes));
}

std::string refused(const std::string& bytes) {
  try {
    read_model(bytes);
  } catch (const FormatError& error) {
    return std::string(error.what()).substr(std::string("cannot load 'tokenizer.model': ").size());
  }
  return "";
}

// --- Protobuf, written --------------------------------------------------------------------------

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += static_cast<char>(128 | (value & 127));
  return bytes += static_cast<char>(value);
}
std::string number(std::uint64_t field, std::uint64_t value) {
  return varint(field << 3) + varint(value);
}
std::string bytes(std::uint64_t field, const std::string& text) {
  return varint(field << 3 | 2) + varint(text.size()) + text;
}
std::string piece(const std::string& text, float score, std::uint64_t type) {
  std::string score_bytes;
  for (int shift = 0; shift < 32; shift += 8) {
    score_bytes += static_cast<char>(std::bit_cast<std::uint32_t>(score) >> shift & 255);
  }
  return bytes(1, bytes(1, text) + varint(2 << 3 | 5) + score_bytes + number(3, type));
}

const std::string pieces = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) +
                           piece("a", -3, 1) + piece("aa", -1, 1) +
                           piece(
                               "\u2581"
                               "a",
                               -2, 1) +
                           piece("\u2581", -4, 1) + piece("<m>", 0, 4);
const std::string trainer = bytes(2, number(3, 2) + number(35, 0) + bytes(1, "text.txt"));
const std::string normalizer = bytes(3, bytes(1, "identity") + number(4, 0));

}  // namespace

TEST_CASE("a model that SentencePiece has trained gives its tokens and its texts") {
  const TokenTable table = read_model(trained_model());
  const AnyTokenizer tokenizer = tokenizer_of(table);
  CHECK(tokenizer.vocabulary_size() == 420);
  CHECK(tokenizer.end_token() == 2);
  CHECK(token_table_of(tokenizer) == table);
  for (const Json& one :
       Json::parse(read_file(OCTAVO_TEST_REFERENCE_FOLDER "/tokenizers/sentence_piece.json"))) {
    const std::string text = one["text"];
    INFO(printable(text, 100));
    CHECK(tokenizer.encode(text) == one["ids"].get<Tokens>());
    CHECK(tokenizer.decode_text(tokenizer.encode(text)) == one["back"].get<std::string>());
  }
}

TEST_CASE("bytes that are not UTF-8 come back, where SentencePiece has U+FFFD for them") {
  const AnyTokenizer tokenizer = tokenizer_of(read_model(trained_model()));
  std::string back;
  for (const Token token : tokenizer.encode("the\xff\xe2\x82")) back += tokenizer.decode(token);
  CHECK(back == " the\xff\xe2\x82");
}

TEST_CASE("a folder's tokenizer.model comes with what tokenizer_config.json adds, and is stored") {
  const TokenizerFiles folder;
  folder.write("tokenizer.model", trained_model());
  folder.write("tokenizer_config.json", R"({"add_bos_token": true, "add_eos_token": true,
    "added_tokens_decoder": {"1": {"content": "<s>", "special": true},
                             "421": {"content": "<|x|>", "special": true}}})");
  std::vector<std::string> notes;
  const TokenTable table = *read_tokenizer_folder(folder.path, notes);
  const AnyTokenizer tokenizer = tokenizer_of(table);
  CHECK(tokenizer.frame() == TextFrame{{1}, {2}});
  CHECK(tokenizer.vocabulary_size() == 422);
  CHECK(tokenizer.is_reserve(420));
  CHECK(tokenizer.encode("<|x|>", SpecialTokens::recognized) == Tokens{421});
  MetadataWriter metadata;
  detail::write_tokenizer(metadata, tokenizer);
  const std::string file = saved_bytes([&](const auto& path, auto& files) {
    write_safetensors(path, {}, metadata.entries(), files);
  });
  const MemorySource source("x", std::as_bytes(std::span(file)));
  const SafetensorsReader reader(source);
  CHECK(detail::read_tokenizer(MetadataReader(reader), 422) == tokenizer);
  // In tokenizer.json it becomes one of merges, with the same tokens but where pairs overlap.
  const TokenizerFiles other;
  save_tokenizer_folder(other.path, table);
  const AnyTokenizer merged = tokenizer_of(*read_tokenizer_folder(other.path));
  CHECK(merged.frame() == tokenizer.frame());
  for (const char* text : {"the cat", "a mat  the\n", "\u4e2d\u6587 gr\u00f6\u00dfe"}) {
    CHECK(merged.encode(text) == tokenizer.encode(text));
  }
}

TEST_CASE("fields decide how a text is encoded") {
  const AnyTokenizer tokenizer = tokenizer_of(read_model(pieces + trainer + normalizer));
  CHECK(tokenizer.encode("aaa") == Tokens{6, 4, 3});
  CHECK(tokenizer.encode("a<m>ab") == Tokens{5, 7, 3, 0});
  const std::string plain = bytes(3, number(3, 0) + number(4, 0));
  CHECK(tokenizer_of(read_model(pieces + trainer + plain)).encode("aaa") == Tokens{4, 3});
}

TEST_CASE("other models are refused by name") {
  CHECK(refused("") == "it has no pieces: is it a SentencePiece model?");
  CHECK(refused(pieces + normalizer) == "its model is of type 1 (unigram), expected 2 (BPE)");
  CHECK(refused(pieces + trainer) ==
        "it removes extra spaces, expected 'remove_extra_whitespaces' to be false");
  CHECK(refused(pieces + trainer + bytes(3, bytes(2, "x") + number(4, 0)))
            .starts_with("it normalizes"));
  CHECK(refused(pieces + trainer + bytes(3, number(5, 0) + number(4, 0)))
            .starts_with("it does not mark"));
  CHECK(refused(pieces + bytes(2, number(3, 2) + number(24, 1)) + normalizer)
            .starts_with("it treats"));
  CHECK(refused(pieces + piece("x", 0, 5) + trainer + normalizer) ==
        "piece 8, 'x', is of type 5 (unused), expected 1 to 4, or 6");
  CHECK(refused(pieces + piece("x", 0, 7) + trainer + normalizer) ==
        "piece 8, 'x', is of type 7, expected 1 to 4, or 6");
  CHECK(refused(pieces + piece("a", 0, 1) + trainer + normalizer) ==
        "vocabulary: token 8, 'a', occurs twice");
  CHECK(refused("{\"model\": 1}") == "it is damaged, or not a SentencePiece model");
}

TEST_CASE("a file that is cut off or has a byte changed is refused, or is a tokenizer") {
  const std::string& good = trained_model();
  std::size_t taken = 0;
  const auto check = [&](const std::string& text) {
    try {
      const AnyTokenizer tokenizer = tokenizer_of(read_model(text));
      ++taken;
      CHECK(tokenizer.encode("the cat").size() > 0);
    } catch (const FormatError&) {
    }
  };
  for (std::size_t size = 0; size < good.size(); size += 7) check(good.substr(0, size));
  for (std::size_t at = 0; at < good.size(); at += 3) {
    for (const int change : {0x01, 0x80, 0xff}) {
      std::string text = good;
      text[at] = static_cast<char>(text[at] ^ change);
      check(text);
    }
  }
  CHECK(taken > 100);
}
