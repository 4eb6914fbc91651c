// SPDX-License-Identifier: MIT
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/generate_text.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>

using namespace octavo;

namespace {

/// Generates tokens that are known before, and remembers what it was asked.
struct Recited {
  std::vector<Token> tokens;
  std::vector<Token> prompt = {};
  Index count = 0;
  double temperature = -1;
  std::uint64_t seed = 0;

  template <typename Take>
  void generate(std::span<const Token> begin, Index most, const Sampling& sampling,
                std::uint64_t asked, Take take) {
    prompt.assign(begin.begin(), begin.end());
    count = most;
    temperature = sampling.temperature;
    seed = asked;
    for (const Token token : tokens) {
      if (most-- == 0 || !take(token)) return;
    }
  }
};

}  // namespace

TEST_CASE("generate_text: the prompt, and what the model adds to it") {
  Recited generator{{' ', 'o', 'r'}};
  CHECK(generate_text(generator, ByteTokenizer(), "be", 10, {.temperature = 0.5}, 7) == "be or");
  CHECK(generator.prompt == std::vector<Token>{'b', 'e'});
  CHECK(generator.count == 10);
  CHECK(generator.temperature == 0.5);
  CHECK(generator.seed == 7);
  CHECK(generate_text(generator, ByteTokenizer(), "be", 2) == "be o");
  CHECK(generate_text(generator, ByteTokenizer(), "be", 0) == "be");
}

TEST_CASE("generate_text: a token that ends a text ends it, and is not written") {
  Recited generator{{'a', 256, 'b'}};
  CHECK(generate_text(generator, ByteTokenizer().with_end_token(), "x", 9) == "xa");
  AnyTokenizer other = ByteTokenizer().with_end_token();
  other.set_end_tokens({'b'});
  CHECK(generate_text(generator, other, "x", 9) == "xa<|endoftext|>");
}

TEST_CASE("generate_text: a prompt that the tokenizer does not know is refused") {
  Recited generator{{0}};
  const CharacterTokenizer strict("ab", UnknownToken::excluded);
  CHECK_THROWS_AS(generate_text(generator, strict, "abc", 9), UnknownSymbol);
}
