// SPDX-License-Identifier: MIT
// Splitting, merging and training against plain_bpe.hpp.
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/soliloquy.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/bpe_tokenizer.hpp>
#include <octavo/tokenizers/bpe_training.hpp>
#include <octavo/tokenizers/byte_letters.hpp>
#include <octavo/tokenizers/gpt2_split.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

#include "heap_guard/heap_guard.hpp"
#include "tokenizers/plain_bpe.hpp"

using namespace octavo;
using plain_bpe::RandomText;
using Pieces = plain_bpe::Words;

static_assert(Tokenizer<BpeTokenizer>);
static_assert(!std::is_copy_constructible_v<BpeTrainer> && !std::is_copy_assignable_v<BpeTrainer>);
static_assert(bytes_by_letter[0] == '!');
static_assert(bytes_by_letter[255] == 173);

namespace {

Pieces pieces_of(std::string_view text) {
  Pieces pieces;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = gpt2_piece_end(text, begin);
    REQUIRE(end > begin);
    REQUIRE(end <= text.size());
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

std::vector<Token> encoded(const BpeTokenizer& tokenizer, std::string_view text) {
  std::vector<Token> tokens(text.size());
  tokens.resize(tokenizer.encode(text, tokens));
  return tokens;
}

std::string decoded(const BpeTokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::string text;
  for (const Token token : tokens) text += tokenizer.decode(token);
  return text;
}

std::vector<std::pair<std::string, std::string>> pairs_of(const BpeTokenizer& tokenizer) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [left, right] : tokenizer.merges()) {
    pairs.emplace_back(tokenizer.decode(left), tokenizer.decode(right));
  }
  return pairs;
}

/// The bytes, then what these pairs of numbers make, then a token that ends a text.
BpeVocabulary vocabulary_of(const std::vector<BpeMerge>& merges) {
  BpeVocabulary vocabulary = byte_vocabulary();
  for (const BpeMerge& merge : merges) {
    vocabulary.tokens.push_back(vocabulary.tokens.at(static_cast<std::size_t>(merge.left)) +
                                vocabulary.tokens.at(static_cast<std::size_t>(merge.right)));
  }
  vocabulary.kinds.resize(vocabulary.tokens.size(), TokenKind::normal);
  vocabulary.merges = merges;
  vocabulary.tokens.push_back("<|endoftext|>");
  vocabulary.kinds.push_back(TokenKind::control);
  return vocabulary;
}

constexpr Token a = 64, b = 65, c = 66;  // of GPT-2's vocabulary

}  // namespace

TEST_CASE("bytes have letters that are printable, and 256 of them") {
  CHECK(letters_of_bytes("a! \n") == "a!\u0120\u010a");
  CHECK(letters_of_bytes(std::string_view("\0\x7f\xa1\xad\xff", 5)) ==
        "\u0100\u0121\u00a1\u0143\u00ff");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(static_cast<unsigned char>(byte));
  CHECK(bytes_of_letters(letters_of_bytes(all)) == all);
  CHECK(bytes_of_letters("") == "");
  for (const char* none :
       {" ", "\n", "\u00ad", "\u0144", "\u4e2d", "\xc4", "\xc4g", "\xa1", "\xff"}) {
    CHECK(!bytes_of_letters(none));
  }
}

TEST_CASE("classes of characters are those of Unicode 16.0") {
  CHECK(class_of_code('z') == CharacterClass::letter);
  CHECK(class_of_code('7') == CharacterClass::number);
  CHECK(class_of_code('_') == CharacterClass::other);
  CHECK(class_of_code(0x85) == CharacterClass::space);
  CHECK(class_of_code(0x1c) == CharacterClass::other);
  CHECK(class_of_code(0xfeff) == CharacterClass::other);
  CHECK(class_of_code(0x16ff4) == CharacterClass::other);  // new in 17.0
  CHECK(class_of_code(0x1c89) == CharacterClass::letter);  // new in 16.0
  int counts[4] = {};
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    ++counts[static_cast<std::size_t>(class_of_code(code))];
  }
  CHECK(counts[1] == 141028);
  CHECK(counts[2] == 1911);
  CHECK(counts[3] == 25);
}

