// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/tokenizers/bpe_merges.hpp>
#include <octavo/tokenizers/character_pairs.hpp>
#include <octavo/tokenizers/piece_cache.hpp>
#include <octavo/tokenizers/sentence_piece_vocabulary.hpp>
#include <octavo/tokenizers/special_tokens.hpp>
#include <octavo/tokenizers/token_texts.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// SentencePiece's byte-pair encoding (Kudo & Richardson 2018), of Llama 2, TinyLlama, Mistral and
/// Gemma: pairs of neighbouring tokens are merged, starting from single characters; spaces are
/// characters as others are. A character without a token is encoded as its bytes, if these have
/// tokens, or as the unknown token.
class SentencePieceTokenizer {
 public:
  /// ConfigError, naming the token or merge, unless all tokens are distinct, normal tokens are
  /// UTF-8, merges join tokens into an existing one, and characters without a token have bytes, all
  /// 256 of them, or the unknown token.
  explicit SentencePieceTokenizer(const SentencePieceVocabulary& vocabulary);

  Index vocabulary_size() const noexcept { return std::ssize(kinds_); }
  TokenKind kind(Token token) const { return kinds_[checked(token)]; }
  bool is_special(Token token) const {
    const TokenKind what = kind(token);
    return what == TokenKind::control || what == TokenKind::unknown || what == TokenKind::unused;
  }
  bool is_reserve(Token token) const { return kind(token) == TokenKind::unused; }
  const std::map<Token, NameRule>& rules() const noexcept { return rules_; }
  std::span<const BpeMerge> merges() const noexcept { return merges_; }
  std::span<const float> scores() const noexcept { return scores_; }
  SpacePrefix prefix() const noexcept { return prefix_; }
  /// Whether each byte has a token.
  bool has_bytes() const noexcept { return has_bytes_; }

  /// The vocabulary, as given to the constructor.
  SentencePieceVocabulary vocabulary() const;
  /// A token's text in the vocabulary: spaces are U+2581, bytes are "<0x0A>".
  std::string_view piece(Token token) const {
    return pieces_.view(static_cast<Token>(checked(token)));
  }

  /// The control token "</s>", "<eos>", "<|endoftext|>" or "<|end_of_text|>", or the only one.
  std::optional<Token> end_token() const;

  /// The most tokens of a text of so many bytes: a space may be put before each part.
  std::size_t most_tokens(std::size_t bytes) const noexcept { return 2 * bytes + 1; }

  /// Allocates only for words of more than 64 characters (without a place at which no merge can
  /// cross: a long line of one letter is one word), and where names are searched in changed text.
  std::size_t encode(std::string_view text, std::span<Token> out,
                     SpecialTokens special = SpecialTokens::as_text) const {
    return encode_from(text, out, special, true);
  }
  std::vector<Token> encode(std::string_view text,
                            SpecialTokens special = SpecialTokens::as_text) const {
    return detail::encoded(*this, text, special);
  }
  /// Encodes the rest of a text that was cut (see last_cut): no space is put before it.
  std::size_t encode_rest(std::string_view text, std::span<Token> out,
                          SpecialTokens special = SpecialTokens::as_text) const {
    return encode_from(text, out, special, false);
  }

  /// The bytes of a token of the text, with spaces; the name of any other token.
  std::string_view decode(Token token) const {
    return texts_.view(static_cast<Token>(checked(token)));
  }

  /// The text of tokens as Hugging Face's decoder gives it: without the space that was put before
  /// it, and with a U+FFFD for each byte of neighbouring byte tokens that are not UTF-8 together.
  std::string decode_text(std::span<const Token> tokens, bool with_special = false) const;

  /// The offset of the first character without a token, if bytes have none; npos otherwise.
  std::size_t first_unknown(std::string_view text) const noexcept;

  /// See CutsText; the rest of the text must be encoded by encode_rest.
  std::size_t last_cut(std::string_view text) const noexcept;

  /// Bytes on the heap.
  std::size_t memory_bytes() const noexcept {
    return pieces_.memory_bytes() + texts_.memory_bytes() + sizeof(TokenKind) * kinds_.size() +
           sizeof(BpeMerge) * merges_.size() + sizeof(float) * scores_.size() +
           pairs_.memory_bytes() + within_.memory_bytes() + names_.memory_bytes() +
           late_names_.memory_bytes();
  }

