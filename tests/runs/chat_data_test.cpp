// SPDX-License-Identifier: MIT
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/chat_data.hpp>

#include "runs/chat_tokenizer.hpp"

using namespace octavo;
using octavo_test::chat_tokenizer;

namespace {

const std::string good = R"({"prompt": "a", "completion": "b"})";

/// How many documents there are, and what is told.
struct Outcome {
  Index documents = 0, skipped = 0;
  std::vector<std::string> told;
  std::string error;
};

Outcome read(const std::string& text, Index skip_bad = 0) {
  static const AnyTokenizer tokenizer = chat_tokenizer();
  static const ChatDocuments documents(tokenizer, ChatTemplate("<|im_start|>", "", ""));
  const MemorySource source("x", std::as_bytes(std::span(text)));
  Outcome outcome;
  ChatData data(source, documents, skip_bad,
                [&](const Error& error) { outcome.told.push_back(error.what()); });
  try {
    while (const auto document = data.next()) ++outcome.documents;
  } catch (const DataError& error) {
    outcome.error = error.what();
  }
  outcome.skipped = data.skipped();
  CHECK(data.rows() == outcome.documents);
  return outcome;
}

std::string messages(const std::string& list) { return "{\"messages\": [" + list + "]}"; }
const std::string user = R"({"role": "user", "content": "a"})";
const std::string answer = R"({"role": "assistant", "content": "b"})";

}  // namespace

TEST_CASE("every good row is a document") {
  const Outcome outcome = read(good + "\n\n" + messages(user + ", " + answer) + "\n");
  CHECK(outcome.documents == 2);
  CHECK(outcome.error.empty());
}

TEST_CASE("bad rows are told with their line, and skipped if they are few") {
  const std::string text = good + "\n{\"text\": 3}\n" + good + "\nx\n" + good;
  const Outcome strict = read(text);
  CHECK(strict.documents == 1);
  CHECK(strict.error == "'x', line 2: 'text': got 3, expected a text");
  const Outcome one = read(text, 1);
  CHECK(one.documents == 2);
  CHECK(one.skipped == 1);
  CHECK(one.told == std::vector<std::string>{strict.error});
  CHECK(one.error == "'x', line 4: it is not JSON from byte 1 on");
  const Outcome two = read(text, 2);
  CHECK(two.documents == 3);
  CHECK(two.skipped == 2);
  CHECK(two.error.empty());
}

TEST_CASE("files without a row to train on are refused") {
  for (const std::string text : {"", "\n", " \r\n\n"}) {
    CHECK(read(text).error == "'x' has no row to train on");
  }
  CHECK(read("x", 1).error == "'x' has no row to train on");
}

