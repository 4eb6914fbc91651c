// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
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
#include <octavo/base/parse_number.hpp>
#include <octavo/formats/hexadecimal.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>

// The tokenizer in the metadata of Octavo's files. For characters: the alphabet's bytes; whether
// there is an unknown token; and, if they exist, "characters" (the characters of more than one
// byte, in increasing order) and "end_token" (the token that ends a text). For byte pairs: "merges"
// (the left and right token of each) and "tokens" (one word for each token, in order):
//   61        a byte in hexadecimal,
//   0-767     several numbers: the tokens that these merges make,
//   3:3c7c3e  another token's kind, by TokenKind's number, and name, in hexadecimal.
// "name_rules" exists if a token has a NameRule: the token's number, and the sum of 1 (strip_left),
// 2 (strip_right), 4 (late), 8 (always) and 16 (recognized). "end_tokens" exists if generation
// stops at other tokens than the vocabulary's own end token: their numbers, in order.
namespace OCTAVO_NAMESPACE::detail {

/// The words of a text, separated by single spaces; none for an empty text.
class SpacedWords {
 public:
  explicit SpacedWords(std::string_view text) : rest_(text), more_(!text.empty()) {}

  std::optional<std::string_view> next() {
    if (!more_) return std::nullopt;
    const std::size_t end = rest_.find(' ');
    const std::string_view word = rest_.substr(0, end);
    more_ = end != rest_.npos;
    rest_.remove_prefix(more_ ? end + 1 : rest_.size());
    return word;
  }

