// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/data/labelled_tokens.hpp>
#include <octavo/generation/chat_template.hpp>
#include <octavo/runs/chat_rows.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// The targets that count: of a conversation the answers, each with the token that ends it, of a
/// prompt and its completion the completion; or every token.
enum class TrainOn { answers, all };

/// Turns rows into tokens and targets. A conversation is rendered by the model's chat template; its
/// answers are what the template writes after the beginning of an answer, up to and including the
/// end of the turn. What follows the last answer is left out. A plain text, and a completion, ends
/// with the token that ends a text. Alpaca's rows are conversations where there is a template, and
/// otherwise Alpaca's own prompt.
class ChatDocuments {
 public:
  /// The tokenizer must outlive this object. `begin`: the token that begins a text without a
  /// template, if the model has one.
  ChatDocuments(const AnyTokenizer& tokenizer, std::optional<ChatTemplate> chat,
                std::optional<Token> begin = std::nullopt, TrainOn train_on = TrainOn::answers)
      : tokenizer_(&tokenizer), chat_(std::move(chat)), begin_(begin), train_on_(train_on) {}

  /// DataError, UnknownSymbol or ConfigError if the row cannot be trained on: the template has no
  /// such conversation, a message has the name of a control token, or no target counts.
  LabelledTokens operator()(const ChatRow& row) const {
    const bool converses = !row.messages.empty() && !(row.instruction && !chat_);
    LabelledTokens document = converses ? conversation(row) : text(row);
    if (document.counted() == 0) throw DataError("it has no token to train on");
    return document;
  }

 private:
  /// Bytes of a text.
  struct Range {
    std::size_t begin, end;
  };

  std::vector<Token> encoded(std::string_view text, SpecialTokens special) const {
    return tokenizer_->encode(text, special);
  }

  /// Tokens, and whether each is a target.
  struct Marked {
    std::vector<Token> tokens;
    std::vector<bool> counts;

    void add(const std::vector<Token>& more, bool count) {
      tokens.insert(tokens.end(), more.begin(), more.end());
      counts.resize(tokens.size(), count);
    }
  };

  /// The tokens of a text, of which those in the ranges count. Tokens may cross the borders of the
  /// ranges; then the pieces between the borders are encoded alone, as in a conversation, where the
  /// model begins its answer after the tokens of what came before.
  Marked marked(std::string_view text, std::span<const Range> ranges, SpecialTokens special) const {
    Marked result;
    result.add(encoded(text, special), false);
    for (const Range& range : ranges) {
      const auto before = encoded(text.substr(0, range.begin), special);
      const auto through = encoded(text.substr(0, range.end), special);
      const bool exact = before.size() <= through.size() && is_prefix(before, result.tokens) &&
                         is_prefix(through, result.tokens);
      if (!exact) return in_pieces(text, ranges, special);
      std::fill(result.counts.begin() + std::ssize(before),
                result.counts.begin() + std::ssize(through), true);
    }
    return result;
  }

  static bool is_prefix(const std::vector<Token>& part, const std::vector<Token>& whole) {
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
  }

  Marked in_pieces(std::string_view text, std::span<const Range> ranges,
                   SpecialTokens special) const {
    Marked result;
    std::size_t at = 0;
    for (const Range& range : ranges) {
      result.add(encoded(text.substr(at, range.begin - at), special), false);
      result.add(encoded(text.substr(range.begin, range.end - range.begin), special), true);
      at = range.end;
    }
    result.add(encoded(text.substr(at), special), false);
    return result;
  }

  LabelledTokens finished(Marked all) const {
    if (train_on_ == TrainOn::all) all.counts.assign(all.tokens.size(), true);
    return labelled(all.tokens, all.counts);
  }

  LabelledTokens text(const ChatRow& row) const {
    const std::string whole = detail::concat({row.prompt, row.completion});
    const Range range{row.prompt.size(), whole.size()};
    Marked result;
    if (begin_) result.add({*begin_}, false);
    const Marked inner = marked(whole, {&range, 1}, SpecialTokens::as_text);
    result.tokens.insert(result.tokens.end(), inner.tokens.begin(), inner.tokens.end());
    result.counts.insert(result.counts.end(), inner.counts.begin(), inner.counts.end());
    if (const auto end = tokenizer_->end_token()) result.add({*end}, true);
    return finished(std::move(result));
  }

  LabelledTokens conversation(const ChatRow& row) const {
    if (!chat_) throw DataError("it is a conversation, and the model has no chat template");
    check_contents(row);
    const std::span<const ChatMessage> messages = row.messages;
    std::vector<Range> answers;
    std::string whole;
    for (std::size_t i = row.first_counted; i < messages.size(); ++i) {
      if (messages[i].role != "assistant") continue;
      const std::string before = chat_->render(messages.first(i), true);
      std::string through = chat_->render(messages.first(i + 1), false);
      if (!through.starts_with(before) || !through.starts_with(whole)) {
        throw DataError(detail::concat(
            {"message ", i + 1, ": the template writes what is before it in two ways"}));
      }
      answers.push_back({before.size(), end_of_answer(through, before.size())});
      whole = std::move(through);
    }
    if (train_on_ == TrainOn::all) {
      whole = chat_->render(messages, false);
    } else if (!answers.empty()) {
      whole.resize(answers.back().end);
    }
    return finished(marked(whole, answers, SpecialTokens::recognized));
  }

  /// Names of control tokens in a message would become control tokens.
  void check_contents(const ChatRow& row) const {
    for (const ChatMessage& message : row.messages) {
      for (const Token token : encoded(message.content, SpecialTokens::recognized)) {
        if (!is_special(*tokenizer_, token)) continue;
        throw DataError(detail::concat({"message ", &message - row.messages.data() + 1,
                                        " has the name of the control token ",
                                        printable(tokenizer_->decode(token))}));
      }
    }
  }

  /// The end of an answer's last token in a text that ends with its turn.
  std::size_t end_of_answer(std::string_view text, std::size_t begin) const {
    std::string_view name = chat_->end_of_turn();
    if (name.empty() && tokenizer_->end_token())
      name = tokenizer_->decode(*tokenizer_->end_token());
    const std::size_t at = name.empty() ? text.npos : text.rfind(name);
    return at == text.npos || at < begin ? text.size() : at + name.size();
  }

  const AnyTokenizer* tokenizer_;
  std::optional<ChatTemplate> chat_;
  std::optional<Token> begin_;
  TrainOn train_on_;
};

}  // namespace OCTAVO_NAMESPACE
