// SPDX-License-Identifier: MIT
// Merging against plain_bpe.hpp.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/bpe_tokenizer.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

#include "heap_guard/heap_guard.hpp"
#include "tokenizers/plain_bpe.hpp"

using namespace octavo;
using plain_bpe::RandomText;

static_assert(Tokenizer<BpeTokenizer>);

namespace {

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
  const BpeTokenizer tokenizer = train_bpe(sample_text, 300);
  std::string text;
  while (text.size() < 10'000) text += sample_text;
  std::vector<Token> tokens(text.size());
  const octavo_test::HeapGuard guard;
  const std::size_t count = tokenizer.encode(text, tokens);
  const std::size_t few = tokenizer.encode(sample_text, tokens);
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(count > few);
}

TEST_CASE("vocabularies are checked") {
  const auto refused = [](const BpeVocabulary& vocabulary, const char* message) {
    CHECK_THROWS_WITH_AS(BpeTokenizer{vocabulary}, message, ConfigError);
  };
  const BpeVocabulary good = vocabulary_of({{a, b}, {256, c}});
  CHECK(BpeTokenizer(good).vocabulary() == good);
  BpeVocabulary bad = good;
  bad.kinds.pop_back();
  refused(bad, "vocabulary: expected at most 2^19 tokens, each with a kind, and 2^20 merges");
  bad = good;
  bad.tokens[3] = "";
  refused(bad, "vocabulary: token 3 has 0 bytes, expected 1 to 512");
  bad.tokens[3] = std::string(513, 'x');
  refused(bad, "vocabulary: token 3 has 513 bytes, expected 1 to 512");
  bad.tokens[3] = "a";
  refused(bad, "vocabulary: token 64, 'a', occurs twice");
  bad.tokens[3] = "xy";
  refused(bad, "vocabulary: there is no token for the byte '$'");
  bad = good;
  bad.tokens.back() = "abc";
  refused(bad, "vocabulary: token 258, 'abc', occurs twice");
  bad.tokens.back() = "xy";
  CHECK_NOTHROW(BpeTokenizer{bad});
  bad.kinds.back() = TokenKind::normal;
  refused(bad, "vocabulary: token 258, 'xy', is not the result of a merge");
  bad = good;
  bad.tokens.push_back("<|endoftext|>");
  bad.kinds.push_back(TokenKind::unused);
  refused(bad, "vocabulary: token 259, '<|endoftext|>', occurs twice");
  bad = good;
  std::swap(bad.merges[0], bad.merges[1]);
  refused(bad, "merges: merge 0: token 256 is not made by an earlier merge");
  for (const Token token : {-1, 258, 259}) {  // 258 ends a text
    bad.merges = {{a, b}, {256, token}};
    refused(bad,
            ("merges: merge 1: token " + std::to_string(token) + " is not made by an earlier merge")
                .c_str());
  }
  bad.merges = {{a, b}, {256, c}, {b, c}};
  refused(bad, "merges: merge 2 makes 'bc', which is not a token");
  bad.merges = {{a, b}, {256, c}, {a, b}};
  refused(bad, "merges: merge 2, which makes 'ab', occurs twice");
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