 private:
  std::string_view rest_;
  bool more_;
};

template <typename N>
std::optional<N> whole_word(std::string_view word) {
  N value{};
  if (!parse_whole(word, value)) return std::nullopt;
  return value;
}

// --- Byte pairs, written ------------------------------------------------------------------------

/// For each token the first merge that makes it; -1: none.
inline std::vector<Index> makers_of(const BpeTokenizer& tokenizer) {
  std::vector<Index> makers(static_cast<std::size_t>(tokenizer.vocabulary_size()), -1);
  const auto merges = tokenizer.merges();
  for (std::size_t i = 0; i < merges.size(); ++i) {
    Index& maker = makers[static_cast<std::size_t>(tokenizer.result(i))];
    if (maker < 0) maker = static_cast<Index>(i);
  }
  return makers;
}

inline std::string token_words(const BpeTokenizer& tokenizer) {
  std::string text;
  const std::vector<Index> makers = makers_of(tokenizer);
  for (std::size_t i = 0; i < makers.size(); ++i) {
    const auto token = static_cast<Token>(i);
    if (!text.empty()) text += ' ';
    if (tokenizer.kind(token) != TokenKind::normal) {
      text += detail::concat(
          {static_cast<int>(tokenizer.kind(token)), ':', to_hex(tokenizer.decode(token))});
    } else if (makers[i] < 0) {
      text += to_hex(tokenizer.decode(token));
    } else {
      const Index first = makers[i];
      while (i + 1 < makers.size() && makers[i] >= 0 && makers[i + 1] == makers[i] + 1) ++i;
      text += detail::concat({first, '-', makers[i]});
    }
  }
  return text;
}

inline void write_bpe(MetadataWriter& metadata, const BpeTokenizer& tokenizer) {
  std::string merges;
  for (const BpeMerge& merge : tokenizer.merges()) {
    merges += detail::concat({(merges.empty() ? "" : " "), merge.left, ' ', merge.right});
  }
  std::string tokens = token_words(tokenizer);
  constexpr std::size_t most = 1'200'000;  // leaves room for the rest of the header
  require(merges.size() + tokens.size() <= most, [&] {
    return detail::concat({"cannot save a tokenizer of ", tokenizer.vocabulary_size(),
                           " tokens: they need ", merges.size() + tokens.size(),
                           " bytes of the file's header, which has room for ", most});
  });
  std::string rules;
  for (const auto& [token, rule] : tokenizer.rules()) {
    rules += detail::concat({(rules.empty() ? "" : " "), token, ' ',
                             (rule.strip_left ? 1 : 0) + (rule.strip_right ? 2 : 0) +
                                 (rule.late ? 4 : 0) + (rule.always ? 8 : 0) +
                                 (rule.recognized ? 16 : 0)});
  }
  if (!rules.empty()) metadata.text("name_rules", rules);
  metadata.text("tokenizer", "bpe");
  metadata.text("tokens", tokens);
  metadata.text("merges", merges);
}

// --- Byte pairs, read ---------------------------------------------------------------------------

/// The merges; nothing if the words are not pairs of tokens, or are too many.
inline std::optional<std::vector<BpeMerge>> parsed_merges(std::string_view text, Index vocabulary) {
  std::vector<BpeMerge> merges;
  SpacedWords words(text);
  const auto token = [&](std::optional<std::string_view> word) -> std::optional<Token> {
    const auto value = word ? whole_word<Token>(*word) : std::nullopt;
    return value && *value >= 0 && *value < vocabulary ? value : std::nullopt;
  };
  while (const auto word = words.next()) {
    const auto left = token(word);
    const auto right = token(words.next());
    if (!left || !right || merges.size() == BpeVocabulary::most_merges) return std::nullopt;
    merges.push_back({*left, *right});
  }
  return merges;
}

/// The tokens of the vocabulary, without the bytes of those that merges make: `made` has these
/// tokens, by merge. Nothing for invalid words.
inline std::optional<BpeVocabulary> parsed_tokens(std::string_view text, std::size_t merges,
                                                  Index vocabulary, std::vector<Token>& made) {
  BpeVocabulary result;
  made.assign(merges, -1);
  SpacedWords words(text);
  while (const auto word = words.next()) {
    const std::size_t dash = word->find('-'), colon = word->find(':');
    if (dash != word->npos) {
      const auto first = whole_word<std::size_t>(word->substr(0, dash));
      const auto last = whole_word<std::size_t>(word->substr(dash + 1));
      if (!first || !last || *first > *last || *last >= merges) return std::nullopt;
      for (std::size_t i = *first; i <= *last; ++i) {
        if (made[i] >= 0 || std::ssize(result.tokens) == vocabulary) return std::nullopt;
        made[i] = static_cast<Token>(result.tokens.size());
        result.tokens.emplace_back();
        result.kinds.push_back(TokenKind::normal);
      }
      continue;
    }
    const bool other = colon != word->npos;
    const auto kind = other ? whole_word<std::int32_t>(word->substr(0, colon)) : 1;
    const auto bytes = from_hex(other ? word->substr(colon + 1) : *word);
    if (!kind || *kind < 1 || *kind > 6 || other == (*kind == 1) || !bytes) return std::nullopt;
    result.tokens.push_back(*bytes);
    result.kinds.push_back(static_cast<TokenKind>(*kind));
  }
  if (std::ssize(result.tokens) != vocabulary) return std::nullopt;
  return result;
}

/// Joins the bytes of the tokens that merges make; false if a merge precedes one of its tokens, or
/// if there are too many bytes.
inline bool join_tokens(BpeVocabulary& vocabulary, std::span<const Token> made) {
  std::size_t bytes = 0;
  for (const std::string& token : vocabulary.tokens) bytes += token.size();
  for (std::size_t i = 0; i < made.size(); ++i) {
    const std::string& left =
        vocabulary.tokens[static_cast<std::size_t>(vocabulary.merges[i].left)];
    const std::string& right =
        vocabulary.tokens[static_cast<std::size_t>(vocabulary.merges[i].right)];
    if (left.empty() || right.empty()) return false;
    if (made[i] < 0) continue;  // another merge makes the same token, and BpeTokenizer finds it
    std::string& token = vocabulary.tokens[static_cast<std::size_t>(made[i])];
    token = left + right;
    bytes += token.size();
    if (token.size() > BpeVocabulary::longest_token || bytes > BpeVocabulary::most_bytes) {
      return false;
    }
  }
  return true;
}

/// The rules; nothing if the words are not pairs of a token and a sum of flags.
inline std::optional<std::map<Token, NameRule>> parsed_rules(std::string_view text) {
  std::map<Token, NameRule> rules;
  SpacedWords words(text);
  while (const auto word = words.next()) {
    const auto token = whole_word<Token>(*word);
    const auto second = words.next();
    const auto flags = second ? whole_word<int>(*second) : std::nullopt;
    if (!token || !flags || *flags < 1 || *flags > 31) return std::nullopt;
    const auto has = [&](int flag) { return (*flags & flag) != 0; };
    if (!rules.emplace(*token, NameRule{has(1), has(2), has(4), has(8), has(16)}).second) {
      return std::nullopt;
    }
  }
  return rules.empty() ? std::nullopt : std::optional(std::move(rules));
}

inline BpeTokenizer read_bpe(const MetadataReader& metadata, Index vocabulary) {
  auto merges = parsed_merges(metadata.text("merges"), vocabulary);
  if (!merges)
    metadata.refuse("merges", detail::concat({"pairs of tokens from 0 to ", vocabulary - 1}));
  std::vector<Token> made;
  auto tokens = parsed_tokens(metadata.text("tokens"), merges->size(), vocabulary, made);
  if (!tokens) {
    metadata.refuse("tokens", detail::concat({vocabulary, " tokens: bytes, merges, others"}));
  }
  tokens->merges = std::move(*merges);
  if (!join_tokens(*tokens, made)) {
    metadata.refuse("merges", "merges of tokens that exist by then, none of more than 512 bytes");
  }
  const bool has_rules = metadata.file().metadata().contains("name_rules");
  if (has_rules) {
    auto rules = parsed_rules(metadata.text("name_rules"));
    if (!rules) metadata.refuse("name_rules", "pairs of a token and a number from 1 to 31");
    tokens->rules = std::move(*rules);
  }
  try {
    const BpeTokenizer tokenizer(*tokens);
    MetadataWriter again;
    write_bpe(again, tokenizer);
    for (const char* key : {"merges", "tokens", "name_rules"}) {
      if (key == std::string_view("name_rules") && !has_rules) continue;
      if (again.entries().at(key) != metadata.text(key)) {
        metadata.refuse(key, "the form in which such a tokenizer is written");
      }
    }
    return tokenizer;
  } catch (const ConfigError& error) {
    metadata.file().fail(detail::concat({"metadata 'tokens': ", error.what()}));
  }
}

// --- Any tokenizer ------------------------------------------------------------------------------

/// The most bytes of all characters of more than one byte: leaves room for the rest of the header.
inline constexpr std::size_t most_character_bytes = 600'000;

inline void write_characters(MetadataWriter& metadata, const CharacterTokenizer& tokenizer) {
  metadata.text("tokenizer", "character");
  metadata.truth("unknown_token", tokenizer.has_unknown());
  metadata.text("alphabet", to_hex(tokenizer.bytes()));
  if (tokenizer.piece_count() > 0) {
    const std::string characters = tokenizer.characters();
    require(characters.size() <= most_character_bytes, [&] {
      return detail::concat({"cannot save a tokenizer of characters with ", characters.size(),
                             " bytes together: a file's header has room for ",
                             most_character_bytes});
    });
    metadata.text("characters", to_hex(characters));
  }
  if (tokenizer.end_token()) metadata.truth("end_token", true);
}

/// Written as characters with an alphabet of all bytes, as in version 1.
inline void write_bytes(MetadataWriter& metadata, const ByteTokenizer& tokenizer) {
  metadata.text("tokenizer", "character");
  metadata.truth("unknown_token", false);
  metadata.text("alphabet", to_hex(ByteTokenizer::bytes()));
  if (tokenizer.end_token()) metadata.truth("end_token", true);
}

inline CharacterTokenizer read_characters(const MetadataReader& metadata, Index vocabulary) {
  const UnknownToken unknown =
      metadata.truth("unknown_token") ? UnknownToken::included : UnknownToken::excluded;
  const std::string bytes = from_hex(metadata, "alphabet", 256);
  std::string characters;
  if (metadata.has("characters")) {
    characters = from_hex(metadata, "characters", most_character_bytes);
  }
  try {
    const CharacterTokenizer tokenizer({bytes, characters}, unknown, vocabulary);
    if (tokenizer.bytes() != bytes || tokenizer.characters() != characters) {
      metadata.refuse("characters", "characters in increasing order, of the alphabet's bytes");
    }
    const bool has_end = metadata.has("end_token") && metadata.truth("end_token");
    if (!has_end) return tokenizer;
    if (tokenizer.with_end_token().vocabulary_size() == vocabulary) {
      return tokenizer.with_end_token();
    }
    metadata.refuse("end_token", detail::concat({"room for it among ", vocabulary, " tokens"}));
  } catch (const ConfigError& error) {
    metadata.file().fail(detail::concat({"metadata 'alphabet': ", error.what()}));
  }
}

inline void write_end_tokens(MetadataWriter& metadata, const AnyTokenizer& tokenizer) {
  if (tokenizer.has_own_end()) return;
  std::string words;
  for (const Token token : tokenizer.end_tokens()) {
    words += detail::concat({(words.empty() ? "" : " "), token});
  }
  metadata.text("end_tokens", words);
}

inline void read_end_tokens(const MetadataReader& metadata, AnyTokenizer& tokenizer) {
  const auto found = metadata.file().metadata().find("end_tokens");
  if (found == metadata.file().metadata().end()) return;
  std::vector<Token> tokens;
  SpacedWords words(found->second);
  while (const auto word = words.next()) {
    const auto token = whole_word<Token>(*word);
    const bool sound = token && *token >= 0 && *token < tokenizer.vocabulary_size();
    if (!sound || std::find(tokens.begin(), tokens.end(), *token) != tokens.end()) {
      metadata.refuse("end_tokens", detail::concat({"different tokens from 0 to ",
                                                    tokenizer.vocabulary_size() - 1}));
    }
    tokens.push_back(*token);
  }
  tokenizer.set_end_tokens(std::move(tokens));
  if (tokenizer.has_own_end())
    metadata.refuse("end_tokens", "no entry that equals the tokenizer's own end token");
}

/// ConfigError if the tokenizer does not fit into a file's header.
inline void write_tokenizer(MetadataWriter& metadata, const AnyTokenizer& tokenizer) {
  if (const auto* const bpe = tokenizer.get_if<BpeTokenizer>()) {
    write_bpe(metadata, *bpe);
  } else if (const auto* const bytes = tokenizer.get_if<ByteTokenizer>()) {
    write_bytes(metadata, *bytes);
  } else {
    write_characters(metadata, *tokenizer.get_if<CharacterTokenizer>());
  }
  write_end_tokens(metadata, tokenizer);
}

/// The tokenizer of a model with `vocabulary` tokens. FormatError if it is missing or invalid.
inline AnyTokenizer read_tokenizer(const MetadataReader& metadata, Index vocabulary) {
  constexpr std::array<std::string_view, 2> kinds{"character", "bpe"};
  AnyTokenizer tokenizer = metadata.choice("tokenizer", kinds) == 1
                               ? AnyTokenizer(read_bpe(metadata, vocabulary))
                               : AnyTokenizer(read_characters(metadata, vocabulary));
  read_end_tokens(metadata, tokenizer);
  return tokenizer;
}

}  // namespace OCTAVO_NAMESPACE::detail
