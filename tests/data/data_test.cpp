// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/batch_sampler.hpp>
#include <octavo/data/soliloquy.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

using namespace octavo;

TEST_CASE("tokens come back from 1, 2 and 4 bytes") {
  for (const Index vocabulary : {256, 257, 65536, 65537}) {
    TokenStore store(vocabulary);
    for (const Token token : {0, 5, static_cast<Token>(vocabulary - 1)}) store.push_back(token);
    const TokenView view = store.view();
    CHECK(view.size() == 3);
    CHECK(view[1] == 5);
    CHECK(view[2] == vocabulary - 1);
    CHECK(view.subview(2, 1)[0] == vocabulary - 1);
    CHECK_THROWS_AS(view.subview(2, 2), ConfigError);
    CHECK_NOTHROW(check_tokens(view, vocabulary));
    CHECK_THROWS_AS(check_tokens(view, vocabulary - 1), DataError);
    const TokenView checked = view.checked(vocabulary).subview(0, 3);
    CHECK_THROWS_AS(check_tokens(checked, vocabulary - 1), DataError);  // not checked for so few
    CHECK_NOTHROW(check_tokens(view.checked(vocabulary - 1), vocabulary - 1));  // takes our word
    CHECK(store.bytes() == 3 * token_bytes(vocabulary));
  }
}

TEST_CASE("a text longer than one piece is tokenized whole") {
  std::string text;
  while (text.size() < 200'000) text += soliloquy;
  const auto tokenizer = CharacterTokenizer::from_text(text);
  const TokenStore store = tokenize(tokenizer, text);
  std::string back;
  for (Index i = 0; i < store.view().size(); ++i) back += tokenizer.decode(store.view()[i]);
  CHECK(back == text);
}

TEST_CASE("nine tenths are for training, as nanoGPT splits") {
  const std::vector<std::uint8_t> tokens(1'115'394);
  const TokenSplit split = split_tokens(std::span<const std::uint8_t>(tokens));
  CHECK(split.train.size() == 1'003'854);
  CHECK(split.validation.size() == 111'540);
  const TokenSplit capped = split_tokens(std::span<const std::uint8_t>(tokens), 100'000);
  CHECK(capped.train.size() == 1'015'394);
  CHECK(capped.validation.size() == 100'000);
}

TEST_CASE("windows lie inside, targets follow inputs, batches depend on seed and step alone") {
  std::vector<std::uint16_t> ids(100);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint16_t>(i);
  const TokenView view{std::span<const std::uint16_t>(ids)};
  const BatchSampler sampler(view, 10, 3);
  std::vector<Token> inputs(40), targets(40), again(40);
  for (Index step = 0; step < 200; ++step) {
    sampler.fill(step, inputs, targets);
    for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(targets[i] == inputs[i] + 1);
    BatchSampler(view, 10, 3).fill(step, again, targets);
    CHECK(again == inputs);
  }
  BatchSampler(view, 10, 4).fill(199, again, targets);
  CHECK(again != inputs);
}

TEST_CASE("a run covers the text evenly, its first and last tokens too") {
  std::vector<std::uint8_t> ids(1000);
  const BatchSampler sampler(std::span<const std::uint8_t>(ids), 10, 1);
  // 1008 places; after 504 windows of 10 every token should have been seen about 5 times.
  std::vector<int> seen(1000);
  for (Index draw = 0; draw < 504; ++draw) {
    const Index start = sampler.start(draw);
    REQUIRE(start >= 0);
    REQUIRE(start + 10 < 1000);
    for (Index i = 0; i < 10; ++i) ++seen[static_cast<std::size_t>(start + i)];
  }
  for (std::size_t i = 0; i < 999; ++i) CHECK(seen[i] >= 4);
  for (std::size_t i = 10; i < 980; ++i) CHECK(seen[i] <= 6);
}

TEST_CASE("a text without a window is refused with the numbers") {
  const std::vector<Token> ids(10);
  CHECK_THROWS_WITH_AS(BatchSampler(std::span<const Token>(ids), 10, 1),
                       "training text: got 10 tokens, need at least 11 (sequence 10 + 1)",
                       DataError);
}
