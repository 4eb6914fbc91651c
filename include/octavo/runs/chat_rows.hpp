// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/generation/chat_template.hpp>

// The forms in which texts for fine-tuning come.
namespace OCTAVO_NAMESPACE {

/// One row of a file for fine-tuning.
struct ChatRow {
  std::vector<ChatMessage> messages;  ///< of a conversation; empty: `prompt` and `completion`
  /// The messages from this one on may count in the loss.
  std::size_t first_counted = 0;
  std::string prompt;        ///< the beginning of a text, which does not count
  std::string completion;    ///< the rest of it, or all of it
  bool instruction = false;  ///< two messages made of an instruction and its answer

  friend bool operator==(const ChatRow&, const ChatRow&) = default;
};

namespace detail {

using RowJson = JsonObject::Json;

[[noreturn]] inline void refuse_row(const std::string& place, const RowJson& got,
                                    const std::string& expected) {
  throw DataError(concat({place, ": got ", JsonObject::shown(got), ", expected ", expected}));
}

/// The text in a field, which must exist; and, unless `may_be_empty`, have a character.
inline std::string row_text(const RowJson& row, const char* key, const std::string& place,
                            bool may_be_empty = false) {
  const auto found = row.find(key);
  if (found == row.end()) throw DataError(concat({place, "'", key, "' is missing"}));
  if (!found->is_string()) refuse_row(concat({place, "'", key, "'"}), *found, "a text");
  auto text = found->get<std::string>();
  if (text.empty() && !may_be_empty) throw DataError(concat({place, "'", key, "' is empty"}));
  return text;
}

/// The names of roles in files, and the roles that they mean. `sharegpt`: those of "from".
struct RoleName {
  std::string_view name, role;
  bool sharegpt = false;
};
inline constexpr std::array<RoleName, 8> role_names{{{"system", "system"},
                                                     {"user", "user"},
                                                     {"assistant", "assistant"},
                                                     {"system", "system", true},
                                                     {"human", "user", true},
                                                     {"user", "user", true},
                                                     {"gpt", "assistant", true},
                                                     {"assistant", "assistant", true}}};

/// The messages in a list. System, user and assistant take turns, as ChatTemplate wants it.
inline std::vector<ChatMessage> row_messages(const RowJson& list, const char* key, bool sharegpt) {
  if (!list.is_array()) refuse_row(concat({"'", key, "'"}), list, "a list of messages");
  if (list.empty()) throw DataError(concat({"'", key, "' is empty"}));
  std::vector<ChatMessage> messages;
  for (const RowJson& one : list) {
    const std::string place = concat({"message ", messages.size() + 1, ": "});
    if (!one.is_object()) {
      refuse_row(concat({"message ", messages.size() + 1}), one, "an object");
    }
    const std::string name = row_text(one, sharegpt ? "from" : "role", place);
    std::string_view role;
    std::string known;
    for (const RoleName& each : role_names) {
      if (each.sharegpt != sharegpt) continue;
      if (each.name == name) role = each.role;
      known += concat({known.empty() ? "'" : ", '", each.name, "'"});
    }
    if (role.empty()) {
      throw DataError(concat({place, "'", (sharegpt ? "from" : "role"), "': got ", printable(name),
                              ", expected one of ", known}));
    }
    messages.push_back({std::string(role),
                        row_text(one, sharegpt ? "value" : "content", place, role != "assistant")});
  }
  return messages;
}

inline void require_answer(const std::vector<ChatMessage>& messages, std::size_t first) {
  for (std::size_t i = first; i < messages.size(); ++i) {
    if (messages[i].role == "assistant") return;
  }
  throw DataError("got no message by the assistant, expected one or more");
}

inline ChatRow conversation(std::vector<ChatMessage> messages, std::size_t first = 0) {
  require_answer(messages, first);
  ChatRow row;
  row.messages = std::move(messages);
  row.first_counted = first;
  return row;
}

/// {"prompt", "completion"}, both texts or both lists of messages.
inline ChatRow prompt_row(const RowJson& json) {
  if (!json.contains("completion")) throw DataError("'completion' is missing");
  const RowJson& prompt = json["prompt"];
  if (!prompt.is_array()) {
    ChatRow row;
    row.prompt = row_text(json, "prompt", "", true);
    row.completion = row_text(json, "completion", "");
    return row;
  }
  auto messages = row_messages(prompt, "prompt", false);
  const std::size_t first = messages.size();
  const auto answers = row_messages(json["completion"], "completion", false);
  messages.insert(messages.end(), answers.begin(), answers.end());
  return conversation(std::move(messages), first);
}

/// {"instruction", "input", "output"}; the input may be empty or missing.
inline ChatRow instruction_row(const RowJson& json) {
  const std::string instruction = row_text(json, "instruction", "");
  const auto input = json.find("input");
  const bool none = input == json.end() || input->is_null();
  const std::string context = none ? std::string() : row_text(json, "input", "", true);
  const std::string user = context.empty() ? instruction : concat({instruction, "\n\n", context});
  ChatRow row = conversation({{"user", user}, {"assistant", row_text(json, "output", "")}});
  row.instruction = true;
  const bool has = !context.empty();
  row.prompt =
      concat({"Below is an instruction that describes a task",
              (has ? ", paired with an input that "
                     "provides further context"
                   : ""),
              ". Write a response that appropriately completes the request.\n\n### Instruction:\n",
              instruction, (has ? "\n\n### Input:\n" : ""), context, "\n\n### Response:\n"});
  row.completion = row.messages[1].content;
  return row;
}

}  // namespace detail

/// The row that a JSON object is, by the first of these forms whose name it has: "messages" (with
/// "role" and "content"), "conversations" (ShareGPT's "from" and "value"), "prompt" and
/// "completion" (texts or messages), "instruction", "input" and "output" (Alpaca), "text". Other
/// names are ignored. DataError, naming the field, for anything else.
inline ChatRow chat_row_of(const nlohmann::json& json) {
  using namespace detail;
  if (json.contains("messages")) {
    return conversation(row_messages(json["messages"], "messages", false));
  }
  if (json.contains("conversations")) {
    return conversation(row_messages(json["conversations"], "conversations", true));
  }
  if (json.contains("prompt")) return prompt_row(json);
  if (json.contains("instruction")) return instruction_row(json);
  if (!json.contains("text")) {
    throw DataError(
        "it has none of 'messages', 'conversations', 'prompt', 'instruction' and 'text'");
  }
  ChatRow row;
  row.completion = row_text(json, "text", "");
  return row;
}

}  // namespace OCTAVO_NAMESPACE
