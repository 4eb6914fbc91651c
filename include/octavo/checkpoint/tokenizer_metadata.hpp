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
#include <octavo/checkpoint/chat_metadata.hpp>
#include <octavo/checkpoint/metadata_words.hpp>
#include <octavo/checkpoint/sentence_piece_metadata.hpp>
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
// 2 (strip_right), 4 (late), 8 (always), 16 (recognized) and 32 (single_word). "split" exists if
// the pattern is not GPT-2's, "whole_pieces" and "normalized" if they are true. "end_tokens" exists
// if generation stops at other tokens than the vocabulary's own end token: their numbers, in order.
// "tokens_before_text" and "tokens_after_text" are those of a TextFrame. SentencePiece's:
// sentence_piece_metadata.hpp. The chat template: chat_metadata.hpp.
namespace OCTAVO_NAMESPACE::detail {

// --- Byte pairs, written ------------------------------------------------------------------------

/// For each token the first merge that makes it; -1: none. With whole pieces none is taken: merges
/// may then join tokens that only later ones make.
inline std::vector<Index> makers_of(const BpeTokenizer& tokenizer) {
  std::vector<Index> makers(static_cast<std::size_t>(tokenizer.vocabulary_size()), -1);
  if (tokenizer.whole_pieces()) return makers;
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
  const std::string merges = merge_words(tokenizer.merges());
  std::string tokens = token_words(tokenizer);
  require_room(merges.size() + tokens.size(), tokenizer.vocabulary_size());
  write_rules(metadata, tokenizer.rules());
  metadata.text("tokenizer", "bpe");
  if (tokenizer.split() != SplitPattern::gpt2) {
    metadata.text("split", split_pattern_names[static_cast<std::size_t>(tokenizer.split())]);
  }
  if (tokenizer.whole_pieces()) metadata.truth("whole_pieces", true);
  if (tokenizer.normalized()) metadata.truth("normalized", true);
  metadata.text("tokens", tokens);
  metadata.text("merges", merges);
}

// --- Byte pairs, read ---------------------------------------------------------------------------

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
  tokens->rules = read_rules(metadata);
  if (metadata.has("split")) {
    tokens->split = static_cast<SplitPattern>(metadata.choice("split", split_pattern_names));
  }
  tokens->whole_pieces = metadata.has("whole_pieces") && metadata.truth("whole_pieces");
  tokens->normalized = metadata.has("normalized") && metadata.truth("normalized");
  try {
    const BpeTokenizer tokenizer(*tokens);
    MetadataWriter again;
    write_bpe(again, tokenizer);
    for (const char* key :
         {"merges", "tokens", "name_rules", "split", "whole_pieces", "normalized"}) {
      const auto written = again.entries().find(key);
      const bool has = written != again.entries().end();
      if (metadata.has(key) != has || (has && written->second != metadata.text(key))) {
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

/// Different tokens, with spaces between.
inline std::vector<Token> read_tokens(const MetadataReader& metadata, const char* key,
                                      Index vocabulary) {
  std::vector<Token> tokens;
  SpacedWords words(metadata.text(key));
  while (const auto word = words.next()) {
    const auto token = whole_word<Token>(*word);
    const bool sound = token && *token >= 0 && *token < vocabulary;
    if (!sound || std::find(tokens.begin(), tokens.end(), *token) != tokens.end()) {
      metadata.refuse(key, detail::concat({"different tokens from 0 to ", vocabulary - 1}));
    }
    tokens.push_back(*token);
  }
  return tokens;
}

inline std::string words_of(const std::vector<Token>& tokens) {
  std::string words;
  for (const Token token : tokens) words += detail::concat({(words.empty() ? "" : " "), token});
  return words;
}

inline void write_end_tokens(MetadataWriter& metadata, const AnyTokenizer& tokenizer) {
  if (!tokenizer.has_own_end()) metadata.text("end_tokens", words_of(tokenizer.end_tokens()));
  const TextFrame& frame = tokenizer.frame();
  if (!frame.before.empty()) metadata.text("tokens_before_text", words_of(frame.before));
  if (!frame.after.empty()) metadata.text("tokens_after_text", words_of(frame.after));
}

inline void read_end_tokens(const MetadataReader& metadata, AnyTokenizer& tokenizer) {
  const Index vocabulary = tokenizer.vocabulary_size();
  TextFrame frame;
  for (const bool before : {true, false}) {
    const char* const key = before ? "tokens_before_text" : "tokens_after_text";
    if (!metadata.has(key)) continue;
    std::vector<Token>& tokens = before ? frame.before : frame.after;
    tokens = read_tokens(metadata, key, vocabulary);
    if (tokens.empty()) metadata.refuse(key, "tokens");
  }
  tokenizer.set_frame(std::move(frame));
  if (!metadata.has("end_tokens")) return;
  tokenizer.set_end_tokens(read_tokens(metadata, "end_tokens", vocabulary));
  if (tokenizer.has_own_end())
    metadata.refuse("end_tokens", "no entry that equals the tokenizer's own end token");
}

/// Writes what determines the tokens of a text. ConfigError if the tokenizer does not fit into a
/// file's header.
inline void write_encoding(MetadataWriter& metadata, const AnyTokenizer& tokenizer) {
  if (const auto* const bpe = tokenizer.get_if<BpeTokenizer>()) {
    write_bpe(metadata, *bpe);
  } else if (const auto* const pieces = tokenizer.get_if<SentencePieceTokenizer>()) {
    write_sentence_pieces(metadata, *pieces);
  } else if (const auto* const bytes = tokenizer.get_if<ByteTokenizer>()) {
    write_bytes(metadata, *bytes);
  } else {
    write_characters(metadata, *tokenizer.get_if<CharacterTokenizer>());
  }
  write_end_tokens(metadata, tokenizer);
}

/// Writes everything. ConfigError if the tokenizer does not fit into a file's header.
inline void write_tokenizer(MetadataWriter& metadata, const AnyTokenizer& tokenizer) {
  write_encoding(metadata, tokenizer);
  write_chat(metadata, tokenizer.chat());
}

/// The tokenizer of a model with `vocabulary` tokens. FormatError if it is missing or invalid.
inline AnyTokenizer read_tokenizer(const MetadataReader& metadata, Index vocabulary) {
  constexpr std::array<std::string_view, 3> kinds{"character", "bpe", "sentence_piece"};
  const auto kind = metadata.choice("tokenizer", kinds);
  AnyTokenizer tokenizer = kind == 0   ? AnyTokenizer(read_characters(metadata, vocabulary))
                           : kind == 1 ? AnyTokenizer(read_bpe(metadata, vocabulary))
                                       : AnyTokenizer(read_sentence_pieces(metadata, vocabulary));
  read_end_tokens(metadata, tokenizer);
  tokenizer.set_chat(read_chat(metadata, vocabulary));
  return tokenizer;
}

}  // namespace OCTAVO_NAMESPACE::detail
