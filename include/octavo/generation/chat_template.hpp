// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>

namespace OCTAVO_NAMESPACE {

/// A message of a conversation.
struct ChatMessage {
  std::string role;  ///< "system" (only the first), "user" or "assistant"
  std::string content;

  friend bool operator==(const ChatMessage&, const ChatMessage&) = default;
};

namespace detail {

inline constexpr std::string_view blanks = " \t\n\v\f\r";

inline std::string_view without_last_blanks(std::string_view text) noexcept {
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}
inline std::string_view trimmed(std::string_view text) noexcept {
  text = without_last_blanks(text);
  return text.substr(std::min(text.find_first_not_of(blanks), text.size()));
}

/// A conversation as text, with the places of what its messages say: there a control token's name
/// is only text.
struct ChatText {
  struct Part {
    std::size_t begin = 0, end = 0;  ///< bytes
    bool of_message = false;         ///< otherwise the template's
  };

  std::string text;
  std::vector<Part> parts;  ///< one after the other, without empty ones

  void add(std::string_view piece, bool of_message) {
    if (piece.empty()) return;
    if (parts.empty() || parts.back().of_message != of_message) {
      parts.push_back({text.size(), text.size(), of_message});
    }
    text += piece;
    parts.back().end = text.size();
  }
};

/// How a family writes a conversation.
enum class ChatLayout { chatml, llama2, mistral, phi3, zephyr, gemma, llama3 };

/// The layout of a Jinja template, recognised by its control tokens, in the order of llama.cpp
/// (src/llama-chat.cpp).
inline std::optional<ChatLayout> chat_layout_of(std::string_view text) noexcept {
  const auto has = [&](std::string_view part) { return text.find(part) != text.npos; };
  if (has("<|im_start|>")) {
    if (has("<|im_sep|>")) return std::nullopt;
    return ChatLayout::chatml;
  }
  if (has("[INST]")) {
    if (has("<<SYS>>")) return ChatLayout::llama2;
    if (has("[SYSTEM_PROMPT]")) return std::nullopt;
    return ChatLayout::mistral;
  }
  if (has("[gMASK]")) return std::nullopt;
  if (has("<|assistant|>") && has("<|end|>")) return ChatLayout::phi3;
  if (has("<|assistant|>") && has("<|user|>")) return ChatLayout::zephyr;
  if (has("<start_of_turn>")) return ChatLayout::gemma;
  if (has("<|start_header_id|>") && has("<|end_header_id|>")) return ChatLayout::llama3;
  return std::nullopt;
}

}  // namespace detail

/// A model's chat template: turns a conversation into the text that the model was trained to
/// continue with an answer. The template, a program in Jinja, is not run: it is recognised as one
/// of ChatML (SmolLM2, Qwen), Llama 2, Llama 3, Mistral, Gemma, Phi-3 and Zephyr (TinyLlama), and
/// the details in which members of these families differ are read from it: a default system
/// message, blanks, whether a conversation begins with a token. The text has the names of control
/// tokens; encode it with SpecialTokens::recognized and without a token at the beginning.
class ChatTemplate {
 public:
  /// `text`: the template. `begin`, `end`: the names of the tokens that begin and end a text (the
  /// template's bos_token and eos_token). Error of code bad_data for an unknown template.
  ChatTemplate(std::string_view text, std::string_view begin, std::string_view end)
      : end_(end), thinks_(text.find("</think>") != text.npos) {
    const auto layout = detail::chat_layout_of(text);
    if (!layout) {
      throw Error(ErrorCode::bad_data,
                  "the model's chat template is none that Octavo knows (ChatML, Llama 2 and 3, "
                  "Mistral, Gemma, Phi-3, Zephyr)",
                  "use the model without its template");
    }
    layout_ = *layout;
    const auto has = [&](std::string_view part) { return text.find(part) != text.npos; };
    if (has("bos_token")) begin_ = begin;
    default_system_ = default_system(text);
    dated_ = has("Cutting Knowledge Date: December 2023");
    refuses_system_ = has("System role not supported");
    blank_before_answer_ = has("' ' + message['content']") || has("\" \" + message[\"content\"]");
    blank_after_answer_ = has("eos_token + ' '") || has("eos_token + \" \"");
    blank_after_instruction_ = !has("'[INST]'") && !has("\"[INST]\"");
  }

  /// The conversation as text; with `answer` it ends where an answer of the assistant begins.
  /// ConfigError unless a system message, if there is one, comes first and user and assistant
  /// then take turns, the user first; or if the model knows no system messages.
  std::string render(std::span<const ChatMessage> messages, bool answer) const {
    return render_parts(messages, answer).text;
  }

  /// As above, and which of it the messages say.
  detail::ChatText render_parts(std::span<const ChatMessage> messages, bool answer) const {
    check(messages);
    std::string_view system = default_system_;
    bool has_system = !default_system_.empty() || dated_;
    if (!messages.empty() && messages.front().role == "system") {
      system = messages.front().content;
      has_system = true;
      messages = messages.subspan(1);
    }
    detail::ChatText text;
    if (layout_ != detail::ChatLayout::llama2) text.add(begin_, false);
    if (has_system && !joins_system()) add_system_turn(system, text);
    const bool joined = has_system && joins_system();
    for (const ChatMessage& message : messages) {
      const bool first = &message == messages.data();
      add_turn(message, joined && first ? std::optional(system) : std::nullopt, text);
    }
    if (answer) text.add(answer_begins(), false);
    return text;
  }