TEST_CASE("a text is split as GPT-2's pattern splits it") {
  CHECK(pieces_of("Hello world's 42nd  day\n\n end  ") ==
        Pieces{"Hello", " world", "'s", " 42", "nd", " ", " day", "\n\n", " end", "  "});
  CHECK(pieces_of("don't 'tis I'LL we'll!'s 's") ==
        Pieces{"don", "'t", " '", "tis", " I", "'", "LL", " we", "'ll", "!'", "s", " '", "s"});
  CHECK(pieces_of("\xe2\x80\x83\xe2\x80\x83x \t") ==
        Pieces{"\xe2\x80\x83", "\xe2\x80\x83", "x", " \t"});
  CHECK(pieces_of("gr\xc3\xb6\xc3\x9f"
                  "e\xc2\xb2 \xff\xfe!") == Pieces{"gr\xc3\xb6\xc3\x9f"
                                                   "e",
                                                   "\xc2\xb2", " \xff\xfe!"});
  CHECK(pieces_of("a\xe0\x81\x81z") == Pieces{"a", "\xe0\x81\x81", "z"});  // an overlong A
  CHECK(pieces_of("").empty());
  RandomText random(1);
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random.text(random.below(12));
    INFO(printable(text, 400));
    const Pieces pieces = pieces_of(text);
    CHECK(pieces == plain_bpe::split(text));
  }
}

TEST_CASE("front and rest of a text may be split apart where it is cut, whatever follows") {
  CHECK(gpt2_last_cut("two words") == 3);
  CHECK(gpt2_last_cut("two  words  ") == 10);
  CHECK(gpt2_last_cut("\xe4\xb8\xad\n") == 3);
  CHECK(gpt2_last_cut("a\xe2\x80\x83 b") == 1);  // a wide space
  CHECK(gpt2_last_cut("\xe4\xb8\xad\xe3\x80\x82\xe4\xb8\xad") == 3);
  CHECK(gpt2_last_cut("\xe4\xb8\xad\xe3\x80\x82") == 0);  // the end of a character may be missing
  CHECK(gpt2_last_cut("\xe4\xb8\xad\xe4\xb8 ") == 5);
  CHECK(gpt2_last_cut("it's") == 2);
  CHECK(gpt2_last_cut("12nd!") == 4);
  for (const char* text : {"", " ", "  ", "word", " word", "\n\nx", "'s", "!a"})
    CHECK(gpt2_last_cut(text) == 0);
  RandomText random(2);
  int cuts = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = random.text(random.below(12));
    const std::size_t cut = gpt2_last_cut(text);
    INFO(printable(text, 400), ", ", cut);
    if (cut == 0) continue;
    ++cuts;
    REQUIRE(cut < text.size());
    for (const std::string& more : {std::string(), random.part(), std::string(" a")}) {
      Pieces apart = pieces_of(text.substr(0, cut));
      for (std::string& piece : pieces_of(text.substr(cut) + more))
        apart.push_back(std::move(piece));
      CHECK(apart == pieces_of(text + more));
    }
  }
  CHECK(cuts > 1200);
}

TEST_CASE("texts have the tokens that GPT-2's encoder gives, and come back from them") {
  RandomText random(3);
  const BpeTokenizer trained = train_bpe(random.text(3000), 400);
  CHECK(trained.vocabulary_size() == 400);
  // The merge that would make abc has never its turn.
  const BpeTokenizer unreachable(vocabulary_of({{b, c}, {a, b}, {257, c}, {a, a}, {259, 259}}));
  for (const BpeTokenizer* tokenizer : {&trained, &unreachable}) {
    const BpeVocabulary vocabulary = tokenizer->vocabulary();
    for (int i = 0; i < 500; ++i) {
      const std::string text = random.text(random.below(20));
      INFO(printable(text, 400));
      const auto tokens = encoded(*tokenizer, text);
      CHECK(tokens == plain_bpe::encode(vocabulary, text));
      CHECK(decoded(*tokenizer, tokens) == text);
    }
  }
  CHECK(encoded(unreachable, "abc") == std::vector<Token>{a, 256});
  CHECK(unreachable.encode("abc") == std::vector<Token>{a, 256});
  CHECK(octavo::AnyTokenizer(unreachable).encode("abc") == std::vector<Token>{a, 256});
  CHECK(encoded(unreachable, "<|endoftext|>").size() == 13);
  CHECK(unreachable.decode(261) == "<|endoftext|>");
}

