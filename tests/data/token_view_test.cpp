// SPDX-License-Identifier: MIT
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/token_view.hpp>

using namespace octavo;

static_assert(token_bytes(1) == 1);
static_assert(token_bytes(256) == 1);
static_assert(token_bytes(257) == 2);
static_assert(token_bytes(65536) == 2);
static_assert(token_bytes(65537) == 4);

TEST_CASE("nine tenths are for training, as nanoGPT splits") {
  const std::vector<std::uint8_t> tokens(1'115'394);
  const TokenSplit split = split_tokens(std::span<const std::uint8_t>(tokens));
  CHECK(split.train.size() == 1'003'854);
  CHECK(split.validation.size() == 111'540);
  const TokenSplit capped = split_tokens(std::span<const std::uint8_t>(tokens), 100'000);
  CHECK(capped.train.size() == 1'015'394);
  CHECK(capped.validation.size() == 100'000);
}

TEST_CASE("tokens of any size are seen as tokens, and parts of them") {
  const std::vector<std::uint8_t> bytes{7, 200, 9};
  const std::array<std::uint16_t, 3> words{7, 200, 9};
  const std::vector<Token> tokens{7, 200, 9};
  for (const TokenView view : {TokenView(bytes), TokenView(words), TokenView(tokens)}) {
    CHECK(view.size() == 3);
    CHECK_FALSE(view.empty());
    CHECK(view[1] == 200);
    CHECK(view.subview(1, 2)[1] == 9);
    CHECK(view.subview(3, 0).empty());
    CHECK_THROWS_AS(view.subview(2, 2), ConfigError);
    CHECK_THROWS_AS(view.subview(-1, 2), ConfigError);
    CHECK_THROWS_AS(view.subview(0, -1), ConfigError);
    CHECK_THROWS_WITH_AS(check_tokens(view, 200), "token 1 is 200, expected 0 to 199", DataError);
    CHECK_NOTHROW(check_tokens(view, 201));
  }
  CHECK(TokenView().empty());
  CHECK_NOTHROW(check_tokens(TokenView(), 1));
}

TEST_CASE("what is known of the tokens stays known of their parts") {
  const std::vector<Token> tokens{1, 2, 3};
  const TokenView view(tokens);
  CHECK(view.checked_vocabulary() == 0);
  CHECK(view.checked(10).checked_vocabulary() == 10);
  CHECK(view.checked(10).subview(1, 1).checked_vocabulary() == 10);
  const TokenSplit split = split_tokens(view.checked(10));
  CHECK(split.train.checked_vocabulary() == 10);
  CHECK(split.validation.checked_vocabulary() == 10);
}