  /// What a model writes after its answer, a control token; empty if it is the token that ends a
  /// text.
  std::string_view end_of_turn() const noexcept {
    switch (layout_) {
      case detail::ChatLayout::chatml:
        return "<|im_end|>";
      case detail::ChatLayout::phi3:
        return "<|end|>";
      case detail::ChatLayout::gemma:
        return "<end_of_turn>";
      case detail::ChatLayout::llama3:
        return "<|eot_id|>";
      default:
        return {};
    }
  }

 private:
  using Layout = detail::ChatLayout;

  /// The system message of ChatML's templates for conversations without one:
  /// '<|im_start|>system\nTHIS<|im_end|>', its line end as Jinja's source has it.
  static std::string default_system(std::string_view text) {
    constexpr std::string_view before = "<|im_start|>system\\n";
    for (std::size_t at = text.find(before); at != text.npos; at = text.find(before, at + 1)) {
      const std::string_view rest = text.substr(at + before.size());
      const std::string_view found = rest.substr(0, rest.find_first_of("'\"{}<\\"));
      if (!found.empty() && rest.substr(found.size()).starts_with("<|im_end|>")) {
        return std::string(found);
      }
    }
    return {};
  }

  void check(std::span<const ChatMessage> messages) const {
    const bool system = !messages.empty() && messages.front().role == "system";
    require(!system || !refuses_system_, "the model's chat template has no system message");
    for (std::size_t i = system ? 1 : 0; i < messages.size(); ++i) {
      const std::string_view expected = (i % 2 == 0) == system ? "assistant" : "user";
      require(messages[i].role == expected, [&] {
        return detail::concat({"message ", i + 1, ": its role is ", printable(messages[i].role),
                               ", expected '", expected, "'"});
      });
    }
  }

  /// Whether a system message is a part of the first message of the user.
  bool joins_system() const noexcept {
    return layout_ == Layout::llama2 || layout_ == Layout::mistral || layout_ == Layout::gemma;
  }

  void add_system_turn(std::string_view system, detail::ChatText& text) const {
    const Around around = around_turn("system");
    text.add(around.before, false);
    if (dated_) {
      text.add("Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n", false);
    }
    text.add(layout_ == Layout::llama3 ? detail::trimmed(system) : system, true);
    text.add(around.after, false);
  }

  /// One message; `system` is a part of it.
  void add_turn(const ChatMessage& message, std::optional<std::string_view> system,
                detail::ChatText& text) const {
    const bool answer = message.role == "assistant";
    std::string_view content = message.content;
    if (answer && thinks_) content = without_thoughts(content);
    const bool trims =
        layout_ == Layout::llama2 || layout_ == Layout::gemma || layout_ == Layout::llama3;
    const bool tagged = system && layout_ == Layout::llama2;
    if (trims) content = tagged ? detail::without_last_blanks(content) : detail::trimmed(content);
    const Around around = around_turn(message.role);
    text.add(around.before, false);
    if (system) {
      text.add(tagged ? "<<SYS>>\n" : "", false);
      text.add(*system, true);
      text.add(tagged ? "\n<</SYS>>" : "", false);
      text.add(tagged && content.empty() ? "" : "\n\n", false);
    }
    text.add(content, true);
    text.add(around.after, false);
  }

  /// What stands before and after the content of a message.
  struct Around {
    std::string before, after;
  };
  Around around_turn(std::string_view role) const {
    using detail::concat;
    const bool answer = role == "assistant";
    switch (layout_) {
      case Layout::chatml:
        return {concat({"<|im_start|>", role, "\n"}), "<|im_end|>\n"};
      case Layout::llama2:
        if (answer) return {" ", concat({" ", end_})};
        return {concat({begin_, "[INST] "}), " [/INST]"};
      case Layout::mistral:
        if (answer) {
          return {blank_before_answer_ ? " " : "", concat({end_, blank_after_answer_ ? " " : ""})};
        }
        return blank_after_instruction_ ? Around{"[INST] ", " [/INST]"}
                                        : Around{"[INST]", "[/INST]"};
      case Layout::phi3:
        return {concat({"<|", role, "|>\n"}), "<|end|>\n"};
      case Layout::zephyr:
        return {concat({"<|", role, "|>\n"}), concat({end_, "\n"})};
      case Layout::gemma:
        return {concat({"<start_of_turn>", answer ? "model" : "user", "\n"}), "<end_of_turn>\n"};
      case Layout::llama3:
        break;
    }
    return {concat({"<|start_header_id|>", role, "<|end_header_id|>\n\n"}), "<|eot_id|>"};
  }

  std::string answer_begins() const {
    switch (layout_) {
      case Layout::chatml:
        return "<|im_start|>assistant\n";
      case Layout::phi3:
      case Layout::zephyr:
        return "<|assistant|>\n";
      case Layout::gemma:
        return "<start_of_turn>model\n";
      case Layout::llama3:
        return "<|start_header_id|>assistant<|end_header_id|>\n\n";
      default:
        return {};
    }
  }

  /// Earlier answers are repeated without what the model thought before them (Qwen3).
  static std::string_view without_thoughts(std::string_view content) noexcept {
    constexpr std::string_view end = "</think>";
    const std::size_t at = content.rfind(end);
    if (at == content.npos) return content;
    content.remove_prefix(at + end.size());
    content.remove_prefix(std::min(content.find_first_not_of('\n'), content.size()));
    return content;
  }

  Layout layout_{};
  std::string begin_;
  std::string end_;
  std::string default_system_;
  bool thinks_ = false;
  bool dated_ = false;
  bool refuses_system_ = false;
  bool blank_before_answer_ = false;
  bool blank_after_answer_ = false;
  bool blank_after_instruction_ = false;
};

}  // namespace OCTAVO_NAMESPACE