TEST_CASE("long pieces, long texts and texts of many equal pieces are no different") {
  const BpeTokenizer tokenizer(
      vocabulary_of({{a, a}, {256, 256}, {a, b}, {b, a}, {256, 258}, {257, 257}, {c, c}}));
  const BpeVocabulary vocabulary = tokenizer.vocabulary();
  RandomText random(4);
  const auto letters = [&](std::size_t count) {
    std::string word;
    while (word.size() < count) word.append(1 + random.below(4), "abc"[random.below(3)]);
    return word;
  };
  for (const std::size_t size : {1u, 2u, 16u, 17u, 63u, 64u, 65u, 66u, 200u, 1000u}) {
    for (int i = 0; i < 10; ++i) {
      const std::string word = letters(size);
      CHECK(encoded(tokenizer, word) == plain_bpe::encode(vocabulary, word));
    }
  }
  std::string text;
  while (text.size() < 20'000)
    text += (random.below(3) == 0 ? " " : "") + letters(random.below(20));
  for (const std::size_t size : {4095u, 4096u, 4097u, 20'000u}) {
    CHECK(encoded(tokenizer, text.substr(0, size)) ==
          plain_bpe::encode(vocabulary, text.substr(0, size)));
  }
  text.assign(4096, ' ');
  for (const std::size_t zeros : {1u, 2u, 1u, 3u}) text += std::string(zeros, '\0') + '\n';
  CHECK(decoded(tokenizer, encoded(tokenizer, text)) == text);
  std::string very_long(1'000'000, 'a');
  CHECK(encoded(tokenizer, very_long) == std::vector<Token>(125'000, 261));
}

TEST_CASE("encoding allocates nothing for words") {
  const BpeTokenizer tokenizer = train_bpe(soliloquy, 300);
  std::string text;
  while (text.size() < 10'000) text += soliloquy;
  std::vector<Token> tokens(text.size());
  const octavo_test::HeapGuard guard;
  const std::size_t count = tokenizer.encode(text, tokens);
  const std::size_t few = tokenizer.encode(soliloquy, tokens);
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(count > few);
}

TEST_CASE("training takes the pairs that a count of everything takes") {
  RandomText random(5);
  for (int i = 0; i < 30; ++i) {
    const std::string text = random.text(50 + random.below(400));
    const std::size_t size = 256 + random.below(120);
    const BpeTokenizer tokenizer = train_bpe(text, static_cast<Index>(size));
    CHECK(pairs_of(tokenizer) == plain_bpe::train(text, size));
  }
  const BpeTokenizer tokenizer = train_bpe(soliloquy, 1000);
  CHECK(pairs_of(tokenizer) == plain_bpe::train(soliloquy, 1000));
  CHECK(tokenizer.vocabulary_size() < 1000);  // there are no more pairs
}

TEST_CASE("what has been counted can be moved, and counts on") {
  std::vector<BpeTrainer> trainers(1);
  trainers[0].add("hello hello hello world ");
  trainers.emplace_back();
  trainers[0].add("hello hello");
  CHECK(trainers[0].train(262) == train_bpe("hello hello hello world hello hello", 262));
}

TEST_CASE("of pairs that are there equally often the one with the smaller numbers is taken") {
  CHECK(train_bpe("cb\nab\ncb\nab\nac\nac", 257).merges()[0] == BpeMerge{a, b});
  CHECK(train_bpe("cb\ncb\nab\ncb\nab\nac\nac", 257).merges()[0] == BpeMerge{c, b});
  CHECK(train_bpe("", 300).merges().empty());
  CHECK(train_bpe("ab cd ef", 300).merges().empty());
  CHECK(train_bpe("abab", 257).merges()[0] == BpeMerge{a, b});
}

TEST_CASE("other tokens are the last ones of what is trained") {
  BpeTrainer trainer;
  trainer.add(soliloquy);
  constexpr std::string_view others[] = {"<|endoftext|>", "<|pad|>"};
  const BpeTokenizer tokenizer = trainer.train(300, others);
  CHECK(tokenizer.vocabulary_size() == 300);
  CHECK(pairs_of(tokenizer) == plain_bpe::train(soliloquy, 298));
  CHECK(tokenizer.decode(298) == "<|endoftext|>");
  CHECK(tokenizer.kind(299) == TokenKind::control);
  CHECK(trainer.train(258, others).merges().empty());
  CHECK_THROWS_WITH_AS(trainer.train(257, others),
                       "vocabulary: got 257 tokens, expected 258 to 262144", ConfigError);
}

TEST_CASE("training makes no token of more than 512 bytes") {
  const BpeTokenizer tokenizer = train_bpe(std::string(4096, 'a') + std::string(4096, '='), 300);
  CHECK(tokenizer.merges().size() == 18);
  CHECK(tokenizer.decode(static_cast<Token>(tokenizer.vocabulary_size() - 1)).size() == 512);
}

TEST_CASE("a text may be counted in parts that end at its cuts") {
  RandomText random(6);
  const std::string text = random.text(3000);
  BpeTrainer trainer;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t cut = gpt2_last_cut(rest.substr(0, 500));
    const std::size_t size = rest.size() <= 500 ? rest.size() : cut;
    REQUIRE(size > 0);
    trainer.add(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  CHECK(trainer.train(400) == train_bpe(text, 400));
  const std::string large = random.text(100'000);
  REQUIRE(large.size() > 3 * 65536);
  BpeTrainer by_source;
  by_source.add(MemorySource("text", std::as_bytes(std::span(large))));
  CHECK(by_source.train(400) == train_bpe(large, 400));
}

TEST_CASE("vocabularies are checked") {
  const auto refused = [](const BpeVocabulary& vocabulary, const char* message) {
    CHECK_THROWS_WITH_AS(BpeTokenizer{vocabulary}, message, ConfigError);
  };
  const BpeVocabulary good = vocabulary_of({{a, b}, {256, c}});
  CHECK(BpeTokenizer(good).vocabulary() == good);
  BpeVocabulary bad = good;
  bad.kinds.pop_back();
  refused(bad, "vocabulary: expected at most 2^18 tokens, each with a kind, and 2^18 merges");
  bad = good;
  bad.tokens[3] = "";
  refused(bad, "vocabulary: token 3 has 0 bytes, expected 1 to 512");
  bad.tokens[3] = std::string(513, 'x');
  refused(bad, "vocabulary: token 3 has 513 bytes, expected 1 to 512");
  bad.tokens[3] = "a";
  refused(bad, "vocabulary: token 64, 'a', is there twice");
  bad.tokens[3] = "xy";
  refused(bad, "vocabulary: there is no token for the byte '$'");
  bad = good;
  bad.tokens.back() = "abc";
  refused(bad, "vocabulary: token 258, 'abc', is there twice");
  bad.tokens.back() = "xy";
  CHECK_NOTHROW(BpeTokenizer{bad});
  bad.kinds.back() = TokenKind::normal;
  refused(bad, "vocabulary: token 258, 'xy', is made by no merge");
  bad = good;
  bad.tokens.push_back("<|endoftext|>");
  bad.kinds.push_back(TokenKind::unused);
  refused(bad, "vocabulary: token 259, '<|endoftext|>', is there twice");
  bad = good;
  std::swap(bad.merges[0], bad.merges[1]);
  refused(bad, "merges: merge 0: token 256 is none that a merge before it makes");
  for (const Token token : {-1, 258, 259}) {  // 258 ends a text
    bad.merges = {{a, b}, {256, token}};
    refused(bad, ("merges: merge 1: token " + std::to_string(token) +
                  " is none that a merge before it makes")
                     .c_str());
  }
  bad.merges = {{a, b}, {256, c}, {b, c}};
  refused(bad, "merges: merge 2 makes 'bc', which is no token");
  bad.merges = {{a, b}, {256, c}, {a, b}};
  refused(bad, "merges: merge 2, which makes 'ab', is there twice");
  CHECK_THROWS_WITH_AS(BpeTokenizer(good).decode(259), "decode: got token 259, expected 0 to 258",
                       ConfigError);
  CHECK_THROWS_WITH_AS(train_bpe("", 255), "vocabulary: got 255 tokens, expected 256 to 262144",
                       ConfigError);
  std::vector<Token> two(2);
  CHECK_THROWS_WITH_AS(BpeTokenizer(good).encode("abc", two),
                       "encode: the output is shorter than the text", ConfigError);
  BpeTokenizer left(good);
  const BpeTokenizer taken = std::move(left);
  CHECK(taken.encode("abc").size() > 0);
  CHECK_THROWS_WITH_AS(left.encode("abc"),
                       "encode: the tokenizer has been moved from, and knows no tokens",
                       ConfigError);
}
