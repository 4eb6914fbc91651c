// SPDX-License-Identifier: MIT
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/answer_examples.hpp>

#include "runs/chat_tokenizer.hpp"

using namespace octavo;

namespace {

/// Writes "ok", the end of a turn, and more.
struct Talker {
  template <typename Receive>
  void generate(std::span<const Token>, Index count, const Sampling& sampling, std::uint64_t,
                Receive&& receive) {
    CHECK(sampling.temperature == 0);
    std::vector<Token> tokens = octavo_test::chat_tokenizer().encode("ok");
    tokens.insert(tokens.end(), {octavo_test::turn_ends, 0, 0});
    for (Index i = 0; i < count && receive(tokens[static_cast<std::size_t>(i)]); ++i) continue;
  }
};

}  // namespace

TEST_CASE("rows are answered up to the end of a turn, and within the length") {
  Talker talker;
  const AnyTokenizer tokenizer = octavo_test::chat_tokenizer();
  std::vector<Token> answer = tokenizer.encode("no");
  answer.push_back(octavo_test::turn_ends);
  const std::vector<ChatExample> examples{{tokenizer.encode("a?"), answer}};
  auto answered = answer_examples(talker, tokenizer, examples, 5, 10);
  REQUIRE(answered.size() == 1);
  CHECK(answered[0].prompt == "a?");
  CHECK(answered[0].after == "ok");
  CHECK(answered[0].expected == "no");
  CHECK_FALSE(answered[0].before.has_value());
  CHECK(answer_examples(talker, tokenizer, examples, 5, 3)[0].after == "o");
  CHECK(describe_examples(answered) ==
        "\nrows that it was not trained on:\nprompt  a?\nafter   ok\nrow     no\n");
  answered[0].before = "";
  CHECK(describe_examples(answered).find("\nbefore  \nafter") != std::string::npos);
  CHECK(describe_examples({}).empty());
}
