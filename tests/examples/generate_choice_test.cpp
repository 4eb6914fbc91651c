// SPDX-License-Identifier: MIT
// generate: which tokens are chosen, and what is written of them.
#include <string>

#include <doctest/doctest.h>

#include "examples/generating.hpp"

using namespace generating;

TEST_CASE("a text ends before the first stop string, whatever the tokens are") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string text = text_of(sandbox, written("--tokens 60"));
  const std::string reply = text.substr(5, 60);
  for (const std::size_t at : {0u, 1u, 17u, 50u}) {
    const std::string stop = reply.substr(at, 4);
    const std::string expected = "To be" + reply.substr(0, reply.find(stop)) + "\n";
    CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop", stop}) == expected);
    CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop=zzz", "--stop", stop}) ==
          expected);
  }
  CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop", "zzz"}) == text);
  // The beginning of a stop string at the end of the text was none.
  CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop", reply.substr(55) + "zzz"}) ==
        text);
  // The prompt is no reply.
  CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop", "To be"}).starts_with("To be"));
  refused(sandbox, written("") + Words{"--stop", ""}, 64,
          "--stop: got '', expected at least one character");
}

TEST_CASE("biases forbid and demand tokens, by number and by text") {
  const Sandbox sandbox;
  train(sandbox);
  const auto biased = [&](const Words& words) {
    return text_of(sandbox, written("--tokens 30") + words).substr(5);
  };
  CHECK(biased({"--logit-bias", "'u'=1000"}) == std::string(30, 'u') + "\n");
  const std::string without =
      biased({"--logit-bias", "'eot'=-inf", "--logit-bias", "'.'=-1", "--logit-bias", "' '=-inf"});
  CHECK(without.find_first_of("eot ") == std::string::npos);
  CHECK(biased({"--logit-bias=5=1000", "--logit-bias=5=-1000"}) == biased({}));
  CHECK(biased({"--logit-bias=5=1000"}) ==
        std::string(30, biased({"--logit-bias=5=1000"})[0]) + "\n");
  const std::string hint =
      "TOKEN is a token's number, or a text in single quotes (the shell takes away one pair: write "
      "\"'e'=-inf\")";
  for (const std::string given : {"", "5", "=5", "5=", "5=x", "e=5", "''=5", "-1=5", "5=inf",
                                  "5=nan", "5=1e999", "5 =1", "99999999999=1", "'e=5"}) {
    refused(sandbox, written("") + Words{"--logit-bias=" + given}, 64,
            "--logit-bias: got '" + given + "', expected TOKEN=VALUE, such as 17=-2.5 or 'e'=-inf",
            hint);
  }
  refused(sandbox, written("--logit-bias 35=1"), 64,
          "--logit-bias '35=1': the model's tokens are 0 to 34");
  refused(sandbox, written("--logit-bias 'a9'=1"), 65,
          "--logit-bias ''a9'=1': byte 1: '9' is not in the model's vocabulary");
  Words all = written("--tokens 5");
  for (int token = 0; token < 35; ++token) {
    all.push_back("--logit-bias=" + std::to_string(token) + "=-inf");
  }
  refused(sandbox, all, 65, "no token can follow: every logit is minus infinity",
          "forbid fewer tokens by logit bias", {.output = "/dev/null"});
}

TEST_CASE("min-p, repetition penalty and window at the ends of their ranges") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string greedy = text_of(sandbox, written("--tokens 20 --temperature 0"));
  CHECK(text_of(sandbox, written("--tokens 20 --min-p 1")) == greedy);
  const std::string sampled = text_of(sandbox, written("--tokens 20"));
  for (const char* same :
       {"--min-p 0", "--repetition-penalty 1", "--repetition-penalty 9 --repetition-window 0"}) {
    CHECK(text_of(sandbox, written("--tokens 20 " + std::string(same))) == sampled);
  }
  // Greedy and never a token twice as long as the window reaches: a run of 12 that sees all.
  const std::string varied = text_of(
      sandbox,
      written("--tokens 11 --temperature 0 --repetition-penalty 1e30 --repetition-window -1", "T"));
  for (std::size_t i = 0; i + 1 < varied.size(); ++i) CHECK(varied.find(varied[i]) == i);
  refused(sandbox, written("--repetition-window -2"), 64,
          "--repetition-window: got '-2', expected a whole number from -1 to 2147483647");
}

TEST_CASE("a prompt too long slides, keeps its end, or is refused with its place") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string prompt = "To be or not to be";  // 18 tokens; the model was trained on 12
  const auto continued = [&](const std::string& text, const std::string& options) {
    return text_of(sandbox, written("--tokens 20 " + options, text)).substr(text.size());
  };
  const std::string end = prompt.substr(6);
  CHECK(continued(prompt, "--too-long keep-last") == continued(end, ""));
  CHECK(continued(prompt, "--too-long slide") == continued(prompt, ""));
  CHECK(continued(end, "--too-long refuse") == continued(end, ""));
  refused(sandbox, written("--too-long refuse", prompt), 65,
          "prompt: byte 12: the prompt has 18 tokens, expected at most 12, the length that the "
          "model was trained on: token 12 is the first too many",
          "shorten it, or say --too-long slide or --too-long keep-last");
}

TEST_CASE("characters that the model does not know are refused with their place, or skipped") {
  const Sandbox sandbox;
  for (const char* with : {"", "--no-unknown"}) {
    train(sandbox, with);
    CHECK(text_of(sandbox, written("--unknown skip", "T9o\xc3\xa9 be\xff")) ==
          text_of(sandbox, written("")));
    CHECK(text_of(sandbox, written("--unknown refuse")) == text_of(sandbox, written("")));
    refused(sandbox, written("--unknown refuse", "To b\xc3\xa9"), 65,
            "prompt: byte 4: '\\xc3\\xa9' is not in the model's vocabulary",
            "leave it out, or say --unknown skip");
    refused(
        sandbox,
        Words{"generate", model, "--prompt", "To", "--prompt", "9"} + words_of("--unknown refuse"),
        65, "prompt 2: byte 0: '9' is not in the model's vocabulary",
        "leave it out, or say --unknown skip");
    fs::remove_all(sandbox.path / "a");
  }
}

TEST_CASE("what is written is UTF-8, unless it is asked for as it is") {
  const Sandbox sandbox;
  write_file(sandbox, "text", [] {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "\xc3\xa9\xc3\xa8\xe2\x82\xac";
    return text;
  }());
  check_error(start(sandbox, micro("--data text --tokenizer byte --out a")), 0, "");
  const std::string replaced = text_of(sandbox, written("--tokens 99 --temperature 2", ""));
  const std::string kept =
      text_of(sandbox, written("--tokens 99 --temperature 2 --invalid-utf8 keep", ""));
  CHECK(kept.size() == 100);
  CHECK(replaced != kept);
  CHECK(replaced.find("\xEF\xBF\xBD") != std::string::npos);
}
