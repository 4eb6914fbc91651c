// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/tokenizers/alphabet_finder.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_pieces.hpp>
#include <octavo/tokenizers/special_tokens.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// Whether token 0 stands for every byte that has no token.
enum class UnknownToken { included, excluded };

/// The alphabet that a character tokenizer is made from.
struct CharacterAlphabet {
  std::string_view bytes;       ///< distinct; each is a token, in this order
  std::string_view characters;  ///< distinct, of two to four bytes each, in UTF-8
};

/// One token per character: per code point of UTF-8, and per byte that belongs to no code point.
/// The tokens in order: the unknown token, if there is one; the bytes; the longer characters in
/// increasing order; the token that ends a text; tokens in reserve.
///
/// A character of more than one byte is merged from its bytes: the first two, then these and the
/// third, and so on. The prefixes on the way ("\xe2" and "\xe2\x82" of "\xe2\x82\xac") are tokens
/// too and come before the characters that start with them. This makes it a byte-level byte-pair
/// encoding whose merges never cross a character, which Hugging Face's files and GGUF can express.
/// Characters outside the alphabet are encoded as the longest prefixes and bytes that are tokens;
/// the unknown token stands for each byte that is not a token.
class CharacterTokenizer {
 public:
  /// The text that decoding gives for the unknown token.
  static constexpr std::string_view unknown_text = "?";
  /// The name of the token that ends a text.
  static constexpr std::string_view end_name = ByteTokenizer::end_name;

  /// The alphabet is the distinct characters of `text`, as found by AlphabetFinder.
  static CharacterTokenizer from_text(std::string_view text,
                                      UnknownToken unknown = UnknownToken::included);

  /// A fixed alphabet, given as a text of distinct characters. If `vocabulary_size` exceeds the
  /// tokens in use, the rest are in reserve; 0: no reserve. ConfigError if a character occurs twice
  /// or the vocabulary is too small.
  constexpr explicit CharacterTokenizer(std::string_view alphabet,
                                        UnknownToken unknown = UnknownToken::included,
                                        Index vocabulary_size = 0)
      : first_(unknown == UnknownToken::included ? 1 : 0) {
    token_of_.fill(-1);
    bool longer = false;
    for (std::size_t at = 0; at < alphabet.size();) {
      const std::size_t length = character_length(alphabet.substr(at));
      if (length == 1) add_byte(alphabet[at]);
      longer = longer || length > 1;
      at += length;
    }
    if (longer) add_characters(alphabet);
    set_size(vocabulary_size);
  }

  /// As above, from the parts of an alphabet. ConfigError also if `characters` has a byte that
  /// belongs to no character of two bytes or more.
  explicit CharacterTokenizer(const CharacterAlphabet& alphabet, UnknownToken unknown,
                              Index vocabulary_size = 0);

  /// This tokenizer with a token that ends a text, "<|endoftext|>", which never results from text.
  /// It takes the first token in reserve, or is added as the last token if there is no reserve.
  CharacterTokenizer with_end_token() const;

  constexpr Index vocabulary_size() const noexcept { return vocabulary_size_; }
  constexpr bool has_unknown() const noexcept { return first_ == 1; }
  /// The token that ends a text; nothing if there is none.
  constexpr std::optional<Token> end_token() const noexcept {
    return has_end_ ? std::optional(static_cast<Token>(symbol_end())) : std::nullopt;
  }
  /// The bytes that are tokens, in the order of the tokens.
  constexpr std::string_view bytes() const noexcept {
    return {symbols_.data(), static_cast<std::size_t>(size_)};
  }
  /// The first of the tokens of two to four bytes, and their number.
  constexpr Token first_piece() const noexcept { return static_cast<Token>(first_ + size_); }
  constexpr Index piece_count() const noexcept { return pieces_.size(); }
  /// The tokens that are whole characters, in order.
  std::string characters() const;