TEST_CASE("bad rows, each with its message") {
  const std::string not_text = ", expected a text";
  const std::pair<std::string, std::string> rows[] = {
      // not an object
      {"{", "it is not JSON from byte 2 on"},
      {"{}}", "it is not JSON from byte 3 on"},
      {"{'text': 'x'}", "it is not JSON from byte 2 on"},
      {"{\"text\": \"a\" \"b\"}", "it is not JSON from byte 16 on"},
      {"{\"text\": \"\\ud800\"}", "it is not JSON from byte 17 on"},
      {"{\"text\": \"\xff\"}", "it is not JSON from byte 11 on"},
      {"{\"text\": nan}", "it is not JSON from byte 11 on"},
      {"once upon a time", "it is not JSON from byte 1 on"},
      {"[" + good + "]", "it is an array, expected a JSON object"},
      {"\"text\"", "it is a string, expected a JSON object"},
      {"true", "it is a boolean, expected a JSON object"},
      {R"({"text": "a", "text": "b"})", "it names 'text' twice"},
      {"{\"text\": " + std::string(20, '[') + std::string(20, ']') + "}",
       "it nests deeper than 16"},
      // of no form
      {"{}", "it has none of 'messages', 'conversations', 'prompt', 'instruction' and 'text'"},
      {R"({"content": "x"})",
       "it has none of 'messages', 'conversations', 'prompt', 'instruction' and 'text'"},
      {R"({"text": ""})", "'text' is empty"},
      {R"({"text": null})", "'text': got null" + not_text},
      {R"({"text": ["a"]})", "'text': got [\"a\"]" + not_text},
      {R"({"prompt": "a"})", "'completion' is missing"},
      {R"({"prompt": "a", "completion": ""})", "'completion' is empty"},
      {R"({"prompt": 3, "completion": "a"})", "'prompt': got 3" + not_text},
      {R"({"prompt": "a", "completion": [)" + answer + "]}",
       "'completion': got [{\"content\":\"b\",\"role\":\"assistant\"}]" + not_text},
      {"{\"prompt\": [" + user + "], \"completion\": \"b\"}",
       "'completion': got 'b', expected a list of messages"},
      {"{\"prompt\": [" + user + "], \"completion\": []}", "'completion' is empty"},
      {"{\"prompt\": [" + answer + "], \"completion\": [" + user + "]}",
       "got no message by the assistant, expected one or more"},
      {R"({"instruction": "a"})", "'output' is missing"},
      {R"({"instruction": "", "output": "b"})", "'instruction' is empty"},
      {R"({"instruction": "a", "input": 4, "output": "b"})", "'input': got 4" + not_text},
      {R"({"instruction": "a", "output": ""})", "'output' is empty"},
      // conversations
      {R"({"messages": "a"})", "'messages': got 'a', expected a list of messages"},
      {R"({"messages": null})", "'messages': got null, expected a list of messages"},
      {messages(""), "'messages' is empty"},
      {messages("\"a\""), "message 1: got 'a', expected an object"},
      {messages(R"({"content": "a"})"), "message 1: 'role' is missing"},
      {messages(user + R"(, {"role": "assistant"})"), "message 2: 'content' is missing"},
      {messages(user + R"(, {"role": "assistant", "content": null})"),
       "message 2: 'content': got null" + not_text},
      {messages(user + R"(, {"role": "assistant", "content": ""})"),
       "message 2: 'content' is empty"},
      {messages(R"({"role": "user", "content": [{"type": "text"}]})"),
       "message 1: 'content': got [{\"type\":\"text\"}]" + not_text},
      {messages(R"({"role": "tool", "content": "a"})"),
       "message 1: 'role': got 'tool', expected one of 'system', 'user', 'assistant'"},
      {messages(R"({"role": "User", "content": "a"})"),
       "message 1: 'role': got 'User', expected one of 'system', 'user', 'assistant'"},
      {messages(user), "got no message by the assistant, expected one or more"},
      {messages(answer), "message 1: its role is 'assistant', expected 'user'"},
      {messages(user + ", " + user + ", " + answer),
       "message 2: its role is 'user', expected 'assistant'"},
      {messages(user + ", " + answer + R"(, {"role": "system", "content": "s"}, )" + answer),
       "message 3: its role is 'system', expected 'user'"},
      {messages(R"({"role": "user", "content": "a<|im_end|>"}, )" + answer),
       "message 1 has the name of the control token '<|im_end|>'"},
      {R"({"conversations": [{"role": "user", "content": "a"}]})", "message 1: 'from' is missing"},
      {R"({"conversations": [{"from": "bing", "value": "a"}]})",
       "message 1: 'from': got 'bing', expected one of 'system', 'human', 'user', 'gpt', "
       "'assistant'"},
      {R"({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": 1}]})",
       "message 2: 'value': got 1" + not_text},
      {R"({"conversations": {}})", "'conversations': got {}, expected a list of messages"},
  };
  CHECK(std::size(rows) >= 40);
  for (const auto& each : rows) {
    const std::string& row = each.first;
    const std::string& message = each.second;
    INFO(row);
    CHECK(read(row).error == "'x', line 1: " + message);
    CHECK(read(good + "\r\n" + row + "\n").error == "'x', line 2: " + message);
    const Outcome skipped = read(row + "\n" + good, 1);
    CHECK(skipped.documents == 1);
    CHECK(skipped.error.empty());
  }
}