  friend bool operator==(const SentencePieceTokenizer& a,
                         const SentencePieceTokenizer& b) noexcept {
    return a.pieces_ == b.pieces_ && a.kinds_ == b.kinds_ && a.merges_ == b.merges_ &&
           a.scores_ == b.scores_ && a.rules_ == b.rules_ && a.prefix_ == b.prefix_ &&
           a.strip_space_ == b.strip_space_ && a.fuse_unknown_ == b.fuse_unknown_;
  }

 private:
  static constexpr Token no_token = detail::TokenTexts::none;

  std::size_t checked(Token token) const {
    require(token >= 0 && token < vocabulary_size(), [&] {
      return detail::concat(
          {"decode: got token ", token, ", expected 0 to ", vocabulary_size() - 1});
    });
    return static_cast<std::size_t>(token);
  }
  std::string named(Token token) const {
    return detail::concat({"vocabulary: token ", token, ", ", printable(pieces_.view(token)), ","});
  }

  // --- Encoding ---------------------------------------------------------------------------------

  std::size_t encode_from(std::string_view text, std::span<Token> out, SpecialTokens special,
                          bool at_start) const;
  /// Encodes a text without names, with a space before it if `prefix`.
  std::size_t encode_text(std::string_view text, std::span<Token> out, bool prefix) const;
  /// As encode_text for a long text, from `begin` on, after `count` tokens.
  std::size_t encode_remembering(std::string_view text, std::size_t begin, std::span<Token> out,
                                 std::size_t count) const;
  /// The end of the characters from `begin` on that merges may join.
  std::size_t word_end(std::string_view text, std::size_t begin) const noexcept;
  std::size_t encode_word(std::string_view word, std::span<Token> out) const {
    if (const Token token = texts_.find(word); token != no_token) {
      out[0] = token;
      return 1;
    }
    return merge_characters(word, out, false);
  }
  /// The tokens of a word, after a space if `prefix`.
  std::size_t merge_characters(std::string_view word, std::span<Token> out, bool prefix) const;
  std::size_t append_character(std::string_view character, std::uint32_t code,
                               std::span<Token> out) const noexcept;
  /// The tokens of a character without a token.
  std::size_t append_bytes(std::string_view character, std::span<Token> out) const noexcept;
  /// Replaces symbols that are not tokens.
  std::size_t without_hidden(std::span<Token> out, std::size_t count) const;
  /// Joins neighbouring unknown tokens; returns the new number of tokens.
  std::size_t fused(std::span<Token> tokens) const noexcept;
  bool puts_space(std::string_view text, bool at_start) const noexcept {
    if (text.empty() || prefix_ == SpacePrefix::never) return false;
    const bool first = prefix_ == SpacePrefix::first || prefix_ == SpacePrefix::first_spared;
    const bool spared = prefix_ >= SpacePrefix::first_spared;
    const bool space = text.starts_with(' ') || text.starts_with(space_mark);
    return (at_start || !first) && !(spared && space);
  }

  // --- Construction -----------------------------------------------------------------------------

  void add_tokens(const SentencePieceVocabulary& vocabulary);
  void find_bytes();
  void add_merges();
  void add_scored_pairs();
  void keep_reachable();
  void find_names();
  /// The symbol of a text: a normal token; for a character without a token, if `hidden`, a symbol
  /// beyond the vocabulary.
  Token symbol_of(std::string_view text, bool hidden);

  detail::TokenTexts pieces_;  ///< as in the vocabulary
  detail::TokenTexts texts_;   ///< with spaces; its table: what a word with these bytes becomes
  std::vector<TokenKind> kinds_;
  std::vector<BpeMerge> merges_;
  std::vector<float> scores_;
  std::map<Token, NameRule> rules_;
  SpacePrefix prefix_;
  bool strip_space_, fuse_unknown_;
  bool has_bytes_ = false;
  Token unknown_ = no_token;
  std::array<Token, 256> token_of_byte_{};
  std::array<Token, 128> ascii_{};                    ///< the tokens of ASCII characters
  std::map<std::string, Token, std::less<>> hidden_;  ///< characters that only scored pairs have
  std::vector<std::string> hidden_texts_;
  BpeMerges pairs_;
  detail::CharacterPairs within_;
  detail::TokenNames names_, late_names_;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES
#include <octavo/tokenizers/sentence_piece_encoding.inc>
#include <octavo/tokenizers/sentence_piece_setup.inc>
#endif