  constexpr std::size_t encode(std::string_view text, std::span<Token> out) const {
    require(out.size() >= text.size(), "encode: the output is shorter than the text");
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++count) {
      Token token = token_of(text[i]);
      if (token < 0 && !has_unknown()) {
        throw UnknownSymbol(
            detail::concat({"byte ", i, ": ", printable(text.substr(i, 1)), " is not among the ",
                            size_, " symbols of this vocabulary"}),
            i, "leave it out, or train with an unknown token");
      }
      ++i;
      if (token >= 0 && !pieces_.empty()) i = extend(token, text, i);
      out[count] = token < 0 ? 0 : token;
    }
    return count;
  }
  /// As above; if special tokens are recognized, the name of the token that ends a text becomes
  /// that token.
  constexpr std::size_t encode(std::string_view text, std::span<Token> out,
                               SpecialTokens special) const {
    if (special == SpecialTokens::as_text || !has_end_) return encode(text, out);
    require(out.size() >= text.size(), "encode: the output is shorter than the text");
    std::size_t count = 0;
    for (;;) {
      const std::size_t at = std::min(text.find(end_name), text.size());
      count += encode(text.substr(0, at), out.subspan(count));
      if (at == text.size()) return count;
      out[count++] = *end_token();
      text.remove_prefix(at + end_name.size());
    }
  }
  std::vector<Token> encode(std::string_view text,
                            SpecialTokens special = SpecialTokens::as_text) const;

  /// The offset of the first character of `text` that is not a token; npos if there is none. If the
  /// alphabet has only characters of one byte, the offset of the first byte that is not a token.
  constexpr std::size_t first_unknown(std::string_view text) const noexcept {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = pieces_.empty() ? 1 : character_length(text.substr(at));
      Token token = token_of(text[at]);
      if (token < 0) return at;
      if (length > 1 && extend(token, text.substr(0, at + length), at + 1) < at + length) return at;
      at += length;
    }
    return std::string_view::npos;
  }

  /// Where a text that is read in pieces may be cut (see CutsText): before an incomplete character.
  constexpr std::size_t last_cut(std::string_view text) const noexcept {
    return pieces_.empty() ? text.size() : utf8_last_cut(text);
  }

  /// Whether the token is not part of the text, such as the token that ends a text.
  constexpr bool is_special(Token token) const noexcept {
    return has_end_ && token == symbol_end();
  }
  /// Whether the token is in reserve and stands for nothing.
  constexpr bool is_reserve(Token token) const noexcept {
    return token >= symbol_end() + (has_end_ ? 1 : 0);
  }

  /// The bytes of a token of the text; the name of the token that ends a text; "?" for the unknown
  /// token and tokens in reserve.
  constexpr std::string_view decode(Token token) const {
    require(token >= 0 && token < vocabulary_size_, [&] {
      return detail::concat(
          {"decode: got token ", token, ", expected 0 to ", vocabulary_size_ - 1});
    });
    const Index symbol = token - first_;
    if (symbol >= 0 && symbol < size_) return {&symbols_[static_cast<std::size_t>(symbol)], 1};
    if (symbol >= size_ && symbol < size_ + pieces_.size()) return pieces_[symbol - size_];
    return has_end_ && token == symbol_end() ? end_name : unknown_text;
  }

  /// Bytes on the heap.
  constexpr std::size_t memory_bytes() const noexcept { return pieces_.memory_bytes(); }

  friend constexpr bool operator==(const CharacterTokenizer&, const CharacterTokenizer&) = default;

 private:
  constexpr Token token_of(char byte) const noexcept {
    return token_of_[static_cast<unsigned char>(byte)];
  }

  /// One past the last token that stands for text.
  constexpr Index symbol_end() const noexcept { return first_ + size_ + pieces_.size(); }

  /// Extends `token`, whose bytes end at `at`, to the longest token that starts with it; returns
  /// the end of that token.
  constexpr std::size_t extend(Token& token, std::string_view text, std::size_t at) const noexcept {
    for (; at < text.size() && (text[at] & 0xC0) == 0x80; ++at) {
      const Token longer = pieces_.longer(token, text[at]);
      if (longer == detail::CharacterPieces::none) break;
      token = longer;
    }
    return at;
  }

  constexpr void add_byte(char byte) {
    Token& token = token_of_[static_cast<unsigned char>(byte)];
    require(token < 0, [&] {
      return detail::concat({"alphabet: byte ", printable({&byte, 1}), " occurs twice"});
    });
    token = static_cast<Token>(first_ + size_);
    symbols_[static_cast<std::size_t>(size_++)] = byte;
  }

  /// Adds the characters of `alphabet` that have two bytes or more, and their prefixes.
  void add_characters(std::string_view alphabet);

  constexpr void set_size(Index vocabulary_size) {
    vocabulary_size_ = vocabulary_size == 0 ? symbol_end() : vocabulary_size;
    require(vocabulary_size_ >= symbol_end() && vocabulary_size_ > 0, [&] {
      return detail::concat({"vocabulary: got ", counted(vocabulary_size_, "token"),
                             ", expected at least ", std::max<Index>(1, symbol_end())});
    });
  }

  std::array<Token, 256> token_of_{};
  std::array<char, 256> symbols_{};  ///< the bytes that are tokens, by their tokens
  Index size_ = 0;                   ///< the number of these bytes
  Index first_ = 0;
  Index vocabulary_size_ = 0;
  bool has_end_ = false;
  detail::CharacterPieces pieces_;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE CharacterTokenizer CharacterTokenizer::from_text(std::string_view text,
                                                               UnknownToken unknown) {
  AlphabetFinder finder;
  finder.add(text);
  return CharacterTokenizer(finder.alphabet(), unknown);
}

