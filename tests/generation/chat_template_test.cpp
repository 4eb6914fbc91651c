// SPDX-License-Identifier: MIT
// Conversations beside what Jinja2 makes of templates of models (reference/chat_templates.py).
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <octavo/generation/chat_template.hpp>

using namespace octavo;

namespace {

nlohmann::json fixtures() {
  std::ifstream file(OCTAVO_TEST_REFERENCE_FOLDER "/chat_templates.json");
  return nlohmann::json::parse(file);
}

std::string failure(const ChatTemplate& chat, const std::vector<ChatMessage>& messages) {
  try {
    chat.render(messages, true);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("conversations are rendered as Jinja2 renders them") {
  int rendered = 0;
  for (const auto& fixture : fixtures()) {
    const auto name = fixture["name"].get<std::string>();
    CAPTURE(name);
    const ChatTemplate chat(fixture["template"].get<std::string>(),
                            fixture["begin"].get<std::string>(), fixture["end"].get<std::string>());
    for (const auto& one : fixture["rendered"]) {
      std::vector<ChatMessage> messages;
      for (const auto& message : one["messages"]) {
        messages.push_back(
            {message["role"].get<std::string>(), message["content"].get<std::string>()});
      }
      CHECK(chat.render(messages, one["answer"].get<bool>()) == one["text"].get<std::string>());
      ++rendered;
    }
  }
  CHECK(rendered == 59);
}

TEST_CASE("an answer ends at the family's control token") {
  const auto end = [](std::string_view text) {
    return std::string(ChatTemplate(text, "<s>", "</s>").end_of_turn());
  };
  CHECK(end("<|im_start|>") == "<|im_end|>");
  CHECK(end("[INST]") == "");
  CHECK(end("<|assistant|><|end|>") == "<|end|>");
  CHECK(end("<|assistant|><|user|>") == "");
  CHECK(end("<start_of_turn>") == "<end_of_turn>");
  CHECK(end("<|start_header_id|><|end_header_id|>") == "<|eot_id|>");
}

TEST_CASE("templates of other families are refused") {
  for (const char* text : {"", "{{ messages }}", "<|im_start|><|im_sep|>", "[gMASK]<|assistant|>",
                           "[INST][SYSTEM_PROMPT]", "<|start_header_id|>"}) {
    CHECK_THROWS_AS(ChatTemplate(text, "<s>", "</s>"), Error);
  }
}

TEST_CASE("messages that are out of turn are refused by number") {
  const ChatTemplate chat("<|im_start|>", "", "");
  CHECK(failure(chat, {{"user", "a"}}) == "");
  CHECK(failure(chat, {{"assistant", "a"}}) ==
        "message 1: its role is 'assistant', expected 'user'");
  CHECK(failure(chat, {{"user", "a"}, {"user", "b"}}) ==
        "message 2: its role is 'user', expected 'assistant'");
  CHECK(failure(chat, {{"system", "s"}, {"user", "a"}, {"tool", "b"}}) ==
        "message 3: its role is 'tool', expected 'assistant'");
  CHECK(failure(chat, {{"user", "a"}, {"system", "s"}}) ==
        "message 2: its role is 'system', expected 'assistant'");
  const ChatTemplate gemma("<start_of_turn> System role not supported", "<bos>", "<eos>");
  CHECK(failure(gemma, {{"system", "s"}, {"user", "a"}}) ==
        "the model's chat template has no system message");
}

TEST_CASE("what the messages say is told from the template's text") {
  for (const auto& fixture : fixtures()) {
    const ChatTemplate chat(fixture["template"].get<std::string>(),
                            fixture["begin"].get<std::string>(), fixture["end"].get<std::string>());
    const bool refuses = fixture["template"].get<std::string>().find("System role not supported") !=
                         std::string::npos;
    std::vector<ChatMessage> messages{{"user", "U"}, {"assistant", "A"}, {"user", "V"}};
    if (!refuses) messages.insert(messages.begin(), {"system", "S"});
    const detail::ChatText text = chat.render_parts(messages, true);
    CHECK(text.text == chat.render(messages, true));
    std::string said;
    std::size_t end = 0;
    for (const auto& part : text.parts) {
      CHECK(part.begin == end);
      CHECK(part.end > part.begin);
      end = part.end;
      if (part.of_message) said += text.text.substr(part.begin, part.end - part.begin);
    }
    CHECK(end == text.text.size());
    CHECK(said == (refuses ? "UAV" : "SUAV"));
  }
}
