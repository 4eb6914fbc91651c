// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/generation/chat_template.hpp>
#include <octavo/generation/sampling.hpp>
#include <octavo/generation/text_stream.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/tokenizers/special_tokens.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// A conversation with a model. Its text is rendered by the model's template; of each turn only
/// what follows the text before it passes through the model, whose keys and values stay in the
/// generator's cache. What a message says is text: the name of a control token in it does not
/// become that token, so that no message can end its turn, or begin another's.
///
///     Chat chat(generator, tokenizer, ChatTemplate(text, "<s>", "</s>"), source.end_tokens());
///     chat.answer("Who are you?", 200, {.temperature = 0}, 1,
///                 [](std::string_view text) { std::cout << text; });
///
/// The generator and the tokenizer must outlive this object; nobody else may use the generator in
/// the meantime.
template <typename Generator, Tokenizer K>
class Chat {
 public:
  /// `end_tokens`: an answer ends before one of these, or before the template's end of a turn.
  Chat(Generator& generator, const K& tokenizer, ChatTemplate chat_template,
       std::vector<Token> end_tokens)
      : generator_(&generator),
        tokenizer_(&tokenizer),
        template_(std::move(chat_template)),
        end_tokens_(std::move(end_tokens)) {
    const std::vector<Token> end = encoded(template_.end_of_turn());
    if (end.size() == 1) end_tokens_.push_back(end.front());
  }

  const std::vector<ChatMessage>& messages() const noexcept { return messages_; }
  /// The conversation as the model reads it, without the beginning of an answer.
  std::string text() const { return template_.render(messages_, false); }

  /// Begins a new conversation, with the same system message.
  void reset() {
    std::erase_if(messages_, [](const ChatMessage& one) { return one.role != "system"; });
  }
  /// Begins a new conversation with this system message; empty: the template's, if it has one.
  /// ConfigError if the template has no system message.
  void set_system(std::string content) {
    std::vector<ChatMessage> messages;
    if (!content.empty()) messages.push_back({"system", std::move(content)});
    (void)template_.render(messages, false);
    messages_ = std::move(messages);
  }

  /// Adds a message of the user and the answer to it, of at most `count` tokens. `receive` is
  /// called with pieces of the answer, whole characters, and returns nothing, or false to end it.
  /// Equal seeds give equal answers. Returns the number of tokens that were read.
  template <typename Receive>
  Index answer(std::string question, Index count, const Sampling& sampling, std::uint64_t seed,
               Receive&& receive) {
    messages_.push_back({"user", std::move(question)});
    const Index tokens_read = read(template_.render_parts(messages_, true));
    std::string answer;
    bool wanted = true;
    TextStream stream(*tokenizer_, StopStrings{},
                      [&](std::string_view piece) {
                        answer += piece;
                        if constexpr (std::is_void_v<decltype(receive(piece))>) {
                          receive(piece);
                        } else {
                          wanted = receive(piece) && wanted;
                        }
                      },
                      {.end_tokens = end_tokens_});
    const CounterRandom random(seed, RandomStream::sampling);
    bool plain = true;
    for (Index i = 0; i < count && wanted; ++i) {
      const Token token = generator_->choose(sampling, random, static_cast<std::uint64_t>(i));
      if (!stream(token)) break;
      generator_->read({&token, 1});
      seen_ += tokenizer_->decode(token);
      plain = plain && !is_special(*tokenizer_, token);
    }
    stream.finish();
    if (!plain) seen_.clear();  // a token that the answer's text does not have
    messages_.push_back({"assistant", std::move(answer)});
    return tokens_read;
  }

 private:
  std::vector<Token> encoded(std::string_view text,
                             SpecialTokens special = SpecialTokens::recognized) const {
    if constexpr (requires { detail::encoded(*tokenizer_, text, special); }) {
      return detail::encoded(*tokenizer_, text, special);
    } else {
      return detail::encoded(*tokenizer_, text);
    }
  }

  /// The tokens of a conversation from its byte `from` on. As one text, as the model was trained,
  /// unless a message would make a control token: then the messages' parts are encoded as text.
  std::vector<Token> encoded(const detail::ChatText& chat, std::size_t from) const {
    std::vector<Token> parts;
    for (const auto& part : chat.parts) {
      if (part.end <= from) continue;
      const std::size_t begin = std::max(part.begin, from);
      const auto tokens =
          encoded(std::string_view(chat.text).substr(begin, part.end - begin),
                  part.of_message ? SpecialTokens::as_text : SpecialTokens::recognized);
      parts.insert(parts.end(), tokens.begin(), tokens.end());
    }
    std::vector<Token> whole = encoded(std::string_view(chat.text).substr(from));
    return special_of(whole) == special_of(parts) ? whole : parts;
  }

  std::vector<Token> special_of(std::span<const Token> tokens) const {
    std::vector<Token> special;
    std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(special),
                 [&](Token token) { return is_special(*tokenizer_, token); });
    return special;
  }

  /// Passes the text through the model, from where it goes on after what the model has read.
  Index read(const detail::ChatText& chat) {
    const bool goes_on = !seen_.empty() && chat.text.starts_with(seen_);
    if (!goes_on) {
      generator_->reset();
      seen_.clear();
    }
    const std::vector<Token> tokens = encoded(chat, seen_.size());
    generator_->read(tokens);
    seen_ = chat.text;
    return std::ssize(tokens);
  }

  Generator* generator_;
  const K* tokenizer_;
  ChatTemplate template_;
  std::vector<Token> end_tokens_;
  std::vector<ChatMessage> messages_;
  std::string seen_;  ///< what the model has read and written
};

}  // namespace OCTAVO_NAMESPACE
