// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/checkpoint/metadata_words.hpp>
#include <octavo/formats/hexadecimal.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/tokenizers/sentence_piece_tokenizer.hpp>

// A SentencePiece tokenizer in the metadata of Octavo's files. "pieces": a word for each token, in
// order; a normal token's bytes in hexadecimal, "6:" and so on, a kind's number, before another's.
// "merges": the left and right token of each; or "scores": eight hexadecimal digits for each token,
// the bits of its score. "space_prefix", "strip_space", "fuse_unknown", "name_rules".
namespace OCTAVO_NAMESPACE::detail {

inline std::string score_digits(std::span<const float> scores) {
  std::string bytes;
  for (const float score : scores) {
    const auto bits = octavo::bit_cast<std::uint32_t>(score);
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(static_cast<unsigned char>(bits >> shift & 0xff));
    }
  }
  return to_hex(bytes);
}

inline void write_sentence_pieces(MetadataWriter& metadata,
                                  const SentencePieceTokenizer& tokenizer) {
  std::string pieces;
  for (Token token = 0; token < tokenizer.vocabulary_size(); ++token) {
    if (token > 0) pieces += ' ';
    const TokenKind kind = tokenizer.kind(token);
    if (kind != TokenKind::normal) pieces += detail::concat({static_cast<int>(kind), ':'});
    pieces += to_hex(tokenizer.piece(token));
  }
  const bool scored = !tokenizer.scores().empty();
  const std::string order =
      scored ? score_digits(tokenizer.scores()) : merge_words(tokenizer.merges());
  require_room(pieces.size() + order.size(), tokenizer.vocabulary_size());
  const SentencePieceVocabulary vocabulary = tokenizer.vocabulary();
  metadata.text("tokenizer", "sentence_piece");
  metadata.text("pieces", pieces);
  metadata.text(scored ? "scores" : "merges", order);
  metadata.text("space_prefix", space_prefix_names[static_cast<std::size_t>(vocabulary.prefix)]);
  metadata.truth("strip_space", vocabulary.strip_space);
  metadata.truth("fuse_unknown", vocabulary.fuse_unknown);
  write_rules(metadata, tokenizer.rules());
}

/// Appends the tokens of "pieces"; false if they are not `vocabulary` words.
inline bool parse_pieces(std::string_view text, Index vocabulary, SentencePieceVocabulary& result) {
  SpacedWords words(text);
  while (const auto word = words.next()) {
    const std::size_t colon = word->find(':');
    const bool other = colon != word->npos;
    const auto kind = other ? whole_word<std::int32_t>(word->substr(0, colon)) : 1;
    const auto bytes = from_hex(other ? word->substr(colon + 1) : *word);
    if (!kind || *kind < 1 || *kind > 6 || other == (*kind == 1) || !bytes) return false;
    if (std::ssize(result.tokens) == vocabulary) return false;
    result.tokens.push_back(*bytes);
    result.kinds.push_back(static_cast<TokenKind>(*kind));
  }
  return std::ssize(result.tokens) == vocabulary;
}

inline std::vector<float> read_scores(const MetadataReader& metadata, Index vocabulary) {
  const auto bytes = from_hex(metadata.text("scores"));
  const auto count = static_cast<std::size_t>(vocabulary);
  if (!bytes || bytes->size() != 4 * count) {
    metadata.refuse("scores", detail::concat({8 * vocabulary, " hexadecimal digits"}));
  }
  std::vector<float> scores;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      bits = bits << 8 | static_cast<unsigned char>((*bytes)[4 * i + k]);
    }
    scores.push_back(octavo::bit_cast<float>(bits));
  }
  return scores;
}

inline SentencePieceTokenizer read_sentence_pieces(const MetadataReader& metadata,
                                                   Index vocabulary) {
  SentencePieceVocabulary read;
  if (!parse_pieces(metadata.text("pieces"), vocabulary, read)) {
    metadata.refuse("pieces", detail::concat({vocabulary, " tokens: hexadecimal, or others"}));
  }
  if (metadata.has("scores")) {
    read.scores = read_scores(metadata, vocabulary);
  } else {
    auto merges = parsed_merges(metadata.text("merges"), vocabulary);
    if (!merges) {
      metadata.refuse("merges", detail::concat({"pairs of tokens from 0 to ", vocabulary - 1}));
    }
    read.merges = std::move(*merges);
  }
  read.prefix = static_cast<SpacePrefix>(metadata.choice("space_prefix", space_prefix_names));
  read.strip_space = metadata.truth("strip_space");
  read.fuse_unknown = metadata.truth("fuse_unknown");
  read.rules = read_rules(metadata);
  try {
    return SentencePieceTokenizer(read);
  } catch (const ConfigError& error) {
    metadata.file().fail(detail::concat({"metadata 'pieces': ", error.what()}));
  }
}

}  // namespace OCTAVO_NAMESPACE::detail
