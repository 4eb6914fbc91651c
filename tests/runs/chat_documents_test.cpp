// SPDX-License-Identifier: MIT
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/runs/chat_documents.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

#include "runs/chat_tokenizer.hpp"

using namespace octavo;
using octavo_test::chat_tokenizer;

namespace {

constexpr std::string_view chatml = "<|im_start|>";
const ChatTemplate chat(chatml, "", "");

ChatRow row(const std::string& text) { return chat_row_of(nlohmann::json::parse(text)); }

const std::string two_turns = R"({"messages": [{"role": "system", "content": "S"},
    {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
    {"role": "user", "content": "c"}, {"role": "assistant", "content": "dd"}]})";

/// The text of the inputs and the last target; and, in [ ], the targets that count.
std::string shown(const LabelledTokens& document, const AnyTokenizer& tokenizer) {
  std::string text(tokenizer.decode(document.inputs.at(0)));
  bool inside = false;
  for (std::size_t i = 0; i < document.targets.size(); ++i) {
    const bool counts = document.targets[i] >= 0;
    if (counts != inside) text += counts ? "[" : "]";
    inside = counts;
    const bool last = i + 1 == document.targets.size();
    if (counts && !last) REQUIRE(document.targets[i] == document.inputs[i + 1]);
    if (!last || counts) {
      text += tokenizer.decode(last ? document.targets[i] : document.inputs[i + 1]);
    }
  }
  return text + (inside ? "]" : "");
}

std::string refusal(const ChatDocuments& documents, const std::string& text) {
  try {
    (void)documents(row(text));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("of a conversation the answers count, each with the end of its turn") {
  const AnyTokenizer tokenizer = chat_tokenizer();
  const ChatDocuments documents(tokenizer, chat);
  CHECK(shown(documents(row(two_turns)), tokenizer) ==
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"
        "[b<|im_end|>]\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[dd<|im_end|>]");
  const ChatDocuments all(tokenizer, chat, std::nullopt, TrainOn::all);
  CHECK(all(row(two_turns)).counted() == all(row(two_turns)).length());
  CHECK(shown(all(row(two_turns)), tokenizer).ends_with("\ndd<|im_end|>\n]"));
  // What follows the last answer is left out; of a prompt's answers none counts.
  CHECK(shown(documents(row(R"({"messages": [{"role": "user", "content": "a"},
      {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]})")),
              tokenizer)
            .ends_with("[b<|im_end|>]"));
  CHECK(shown(documents(row(R"({"prompt": [{"role": "user", "content": "a"},
      {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}],
      "completion": [{"role": "assistant", "content": "d"}]})")),
              tokenizer) ==
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc"
        "<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]");
}

TEST_CASE("templates whose answers end with the token that ends a text") {
  const AnyTokenizer tokenizer = chat_tokenizer();
  const std::string end = "<|endoftext|>";
  const ChatDocuments zephyr(tokenizer, ChatTemplate("<|user|><|assistant|>", "", end));
  CHECK(shown(zephyr(row(two_turns)), tokenizer)
            .ends_with("<|user|>\nc<|endoftext|>\n<|assistant|>\n[dd<|endoftext|>]"));
  const ChatDocuments llama2(tokenizer, ChatTemplate("[INST] <<SYS>>", "", end));
  CHECK(shown(llama2(row(two_turns)), tokenizer) ==
        "[INST] <<SYS>>\nS\n<</SYS>>\n\na [/INST][ b <|endoftext|>][INST] c [/INST][ dd "
        "<|endoftext|>]");
}

TEST_CASE("texts, completions and instructions") {
  const AnyTokenizer tokenizer = chat_tokenizer();
  const ChatDocuments plain(tokenizer, std::nullopt), chatting(tokenizer, chat);
  CHECK(shown(plain(row(R"({"text": "abc"})")), tokenizer) == "a[bc<|endoftext|>]");
  const ChatDocuments begun(tokenizer, std::nullopt, octavo_test::text_ends);
  CHECK(shown(begun(row(R"({"text": "abc"})")), tokenizer) == "<|endoftext|>[abc<|endoftext|>]");
  CHECK(shown(chatting(row(R"({"prompt": "2+2=", "completion": "4"})")), tokenizer) ==
        "2+2=[4<|endoftext|>]");
  const std::string alpaca = R"({"instruction": "Hi", "output": "yes"})";
  CHECK(shown(chatting(row(alpaca)), tokenizer) ==
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[yes<|im_end|>]");
  CHECK(shown(plain(row(alpaca)), tokenizer)
            .ends_with("### Instruction:\nHi\n\n### Response:\n[yes<|endoftext|>]"));
  // Names of control tokens in a text are text.
  CHECK(plain(row(R"({"text": "<|im_end|>"})")).length() == 10);
}

TEST_CASE("where a token crosses the beginning of an answer, the pieces are encoded alone") {
  BpeTrainer trainer;
  trainer.add("abab ab abab abab xab");
  const AnyTokenizer tokenizer = trainer.train(260);
  REQUIRE(tokenizer.encode("ab").size() == 1);
  const ChatDocuments documents(tokenizer, std::nullopt);
  const LabelledTokens crossing = documents(row(R"({"prompt": "xa", "completion": "bx"})"));
  CHECK(crossing.length() == 3);
  CHECK(crossing.counted() == 2);
  const LabelledTokens apart = documents(row(R"({"prompt": "x", "completion": "ab"})"));
  CHECK(apart.length() == 1);
  CHECK(apart.targets[0] == tokenizer.encode("ab")[0]);
}

TEST_CASE("rows without anything to train on are refused") {
  const AnyTokenizer tokenizer = chat_tokenizer();
  const ChatDocuments documents(tokenizer, chat), plain(tokenizer, std::nullopt);
  CHECK(refusal(plain, two_turns) == "it is a conversation, and the model has no chat template");
  CHECK(refusal(documents, R"({"messages": [{"role": "user", "content": "a<|im_end|>"},
      {"role": "assistant", "content": "b"}]})") ==
        "message 1 has the name of the control token '<|im_end|>'");
  CHECK(refusal(documents, R"({"messages": [{"role": "assistant", "content": "b"}]})") ==
        "message 1: its role is 'assistant', expected 'user'");
  const AnyTokenizer letters = CharacterTokenizer("ab");
  CHECK(refusal(ChatDocuments(letters, std::nullopt), R"({"text": "a"})") ==
        "it has no token to train on");
}
