// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tokenizers/bpe_tokenizer.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/tokenizers/chat_format.hpp>
#include <octavo/tokenizers/sentence_piece_tokenizer.hpp>
#include <octavo/tokenizers/special_tokens.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// The tokens that stand before and after each text that a model is given, such as "<s>". encode()
/// does not write them.
struct TextFrame {
  std::vector<Token> before{}, after{};

  friend bool operator==(const TextFrame&, const TextFrame&) = default;
};

/// A tokenizer whose kind is known only at run time, such as one read from a model file. A
/// character tokenizer whose alphabet is all 256 bytes becomes a ByteTokenizer, which has the same
/// tokens.
class AnyTokenizer {
 public:
  AnyTokenizer(CharacterTokenizer tokenizer) : tokenizer_(plainest(std::move(tokenizer))) {}
  AnyTokenizer(ByteTokenizer tokenizer) : tokenizer_(tokenizer) {}
  AnyTokenizer(BpeTokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}
  AnyTokenizer(SentencePieceTokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  /// The tokenizer if it has this type; null otherwise.
  template <typename K>
  const K* get_if() const noexcept {
    return std::get_if<K>(&tokenizer_);
  }
  /// Calls visitor(tokenizer) and returns its result.
  template <typename Visitor>
  decltype(auto) visit(Visitor&& visitor) const {
    if (const auto* const one = get_if<CharacterTokenizer>()) return visitor(*one);
    if (const auto* const one = get_if<ByteTokenizer>()) return visitor(*one);
    if (const auto* const one = get_if<BpeTokenizer>()) return visitor(*one);
    return visitor(
        std::get<SentencePieceTokenizer>(tokenizer_));  // std::visit would take longer to compile
  }

  Index vocabulary_size() const noexcept;
  std::size_t encode(std::string_view text, std::span<Token> out,
                     SpecialTokens special = SpecialTokens::as_text) const;
  std::vector<Token> encode(std::string_view text,
                            SpecialTokens special = SpecialTokens::as_text) const;
  std::string_view decode(Token token) const;
  /// The text of tokens, as a whole; see SentencePieceTokenizer::decode_text. Bytes that are not
  /// UTF-8 stay as they are in other encodings.
  std::string decode_text(std::span<const Token> tokens, bool with_special = false) const;
  /// The rest of a text that was cut at last_cut().
  std::size_t encode_rest(std::string_view text, std::span<Token> out) const;
  std::size_t most_tokens(std::size_t bytes) const noexcept;
  bool is_special(Token token) const;
  bool is_reserve(Token token) const;
  std::size_t first_unknown(std::string_view text) const;
  /// See CutsText.
  std::size_t last_cut(std::string_view text) const noexcept;

  /// The token that ends a text; nothing if the vocabulary has none.
  std::optional<Token> end_token() const;

  /// The tokens at which generation stops: those of the model's files, or the token that ends a
  /// text.
  std::vector<Token> end_tokens() const;
  /// Whether generation stops only at end_token().
  bool has_own_end() const noexcept { return !end_tokens_; }
  /// ConfigError if one is not a token of the vocabulary.
  void set_end_tokens(std::vector<Token> tokens);

  const TextFrame& frame() const noexcept { return frame_; }
  /// ConfigError if one is not a token of the vocabulary.
  void set_frame(TextFrame frame);

  const ChatFormat& chat() const noexcept { return chat_; }
  /// ConfigError if the begin token is not one of the vocabulary, or the template is longer than
  /// longest_chat_template.
  void set_chat(ChatFormat chat);

  friend bool operator==(const AnyTokenizer&, const AnyTokenizer&) = default;

 private:
  using One = std::variant<CharacterTokenizer, ByteTokenizer, BpeTokenizer, SentencePieceTokenizer>;

  static One plainest(CharacterTokenizer tokenizer);
  void require_tokens(const char* what, std::span<const Token> tokens) const;

  One tokenizer_;
  std::optional<std::vector<Token>> end_tokens_;  ///< if they are not just end_token()
  TextFrame frame_;
  ChatFormat chat_;
};

static_assert(Tokenizer<AnyTokenizer>);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE Index AnyTokenizer::vocabulary_size() const noexcept {
  return visit([](const auto& one) { return one.vocabulary_size(); });
}

OCTAVO_INLINE std::size_t AnyTokenizer::encode(std::string_view text, std::span<Token> out,
                                               SpecialTokens special) const {
  return visit([&](const auto& one) { return one.encode(text, out, special); });
}

OCTAVO_INLINE std::vector<Token> AnyTokenizer::encode(std::string_view text,
                                                      SpecialTokens special) const {
  return detail::encoded(*this, text, special);
}

OCTAVO_INLINE std::size_t AnyTokenizer::encode_rest(std::string_view text,
                                                    std::span<Token> out) const {
  return visit([&](const auto& one) { return detail::encode_rest(one, text, out); });
}

OCTAVO_INLINE std::size_t AnyTokenizer::most_tokens(std::size_t bytes) const noexcept {
  return visit([&](const auto& one) { return octavo::most_tokens(one, bytes); });
}

OCTAVO_INLINE std::string_view AnyTokenizer::decode(Token token) const {
  return visit([&](const auto& one) { return one.decode(token); });
}

OCTAVO_INLINE std::string AnyTokenizer::decode_text(std::span<const Token> tokens,
                                                    bool with_special) const {
  if (const auto* const pieces = get_if<SentencePieceTokenizer>()) {
    return pieces->decode_text(tokens, with_special);
  }
  std::string text;
  for (const Token token : tokens) {
    if (with_special || !is_special(token)) text += decode(token);
  }
  return text;
}

OCTAVO_INLINE bool AnyTokenizer::is_special(Token token) const {
  return visit([&](const auto& one) { return octavo::is_special(one, token); });
}

OCTAVO_INLINE bool AnyTokenizer::is_reserve(Token token) const {
  return visit([&](const auto& one) { return octavo::is_reserve(one, token); });
}

OCTAVO_INLINE std::size_t AnyTokenizer::first_unknown(std::string_view text) const {
  return visit([&](const auto& one) { return octavo::first_unknown(one, text); });
}

OCTAVO_INLINE std::size_t AnyTokenizer::last_cut(std::string_view text) const noexcept {
  return visit([&](const auto& one) {
    if constexpr (requires { one.last_cut(text); }) return one.last_cut(text);
    return text.size();
  });
}

OCTAVO_INLINE std::optional<Token> AnyTokenizer::end_token() const {
  return visit([](const auto& one) { return one.end_token(); });
}

OCTAVO_INLINE std::vector<Token> AnyTokenizer::end_tokens() const {
  if (end_tokens_) return *end_tokens_;
  const std::optional<Token> end = end_token();
  return end ? std::vector<Token>{*end} : std::vector<Token>{};
}

OCTAVO_INLINE void AnyTokenizer::set_end_tokens(std::vector<Token> tokens) {
  require_tokens("end token", tokens);
  end_tokens_.reset();
  if (tokens != end_tokens()) end_tokens_ = std::move(tokens);
}

OCTAVO_INLINE void AnyTokenizer::set_frame(TextFrame frame) {
  require_tokens("token before a text", frame.before);
  require_tokens("token after a text", frame.after);
  frame_ = std::move(frame);
}

OCTAVO_INLINE void AnyTokenizer::set_chat(ChatFormat chat) {
  if (chat.begin_token) require_tokens("begin token", {&*chat.begin_token, 1});
  require(chat.chat_template.size() <= longest_chat_template, [&] {
    return detail::concat({"chat template: got ", chat.chat_template.size(),
                           " bytes, expected at most ", longest_chat_template});
  });
  chat_ = std::move(chat);
}

OCTAVO_INLINE void AnyTokenizer::require_tokens(const char* what,
                                                std::span<const Token> tokens) const {
  for (const Token token : tokens) {
    require(token >= 0 && token < vocabulary_size(), [&] {
      return detail::concat({what, ": got ", token, ", expected 0 to ", vocabulary_size() - 1});
    });
  }
}

OCTAVO_INLINE AnyTokenizer::One AnyTokenizer::plainest(CharacterTokenizer tokenizer) {
  const bool has_end = tokenizer.end_token().has_value();
  const bool all_bytes = tokenizer.bytes() == ByteTokenizer::bytes() && !tokenizer.has_unknown() &&
                         tokenizer.piece_count() == 0 &&
                         tokenizer.vocabulary_size() == (has_end ? 257 : 256);
  if (!all_bytes) return tokenizer;
  return has_end ? ByteTokenizer().with_end_token() : ByteTokenizer();
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
