// SPDX-License-Identifier: MIT
// Bytes as a tokenizer.json, or as a vocab.json and a merges.txt: they are refused, or they are a
// tokenizer that encodes every text so that it comes back, and that comes back itself.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/interop/tokenizer_json.hpp>
#include <octavo/interop/tokenizer_json_text.hpp>
#include <octavo/interop/vocabulary_files.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

#include "fuzz/fuzz.hpp"

using namespace octavo;
using fuzz::Choices;
using fuzz::demand;
using fuzz::unless_refused;

namespace {

TokenTable read_json(std::string_view text) {
  std::vector<std::string> notes;
  return read_tokenizer_json(MemorySource("tokenizer.json", std::as_bytes(std::span(text))), notes);
}

TokenTable read_two(std::string_view vocabulary, std::string_view merges) {
  return read_vocabulary_files(MemorySource("vocab.json", std::as_bytes(std::span(vocabulary))),
                               MemorySource("merges.txt", std::as_bytes(std::span(merges))), {});
}

void check_table(const TokenTable& table, std::string_view text) {
  const AnyTokenizer tokenizer = tokenizer_of(table);
  demand(tokenizer.vocabulary_size() == std::ssize(table.tokens), "a token is left out");
  demand(read_json(tokenizer_json_text(table)) == table, "a tokenizer.json comes back as another");
  std::vector<Token> tokens;
  try {
    tokens = tokenizer.encode(text);
  } catch (const UnknownSymbol&) {
    return;
  }
  std::string back, expected(text);
  for (const Token token : tokens) back += tokenizer.decode(token);
  const bool known = tokenizer.first_unknown(text) == std::string_view::npos && table.rules.empty();
  if (table.normalized) expected = to_nfc(text).value_or(expected);
  if (table.sentence_pieces) {
    expected = spaces_of_marks(expected);
    if (back.size() == expected.size() + 1 && back[0] == ' ') back.erase(0, 1);
  }
  const bool named = std::find(table.kinds.begin(), table.kinds.end(), TokenKind::user_defined) !=
                     table.kinds.end();
  demand(back == expected || !known || named, "a text decodes to another one");
  const std::size_t cut = tokenizer.last_cut(text);
  if (cut == 0 || !table.rules.empty() || named) return;
  std::vector<Token> rest(tokenizer.most_tokens(text.size() - cut));
  rest.resize(tokenizer.encode_rest(text.substr(cut), rest));
  std::vector<Token> parts = tokenizer.encode(text.substr(0, cut));
  parts.insert(parts.end(), rest.begin(), rest.end());
  demand(parts == tokens, "a text has other tokens in parts");
}

/// A small vocabulary of SentencePiece's.
TokenTable pieces(SpacePrefix prefix) {
  TokenTable table;
  table.sentence_pieces = table.fuse_unknown = true;
  table.prefix = prefix;
  table.strip_space = prefix != SpacePrefix::never;
  for (const char* token : {"<unk>", "<s>", "a", "b", "\u2581", "ab",
                            "\u2581"
                            "a",
                            "aab"}) {
    table.tokens.emplace_back(token);
  }
  table.kinds.assign(table.tokens.size(), TokenKind::normal);
  table.kinds[0] = TokenKind::unknown;
  table.kinds[1] = TokenKind::control;
  table.merges = {"a b", "\u2581 a", "a ab"};
  table.frame.before = {1};
  return table;
}

/// The two files one after the other, with a zero byte between.
std::string two_files(const TokenTable& table) {
  return vocabulary_text(table) + '\0' + merges_text(table);
}

const std::vector<std::string>& good_files() {
  static const std::vector<std::string> files = [] {
    constexpr std::string_view end[] = {"<|endoftext|>"};
    BpeTrainer trainer;
    trainer.add("abab abab cabc");
    const TokenTable pairs = token_table_of(trainer.train(262, end));
    const TokenTable characters = token_table_of(CharacterTokenizer("ab \n\xff"));
    const TokenTable reserve = token_table_of(CharacterTokenizer("ab", UnknownToken::excluded, 4));
    std::vector<std::string> made;
    for (const TokenTable& table : {pairs, characters, reserve}) {
      made.push_back(tokenizer_json_text(table));
      made.push_back(two_files(table));
    }
    TokenTable llama = pairs, qwen = pairs, smollm = pairs;
    llama.split = SplitPattern::llama3;
    llama.whole_pieces = true;
    llama.merges.pop_back();
    qwen.split = SplitPattern::qwen2;
    qwen.normalized = true;
    smollm.split = SplitPattern::smollm;
    for (const TokenTable& table :
         {llama, qwen, smollm, pieces(SpacePrefix::never), pieces(SpacePrefix::always),
          pieces(SpacePrefix::first_spared)}) {
      made.push_back(tokenizer_json_text(table));
    }
    return made;
  }();
  return files;
}

constexpr std::array words{"0",
                           "1",
                           "2",
                           "255",
                           "261",
                           "-1",
                           "1e2",
                           "0.5",
                           "4294967296",
                           "null",
                           "true",
                           "false",
                           "[]",
                           "{}",
                           "\"\"",
                           "\"a\"",
                           "\"b\"",
                           "\"ab\"",
                           "\"<unk>\"",
                           "\"a b\"",
                           "[\"a\",\"b\"]",
                           "\"\\u0120\"",
                           "\"BPE\"",
                           "\"content\"",
                           "\"ByteLevel\"",
                           "\"NFC\"",
                           "\"Metaspace\"",
                           "\"Split\"",
                           "\"first\"",
                           "\"\u2581\"",
                           "\"<0x0A>\"",
                           "\"byte_fallback\"",
                           "\"ignore_merges\"",
                           "\"normalized\"",
                           "\"single_word\""};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text = fuzz::text_of(bytes, size);
  if (const auto table = unless_refused([&] { return read_json(text); })) check_table(*table, text);
  const std::size_t zero = std::min(text.find('\0'), text.size());
  const std::string_view vocabulary = text.substr(0, zero);
  const std::string_view merges = text.substr(std::min(zero + 1, text.size()));
  const auto table = unless_refused([&] { return read_two(vocabulary, merges); });
  if (!table) return 0;
  check_table(*table, text);
  demand(read_two(vocabulary_text(*table), merges_text(*table)) == *table,
         "two files come back as others");
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t most,
                                    unsigned seed) {
  Choices choices(seed);
  if (size < 16 || choices.one_in(32)) {
    return fuzz::give(choices.one_of(good_files()), bytes, size, most);
  }
  if (choices.one_in(4)) return LLVMFuzzerMutate(bytes, size, most);
  std::string text(fuzz::text_of(bytes, size));
  for (std::size_t changes = 1 + choices.below(3); changes > 0; --changes) {
    fuzz::change_json(text, words, choices);
  }
  return fuzz::give(text, bytes, size, most);
}
