// SPDX-License-Identifier: MIT
// generate with tokens that stand beside the text: in prompts, in what is written, at its end.
#include <string>

#include <doctest/doctest.h>

#include "examples/generating.hpp"

using namespace generating;

namespace {

const std::string name = "<|endoftext|>";

/// Trains a model of byte pairs; returns the number of its token that ends a text.
std::string train_pairs(const Sandbox& sandbox) {
  train(sandbox, "--tokenizer bpe --vocab 270");
  const std::string scored = text_of(
      sandbox, words_of("generate " + model + " --special --per-token --threads 1 --score -"),
      {.input = "To" + name});
  const std::size_t end = scored.find("'" + name + "'");
  REQUIRE(end != std::string::npos);
  const std::size_t line = scored.rfind('\n', end) + 1;
  const std::size_t begin = scored.find('\t', line) + 1;
  return scored.substr(begin, scored.find('\t', begin) - begin);
}

}  // namespace

TEST_CASE("generation stops at the token that ends a text, which is not written") {
  const Sandbox sandbox;
  const std::string end = train_pairs(sandbox);
  const Words demanded = {"--logit-bias", end + "=1000"};
  const Words prompt = written("--tokens 5");
  CHECK(text_of(sandbox, prompt + demanded) == "To be\n");
  CHECK(text_of(sandbox, prompt + demanded + Words{"--special"}) == "To be\n");
  CHECK(text_of(sandbox, prompt + demanded + Words{"--ignore-eos"}) == "To be\n");
  CHECK(text_of(sandbox, prompt + demanded + Words{"--ignore-eos", "--special"}) ==
        "To be" + name + name + name + name + name + "\n");
  const Outcome timed = start(sandbox, written("--tokens 50 --timings") + demanded);
  CHECK(timed.err.find("wrote 1 token\n") != std::string::npos);
  CHECK(start(sandbox, written("--tokens 50 --timings --ignore-eos") + demanded)
            .err.find("wrote 50 tokens, ") != std::string::npos);
}

TEST_CASE("in a batch each text ends by itself") {
  const Sandbox sandbox;
  const std::string end = train_pairs(sandbox);
  const std::string often = " --tokens 40 --temperature 2 --logit-bias " + end + "=3 --seed ";
  const auto alone = [&](const std::string& prompt, const std::string& seed) {
    return text_of(sandbox, written(often + seed, prompt));
  };
  const std::string together =
      text_of(sandbox, written(often + "7") + Words{"--prompt", "The", "--prompt", "Or"});
  CHECK(together == "=== 1 of 3 ===\n" + alone("To be", "7") + "=== 2 of 3 ===\n" +
                        alone("The", "8") + "=== 3 of 3 ===\n" + alone("Or", "9"));
  CHECK(alone("To be", "7") != text_of(sandbox, written(often + "7 --ignore-eos")));
}

TEST_CASE("names of special tokens are text, or with --special these tokens") {
  const Sandbox sandbox;
  const std::string end = train_pairs(sandbox);
  const std::string options = "--tokens 9 --temperature 0 ";
  const auto reply = [&](const std::string& more, const Words& prompt) {
    const std::string text =
        text_of(sandbox, words_of("generate " + model + " --threads 1 " + options + more) + prompt);
    return text;
  };
  const std::string marked = name + "To";
  const std::string as_text = reply("", {"--prompt", marked});
  const std::string as_token = reply("--special", {"--prompt", marked});
  CHECK(as_text.starts_with(marked));
  CHECK(as_token.starts_with(marked));
  CHECK(reply("--special", {"--prompt-tokens", end + ",51,78"}).starts_with(name));
  CHECK_FALSE(reply("", {"--prompt-tokens", end + ",51,78"}).starts_with(name));
  // Without a prompt the text begins there.
  CHECK(reply("", {"--prompt-tokens", end}) == reply("", {}));
  CHECK(reply("", {"--prompt-tokens", end}) == reply("", {"--prompt", ""}));
  const auto scored = [&](const std::string& more) {
    return text_of(sandbox, words_of("generate " + model + " --threads 1 --score - " + more),
                   {.input = marked});
  };
  CHECK(scored("").starts_with("13 tokens") == false);
  CHECK(scored("--special") != scored(""));
}

TEST_CASE("a prompt of tokens is that prompt; what are no tokens is refused") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string listed =
      text_of(sandbox, words_of("generate " + model + " --threads 1 --per-token --score -"),
              {.input = "TTo be"});
  std::string tokens;
  std::size_t line = listed.find('\n') + 1;
  for (int i = 0; i < 5; ++i, line = listed.find('\n', line) + 1) {
    const std::size_t begin = listed.find('\t', line) + 1;
    tokens += (i > 0 ? "," : "") + listed.substr(begin, listed.find('\t', begin) - begin);
  }
  const Words words = words_of("generate " + model + " --tokens 20 --threads 1 --prompt-tokens");
  CHECK(text_of(sandbox, words + Words{tokens}) == text_of(sandbox, written("--tokens 20")));
  CHECK(text_of(sandbox, words + Words{tokens, "--prompt-tokens", "1"})
            .starts_with("=== 1 of 2 ==="));
  for (const std::string given : {"", ",", "1,", ",1", "1,,2", "-1", "a", "1 2", "99999999999"}) {
    refused(sandbox, words + Words{given}, 64,
            "--prompt-tokens: got '" + given +
                "', expected whole numbers with commas between, such as 15,7,301");
  }
  refused(sandbox, words + Words{"1,35"}, 64,
          "--prompt-tokens: got 35, the model's tokens are 0 to 34");
  refused(sandbox, words + Words{"1", "--interactive"}, 64,
          "--interactive: it cannot be combined with prompts on the command line");
}

TEST_CASE("letters that the model does not know are counted, and a blank at the end is told") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string rest =
      " not in the model's vocabulary: the unknown token stands for them (--unknown skip leaves "
      "them out)\n";
  const auto noted = [&](const Words& words, const std::string& input = "") {
    const Outcome got = start(sandbox, words, {.input = input});
    CHECK(got.status == 0);
    return got.err;
  };
  CHECK(noted(written("--tokens 1", "T\xc3\xa9 9 b7")) ==
        "generate: note: prompt: 3 of 7 letters are" + rest);
  CHECK(noted(written("--tokens 1 --unknown replace", "9")) ==
        "generate: note: prompt: 1 of 1 letter is" + rest);
  CHECK(noted(written("--tokens 1 --prompt 9")) ==
        "generate: note: prompt 2: 1 of 1 letter is" + rest);
  CHECK(noted(written("--tokens 1 --unknown skip", "T9")) == "");
  CHECK(noted(words_of("generate " + model + " --score -"), "To 99") ==
        "generate: note: text '-': 2 of 5 letters are" + rest);
  CHECK(noted(written("--tokens 1", "To be ")) == "");  // characters have no such blanks
  fs::remove_all(sandbox.path / "a");
  train_pairs(sandbox);
  CHECK(noted(written("--tokens 1", "To \xc3\xa9")) == "");
  CHECK(noted(written("--tokens 1", "To be "))
            .starts_with("generate: note: prompt: it ends with a blank"));
}
