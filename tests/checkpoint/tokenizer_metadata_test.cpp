// SPDX-License-Identifier: MIT
// Tokenizers of byte pairs in the metadata of a file; those of characters are in
// training_metadata_test.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

#include "checkpoint/forged_file.hpp"

using namespace octavo;

namespace {

using Entries = std::map<std::string, std::string>;

Entries written(const AnyTokenizer& tokenizer) {
  MetadataWriter metadata;
  detail::write_tokenizer(metadata, tokenizer);
  return metadata.entries();
}

AnyTokenizer read(const Entries& entries, Index vocabulary) {
  const std::string bytes =
      octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
        write_safetensors(path, {}, entries, files);
      });
  const MemorySource source("x", std::as_bytes(std::span(bytes)));
  const SafetensorsReader file(source);
  return detail::read_tokenizer(MetadataReader(file), vocabulary);
}

/// The bytes, "ab", "abc", a token that ends a text, "aa", "aab" (twice: of "aa" and "b", of "a"
/// and "ab"), a reserve.
BpeTokenizer example() {
  constexpr Token a = 64, b = 65, c = 66;
  BpeVocabulary vocabulary = byte_vocabulary();
  for (const char* token : {"ab", "abc", "<|endoftext|>", "aa", "aab", "<unused_261>"}) {
    vocabulary.tokens.emplace_back(token);
  }
  vocabulary.kinds.resize(vocabulary.tokens.size(), TokenKind::normal);
  vocabulary.kinds[258] = TokenKind::control;
  vocabulary.kinds[261] = TokenKind::unused;
  vocabulary.merges = {{a, b}, {256, c}, {a, a}, {259, b}, {a, 256}};
  return BpeTokenizer(vocabulary);
}

constexpr Index size = 262;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("byte pairs come back from a file, whatever their numbers") {
  const BpeTokenizer tokenizer = example();
  const Entries entries = written(tokenizer);
  CHECK(entries.at("tokenizer") == "bpe");
  CHECK(entries.at("merges") == "64 65 256 66 64 64 259 65 64 256");
  CHECK(entries.at("tokens").starts_with("21 22 23 "));
  CHECK(entries.at("tokens").ends_with(
      " ad 0-1 3:3c7c656e646f66746578747c3e 2-3 5:3c756e757365645f3236313e"));
  CHECK(read(entries, size) == AnyTokenizer(tokenizer));

  BpeVocabulary turned = tokenizer.vocabulary();  // numbered backwards
  std::reverse(turned.tokens.begin(), turned.tokens.end());
  std::reverse(turned.kinds.begin(), turned.kinds.end());
  for (BpeMerge& merge : turned.merges) merge = {261 - merge.left, 261 - merge.right};
  CHECK(written(BpeTokenizer(turned)).at("tokens").find(" 3-3 2-2 ") != std::string::npos);
  CHECK(read(written(BpeTokenizer(turned)), size) == AnyTokenizer(BpeTokenizer(turned)));

  const BpeTokenizer trained = train_bpe(sample_text, 280);
  CHECK(written(trained).at("tokens").ends_with(" 0-23"));
  CHECK(read(written(trained), 280) == AnyTokenizer(trained));
  const BpeTokenizer bytes = train_bpe("", 256);
  CHECK(written(bytes).at("merges") == "");
  CHECK(read(written(bytes), 256) == AnyTokenizer(bytes));
}

TEST_CASE("byte pairs that are wrong are refused") {
  const Entries good = written(example());
  const auto refused = [&](const std::string& key, const std::string& value,
                           const std::string& message) {
    Entries bad = good;
    bad[key] = value;
    INFO(key, ": ", value);
    const std::string text = "cannot load 'x': metadata " + message;
    CHECK_THROWS_WITH_AS(read(bad, size), text.c_str(), FormatError);
  };
  for (const std::string merges :
       {"64", "64 65 256", "64 262", "-1 64", "64  65", " 64 65", "64 65 ", "a b", "64 65x",
        "64 99999999999", "0x40 65", "64,65"}) {
    refused("merges", merges,
            "'merges': got " + printable(merges) + ", expected pairs of tokens from 0 to 261");
  }
  const std::string too_soon =
      ", expected merges of tokens that exist by then, none of more than 512 bytes";
  for (const std::string merges :
       {"256 66 64 65 64 64 259 65 64 256", "64 256 256 66 64 64 259 65 64 256"}) {
    refused("merges", merges, "'merges': got '" + merges + "'" + too_soon);
  }
  refused("merges", "64 65 256 66 64 64 259 65 64 258",
          "'tokens': merges: merge 4: token 258 is not made by an earlier merge");
  refused("merges", "64 65 256 66 64 64 259 65 65 65",
          "'tokens': merges: merge 4 makes 'bb', which is not a token");
  refused("merges", "64 65 256 66 64 64 259 65 64 65",
          "'tokens': merges: merge 4, which makes 'ab', occurs twice");
  refused("merges", "64 65 256 66 64 64 259 65 064 256",
          "'merges': got '64 65 256 66 64 64 259 65 064 256', expected the form in which such a "
          "tokenizer is written");
  refused("merges", "64 65 256 66 64 64",
          "'tokens': got " + printable(good.at("tokens")) +
              ", expected 262 tokens: bytes, merges, others");  // it names merge 3
  const auto change = [&](const std::string& from, const std::string& to,
                          const std::string& expected) {
    const std::string tokens = replaced(good.at("tokens"), from, to);
    refused("tokens", tokens,
            expected.empty() ? "'tokens': got " + printable(tokens) +
                                   ", expected 262 tokens: bytes, merges, others"
                             : expected);
  };
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"0-1", "0"},
                                                        {"0-1", "1-0"},
                                                        {"0-1", "0-2"},
                                                        {"0-1", "0-5"},
                                                        {"0-1", "0-1-"},
                                                        {"0-1", "-1-1"},
                                                        {"0-1", ""},
                                                        {"21 22", "22"},
                                                        {"21 ", "2g "},
                                                        {"21 ", "1:21 "},
                                                        {"21 ", "7:21 "},
                                                        {"21 ", ":21 "},
                                                        {"3:3c", "3:c"},
                                                        {"21 22", "21  22"}}) {
    change(from, to, "");
  }
}

