// SPDX-License-Identifier: MIT
#include <limits>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/token_check.hpp>

using namespace octavo;

TEST_CASE("a token outside the vocabulary is seen wherever it lies, however far outside") {
  constexpr Token least = std::numeric_limits<Token>::min(),
                  most = std::numeric_limits<Token>::max();
  for (const Index vocabulary : {Index{1}, Index{35}, Index{65537}, Index{most}}) {
    const auto last = static_cast<Token>(vocabulary - 1);
    for (const std::size_t size : {1u, 7u, 64u, 101u}) {
      for (std::size_t place = 0; place < size; ++place) {
        std::vector<Token> tokens(size, last);
        tokens[place] = 0;
        CHECK(tokens_lie_in(tokens, vocabulary));
        for (const Token bad : {static_cast<Token>(last + 1), most}) {
          tokens[place] = bad;
          CHECK_FALSE(tokens_lie_in(tokens, vocabulary));
          CHECK_FALSE(tokens_lie_in(tokens, vocabulary, Negative::ignored));
          if (vocabulary == most) break;  // that is all
        }
        for (const Token negative : {-1, -100, static_cast<int>(least)}) {
          tokens[place] = negative;
          CHECK_FALSE(tokens_lie_in(tokens, vocabulary));
          CHECK(tokens_lie_in(tokens, vocabulary, Negative::ignored));
        }
      }
    }
  }
  CHECK(tokens_lie_in({}, 1));
}

TEST_CASE("a batch that is refused says which token, its value and the range") {
  std::vector<Token> inputs{3, 0, 34}, targets{-1, 34, -100};
  CHECK_NOTHROW(check_batch(inputs, targets, 35));
  targets[1] = 40;
  CHECK_THROWS_WITH_AS(check_batch(inputs, targets, 35),
                       "target 1 is 40, expected 0 to 34, or below 0: ignored", ConfigError);
  inputs[2] = 35;
  CHECK_THROWS_WITH_AS(check_batch(inputs, targets, 35), "token 2 is 35, expected 0 to 34",
                       ConfigError);
  inputs[0] = -1;
  CHECK_THROWS_WITH_AS(check_batch(inputs, targets, 35), "token 0 is -1, expected 0 to 34",
                       ConfigError);
}

TEST_CASE("of a batch that was cut from a text the text's place is told") {
  std::vector<Token> text{3, 0, 34, -1, 7};
  const std::span<const Token> tokens = text;
  CHECK_NOTHROW(check_batch_of(tokens, tokens.first(2), tokens.subspan(1, 2), 35));
  CHECK_THROWS_WITH_AS(check_batch_of(tokens, tokens.subspan(3, 1), tokens.subspan(4, 1), 35),
                       "token 3 is -1, expected 0 to 34", ConfigError);
  CHECK_THROWS_WITH_AS(check_batch_of(tokens, tokens.subspan(2, 1), tokens.subspan(3, 1), 35),
                       "token 3 is -1, expected 0 to 34", ConfigError);
  text[3] = 35;
  CHECK_THROWS_WITH_AS(check_batch_of(tokens, tokens.subspan(2, 1), tokens.subspan(3, 1), 35),
                       "token 3 is 35, expected 0 to 34", ConfigError);
}