OCTAVO_INLINE CharacterTokenizer::CharacterTokenizer(const CharacterAlphabet& alphabet,
                                                     UnknownToken unknown, Index vocabulary_size)
    : first_(unknown == UnknownToken::included ? 1 : 0) {
  token_of_.fill(-1);
  for (const char byte : alphabet.bytes) add_byte(byte);
  for (std::string_view rest = alphabet.characters; !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    require(length > 1, "alphabet: expected characters of two to four bytes in UTF-8");
    rest.remove_prefix(length);
  }
  if (!alphabet.characters.empty()) add_characters(alphabet.characters);
  set_size(vocabulary_size);
}

OCTAVO_INLINE CharacterTokenizer CharacterTokenizer::with_end_token() const {
  CharacterTokenizer result = *this;
  result.has_end_ = true;
  result.vocabulary_size_ = std::max(vocabulary_size_, symbol_end() + 1);
  return result;
}

OCTAVO_INLINE std::string CharacterTokenizer::characters() const {
  std::string text;
  for (Index i = 0; i < pieces_.size(); ++i) {
    if (utf8_length(pieces_[i]) > 0) text += pieces_[i];
  }
  return text;
}

OCTAVO_INLINE std::vector<Token> CharacterTokenizer::encode(std::string_view text,
                                                            SpecialTokens special) const {
  return detail::encoded(*this, text, special);
}

OCTAVO_INLINE void CharacterTokenizer::add_characters(std::string_view alphabet) {
  std::vector<std::string_view> pieces;
  std::array<bool, 256> needed{};
  for (std::size_t at = 0; at < alphabet.size();) {
    const std::size_t length = character_length(alphabet.substr(at));
    for (std::size_t size = 2; size <= length; ++size) {
      pieces.push_back(alphabet.substr(at, size));
    }
    for (std::size_t i = 0; i < length; ++i) {
      needed[static_cast<unsigned char>(alphabet[at + i])] = true;
    }
    at += length;
  }
  for (std::size_t byte = 0; byte < needed.size(); ++byte) {
    if (needed[byte] && token_of_[byte] < 0) {
      add_byte(static_cast<char>(static_cast<unsigned char>(byte)));
    }
  }
  std::sort(pieces.begin(), pieces.end());
  const auto twice = std::adjacent_find(
      pieces.begin(), pieces.end(),
      [](std::string_view a, std::string_view b) { return a == b && utf8_length(a) > 0; });
  require(twice == pieces.end(), [&] {
    return detail::concat({"alphabet: character ", printable(*twice), " occurs twice"});
  });
  pieces.erase(std::unique(pieces.begin(), pieces.end()), pieces.end());
  pieces_.reserve(pieces.size());
  for (const std::string_view piece : pieces) {
    Token front = token_of(piece[0]);
    extend(front, piece.substr(0, piece.size() - 1), 1);
    pieces_.add(piece, front, static_cast<Token>(symbol_end()));
  }
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