TEST_CASE("tokens may not grow without measure") {
  Entries entries{{"tokenizer", "bpe"}};
  std::string& tokens = entries["tokens"];
  for (const unsigned char byte : bytes_by_letter) {
    tokens += detail::to_hex(std::string(1, static_cast<char>(byte))) + ' ';
  }
  std::string& merges = entries["merges"] = "64 64";
  for (int i = 256; i < 300; ++i) merges += " " + std::to_string(i) + ' ' + std::to_string(i);
  tokens += "0-44";
  CHECK_THROWS_AS(read(entries, 301), FormatError);
}

TEST_CASE("a tokenizer of bytes comes back, from the alphabet that version 1 wrote") {
  for (const ByteTokenizer& bytes : {ByteTokenizer(), ByteTokenizer().with_end_token()}) {
    const AnyTokenizer tokenizer = bytes;
    const Entries entries = written(tokenizer);
    CHECK(entries.at("tokenizer") == "character");
    CHECK(entries.at("unknown_token") == "0");
    CHECK(entries.at("alphabet") == detail::to_hex(ByteTokenizer::bytes()));
    CHECK(entries.contains("end_token") == bytes.end_token().has_value());
    CHECK(read(entries, tokenizer.vocabulary_size()) == tokenizer);
  }
}

TEST_CASE("a model file carries its byte pairs") {
  const BpeTokenizer tokenizer = example();
  const ModelConfig config{.vocabulary = size,
                           .context = 2,
                           .layers = 1,
                           .width = 2,
                           .attention = {.heads = 1},
                           .feed_forward = {.d_ff = 1}};
  const std::vector<float> weights(static_cast<std::size_t>(parameter_count(config)), 0.5f);
  const std::string bytes =
      octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
        save_model<float>(path, standard_model(config), 2, tokenizer, weights, files);
      });
  const auto loaded = load_model<float>(MemorySource("x", std::as_bytes(std::span(bytes))));
  CHECK(loaded.tokenizer == AnyTokenizer(tokenizer));
  CHECK(std::ranges::equal(loaded.weights, weights));
}

TEST_CASE("where a text ends is written only where the vocabulary does not say it") {
  AnyTokenizer tokenizer = example();
  CHECK(!written(tokenizer).contains("end_tokens"));
  for (const std::vector<Token>& tokens : {std::vector<Token>{}, {261}, {261, 258}}) {
    tokenizer.set_end_tokens(tokens);
    const AnyTokenizer back = read(written(tokenizer), size);
    CHECK(back == tokenizer);
    CHECK(back.end_tokens() == tokens);
  }
  CHECK(written(tokenizer).at("end_tokens") == "261 258");
  for (const char* bad : {"262", "-1", "x", "1 1", "1  2", "258"}) {
    CAPTURE(bad);
    Entries entries = written(tokenizer);
    entries["end_tokens"] = bad;
    CHECK_THROWS_AS(read(entries, size), FormatError);
  }
}

TEST_CASE("names that take spaces come back") {
  BpeVocabulary vocabulary = example().vocabulary();
  vocabulary.rules[258] = {.strip_left = true};
  vocabulary.kinds[261] = TokenKind::user_defined;
  vocabulary.rules[261] = {.strip_left = true, .strip_right = true, .late = true};
  vocabulary.rules[256] = {.always = true};
  const AnyTokenizer tokenizer = BpeTokenizer(vocabulary);
  CHECK(written(tokenizer).at("name_rules") == "256 8 258 1 261 7");
  CHECK(read(written(tokenizer), size) == tokenizer);
  for (const std::string bad : {"", "258", "258 0", "258 64", "258 8", "256 1", "256 24", "0 1",
                                "262 1", "258 1 258 1", "261 3 258 1", "260 9 260 9"}) {
    CAPTURE(bad);
    Entries entries = written(tokenizer);
    entries["name_rules"] = bad;
    CHECK_THROWS_AS(read(entries, size), FormatError);
  }
}
