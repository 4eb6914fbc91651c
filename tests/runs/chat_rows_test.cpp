// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/chat_rows.hpp>

using namespace octavo;

namespace {

ChatRow row(const std::string& text) { return chat_row_of(nlohmann::json::parse(text)); }

using Messages = std::vector<ChatMessage>;

}  // namespace

TEST_CASE("the forms of a row") {
  const Messages two{{"user", "hi"}, {"assistant", "yes"}};
  CHECK(row(R"({"id": 3, "messages": [{"role": "user", "content": "hi"},
      {"role": "assistant", "content": "yes", "weight": 1}], "text": "x"})")
            .messages == two);
  CHECK(row(R"({"conversations": [{"from": "human", "value": "hi"},
      {"from": "gpt", "value": "yes"}]})")
            .messages == two);
  const ChatRow completion = row(R"({"prompt": "2 + 2 = ", "completion": "4"})");
  CHECK(completion.messages.empty());
  CHECK(completion.prompt == "2 + 2 = ");
  CHECK(completion.completion == "4");
  const ChatRow lists = row(R"({"prompt": [{"role": "user", "content": "a"},
      {"role": "assistant", "content": "b"}, {"role": "user", "content": "hi"}],
      "completion": [{"role": "assistant", "content": "yes"}]})");
  CHECK(lists.messages.size() == 4);
  CHECK(lists.first_counted == 3);
  const ChatRow alpaca = row(R"({"instruction": "Add", "input": "2, 2", "output": "4"})");
  CHECK(alpaca.messages == Messages{{"user", "Add\n\n2, 2"}, {"assistant", "4"}});
  CHECK(alpaca.instruction);
  CHECK(alpaca.prompt ==
        "Below is an instruction that describes a task, paired with an input that provides further "
        "context. Write a response that appropriately completes the request.\n\n### "
        "Instruction:\nAdd\n\n### Input:\n2, 2\n\n### Response:\n");
  const ChatRow plain = row(R"({"instruction": "Say hi", "input": "", "output": "hi"})");
  CHECK(plain.messages[0].content == "Say hi");
  CHECK(plain.prompt ==
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\nSay hi\n\n### Response:\n");
  CHECK(row(R"({"instruction": "Say hi", "output": "hi"})") == plain);
  CHECK(row(R"({"instruction": "Say hi", "input": null, "output": "hi"})") == plain);
  const ChatRow text = row(R"({"text": "once"})");
  CHECK(text.prompt.empty());
  CHECK(text.completion == "once");
}
