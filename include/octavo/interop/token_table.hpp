// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/byte_letters.hpp>

namespace OCTAVO_NAMESPACE {

/// A vocabulary in the form of other programs' files. Of a byte-level encoding (GPT-2's files): a
/// token is a text in which a printable character stands for each byte: " a" is "\u0120a". Of
/// SentencePiece: U+2581 stands for a space, "<0x0A>" for a byte. (A token that does not occur in
/// text is its name, unchanged.) A merge is two such texts with a space between them.
struct TokenTable {
  std::vector<std::string> tokens;    ///< by number, all distinct
  std::vector<TokenKind> kinds;       ///< one per token
  std::vector<std::string> merges;    ///< earlier merges are applied first
  std::map<Token, NameRule> rules{};  ///< see BpeVocabulary
  TextFrame frame{};                  ///< tokens around a text

  // Of byte-level encodings: see BpeVocabulary.
  SplitPattern split = SplitPattern::gpt2;
  bool whole_pieces = false, normalized = false;

  // Of SentencePiece's: see SentencePieceVocabulary.
  bool sentence_pieces = false;
  std::vector<float> scores{};
  SpacePrefix prefix = SpacePrefix::never;
  bool strip_space = false, fuse_unknown = false;

  /// Whether it is split and merged as GPT-2's, which two files suffice for.
  bool is_as_gpt2() const noexcept {
    return split == SplitPattern::gpt2 && !whole_pieces && !normalized && !sentence_pieces;
  }

  /// The first token that occurs twice; nothing if all are distinct.
  std::optional<std::string_view> twice() const {
    std::vector<std::string_view> sorted(tokens.begin(), tokens.end());
    std::sort(sorted.begin(), sorted.end());
    const auto found = std::adjacent_find(sorted.begin(), sorted.end());
    return found == sorted.end() ? std::nullopt : std::optional(*found);
  }

  friend bool operator==(const TokenTable&, const TokenTable&) = default;
};

namespace detail {

/// Names for tokens in reserve: "<unused_300>", with more underscores if that name is taken.
class ReserveNames {
 public:
  explicit ReserveNames(std::span<const std::string> taken) {
    for (const std::string& name : taken) {
      if (name.starts_with("<unused_")) taken_.insert(name);
    }
  }
  std::string next(std::size_t number) {
    std::string underscores = "_";
    std::string name;
    do {
      name = concat({"<unused", underscores, number, ">"});
      underscores += '_';
    } while (!taken_.insert(name).second);
    return name;
  }

 private:
  std::set<std::string> taken_;
};

}  // namespace detail

/// Adds tokens in reserve, "<unused_300>" and so on, up to `vocabulary` tokens.
inline void add_reserve(TokenTable& table, Index vocabulary) {
  detail::ReserveNames names(table.tokens);
  while (std::ssize(table.tokens) < vocabulary) {
    table.tokens.push_back(names.next(table.tokens.size()));
    table.kinds.push_back(TokenKind::unused);
    if (!table.scores.empty()) table.scores.push_back(0);
  }
}

/// The vocabulary of a character tokenizer: the unknown token is "<unk>", tokens in reserve are
/// "<unused_69>" and so on. Merges build each character of more than one byte from its bytes.
inline TokenTable token_table_of(const CharacterTokenizer& tokenizer) {
  TokenTable table;
  const auto add = [&](std::string text, TokenKind kind) {
    table.tokens.push_back(std::move(text));
    table.kinds.push_back(kind);
  };
  if (tokenizer.has_unknown()) add("<unk>", TokenKind::unknown);
  for (const char byte : tokenizer.bytes()) add(letters_of_bytes({&byte, 1}), TokenKind::normal);
  for (Index i = 0; i < tokenizer.piece_count(); ++i) {
    const std::string_view piece =
        tokenizer.decode(tokenizer.first_piece() + static_cast<Token>(i));
    add(letters_of_bytes(piece), TokenKind::normal);
    table.merges.push_back(detail::concat({letters_of_bytes(piece.substr(0, piece.size() - 1)), ' ',
                                           letters_of_bytes(piece.substr(piece.size() - 1))}));
  }
  if (tokenizer.end_token()) add(std::string(CharacterTokenizer::end_name), TokenKind::control);
  add_reserve(table, tokenizer.vocabulary_size());
  return table;
}

/// The vocabulary of a byte tokenizer.
inline TokenTable token_table_of(const ByteTokenizer& tokenizer) {
  TokenTable table;
  for (const char& byte : ByteTokenizer::bytes()) {
    table.tokens.push_back(letters_of_bytes({&byte, 1}));
    table.kinds.push_back(TokenKind::normal);
  }
  if (!tokenizer.end_token()) return table;
  table.tokens.emplace_back(ByteTokenizer::end_name);
  table.kinds.push_back(TokenKind::control);
  return table;
}

namespace detail {

/// Whether two tables encode text equally; the names of the unknown token and of tokens in reserve
/// may differ.
inline bool same_text_tokens(const TokenTable& a, const TokenTable& b) {
  if (a.kinds != b.kinds || a.merges != b.merges) return false;
  for (std::size_t i = 0; i < a.tokens.size(); ++i) {
    const TokenKind kind = a.kinds[i];
    if (kind == TokenKind::unknown || kind == TokenKind::unused) continue;
    if (a.tokens[i] != b.tokens[i]) return false;
  }
  return true;
}

}  // namespace detail

/// The character tokenizer with this vocabulary; nothing if it is not one of characters. A
/// vocabulary of all bytes with merges is one of byte pairs.
inline std::optional<CharacterTokenizer> character_tokenizer_of(const TokenTable& table) {
  const bool unknown = !table.kinds.empty() && table.kinds.front() == TokenKind::unknown;
  std::string bytes, characters;
  bool has_end = false;
  for (std::size_t i = unknown ? 1 : 0; i < table.tokens.size(); ++i) {
    const auto text = bytes_of_letters(table.tokens[i]);
    if (table.kinds[i] == TokenKind::normal && text) {
      if (text->size() == 1) bytes += *text;
      if (text->size() > 1 && utf8_length(*text) == text->size()) characters += *text;
    }
    has_end = has_end || table.kinds[i] == TokenKind::control;
  }
  if (bytes.size() == 256 && !unknown && !table.merges.empty()) return std::nullopt;
  if (!table.rules.empty() || !table.is_as_gpt2()) return std::nullopt;
  try {
    CharacterTokenizer tokenizer({bytes, characters},
                                 unknown ? UnknownToken::included : UnknownToken::excluded,
                                 std::ssize(table.tokens));
    if (has_end) tokenizer = tokenizer.with_end_token();
    if (detail::same_text_tokens(token_table_of(tokenizer), table)) return tokenizer;
  } catch (const ConfigError&) {  // a byte or character occurs twice, or there are no tokens
  }
  return std::nullopt;
}

/// The vocabulary of byte pairs.
inline TokenTable token_table_of(const BpeTokenizer& tokenizer) {
  TokenTable table;
  for (Token token = 0; token < tokenizer.vocabulary_size(); ++token) {
    const std::string_view bytes = tokenizer.decode(token);
    table.kinds.push_back(tokenizer.kind(token));
    table.tokens.push_back(table.kinds.back() == TokenKind::normal ? letters_of_bytes(bytes)
                                                                   : std::string(bytes));
  }
  for (const BpeMerge& merge : tokenizer.merges()) {
    table.merges.push_back(table.tokens[static_cast<std::size_t>(merge.left)] + ' ' +
                           table.tokens[static_cast<std::size_t>(merge.right)]);
  }
  table.rules = tokenizer.rules();
  table.split = tokenizer.split();
  table.whole_pieces = tokenizer.whole_pieces();
  table.normalized = tokenizer.normalized();
  return table;
}

/// The vocabulary of SentencePiece's byte pairs.
inline TokenTable token_table_of(const SentencePieceTokenizer& tokenizer) {
  SentencePieceVocabulary vocabulary = tokenizer.vocabulary();
  TokenTable table;
  table.tokens = std::move(vocabulary.tokens);
  table.kinds = std::move(vocabulary.kinds);
  for (const BpeMerge& merge : vocabulary.merges) {
    table.merges.push_back(table.tokens[static_cast<std::size_t>(merge.left)] + ' ' +
                           table.tokens[static_cast<std::size_t>(merge.right)]);
  }
  table.rules = std::move(vocabulary.rules);
  table.sentence_pieces = true;
  table.scores = std::move(vocabulary.scores);
  table.prefix = vocabulary.prefix;
  table.strip_space = vocabulary.strip_space;
  table.fuse_unknown = vocabulary.fuse_unknown;
  return table;
}

inline TokenTable token_table_of(const AnyTokenizer& tokenizer) {
  TokenTable table = tokenizer.visit([](const auto& one) { return token_table_of(one); });
  table.frame = tokenizer.frame();
  return table;
}

namespace detail {

/// A table's merges as pairs of tokens. ConfigError if a merge does not consist of two tokens.
inline std::vector<BpeMerge> merges_of(const TokenTable& table) {
  std::unordered_map<std::string_view, Token> numbers;
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    numbers.emplace(table.tokens[i], static_cast<Token>(i));
  }
  std::vector<BpeMerge> merges;
  for (const std::string& merge : table.merges) {
    const std::size_t space = merge.find(' ');
    const auto number = [&](std::string_view text) {
      const auto found = numbers.find(text);
      require(space != merge.npos && found != numbers.end(), [&] {
        return detail::concat({"merges: merge ", merges.size(), " is ", printable(merge),
                               ", expected two tokens with a space between"});
      });
      return found->second;
    };
    const std::string_view text = merge;
    const Token left = number(text.substr(0, space));
    merges.push_back({left, number(text.substr(space + 1))});
  }
  return merges;
}

}  // namespace detail

/// The byte-pair tokenizer with this vocabulary. ConfigError, with the reason, if it is not one of
/// byte pairs.
inline BpeTokenizer bpe_tokenizer_of(const TokenTable& table) {
  require(table.kinds.size() == table.tokens.size() &&
              table.tokens.size() <= BpeVocabulary::most_tokens,
          "vocabulary: expected at most 2^19 tokens, each with a kind");
  BpeVocabulary vocabulary{{},          table.kinds,        detail::merges_of(table), table.rules,
                           table.split, table.whole_pieces, table.normalized};
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    const bool normal = table.kinds[i] == TokenKind::normal;
    const auto bytes = normal ? bytes_of_letters(table.tokens[i]) : table.tokens[i];
    require(bytes.has_value(), [&] {
      return detail::concat({"vocabulary: token ", i, ", ", printable(table.tokens[i]),
                             ", has a character that stands for no byte"});
    });
    vocabulary.tokens.push_back(*bytes);
  }
  return BpeTokenizer(vocabulary);
}

/// The SentencePiece tokenizer with this vocabulary. ConfigError, with the reason, if it is not
/// one.
inline SentencePieceTokenizer sentence_piece_tokenizer_of(const TokenTable& table) {
  return SentencePieceTokenizer(
      {table.tokens, table.kinds,
       table.scores.empty() ? detail::merges_of(table) : std::vector<BpeMerge>(), table.rules,
       table.scores, table.prefix, table.strip_space, table.fuse_unknown});
}

/// The tokenizer with this vocabulary: SentencePiece's, of characters if possible, otherwise of
/// byte pairs. ConfigError, with the reason, if it is none of these.
inline AnyTokenizer tokenizer_of(const TokenTable& table) {
  const auto without_frame = [&]() -> AnyTokenizer {
    if (table.sentence_pieces) return sentence_piece_tokenizer_of(table);
    if (const auto characters = character_tokenizer_of(table)) return *characters;
    return bpe_tokenizer_of(table);
  };
  AnyTokenizer tokenizer = without_frame();
  tokenizer.set_frame(table.frame);
  return tokenizer;
}

/// Merges for a table with scores, as Hugging Face's converter makes them: of each token every pair
/// that makes it, by score. They differ from the scores where two pairs of one token overlap.
inline std::vector<std::string> merges_of_scores(const TokenTable& table) {
  std::unordered_map<std::string_view, std::size_t> numbers;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    if (table.kinds[i] != TokenKind::normal) continue;
    numbers.emplace(table.tokens[i], i);
    order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return table.scores[a] > table.scores[b]; });
  std::vector<std::string> merges;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (const std::size_t token : order) {
    const std::string_view text = table.tokens[token];
    pairs.clear();
    for (std::size_t at = 1; at < text.size(); ++at) {
      const auto left = numbers.find(text.substr(0, at)), right = numbers.find(text.substr(at));
      if (left != numbers.end() && right != numbers.end()) {
        pairs.emplace_back(left->second, right->second);
      }
    }
    std::sort(pairs.begin(), pairs.end());
    for (const auto& [left, right] : pairs) {
      merges.push_back(detail::concat({table.tokens[left], ' ', table.tokens[right]}));
    }
  }
  return merges;
}

/// The token that ends a text, for formats that demand one: a control token, else the unknown
/// token, else one in reserve, none of which occurs in text; else the line end.
inline Token end_token_of(const TokenTable& table) {
  for (const auto kind : {TokenKind::control, TokenKind::unknown, TokenKind::unused}) {
    const auto found = std::find(table.kinds.begin(), table.kinds.end(), kind);
    if (found != table.kinds.end()) return static_cast<Token>(found - table.kinds.begin());
  }
  const auto line_end = std::find(table.tokens.begin(), table.tokens.end(), letters_of_bytes("\n"));
  return line_end == table.tokens.end() ? 0 : static_cast<Token>(line_end - table.tokens.begin());
}

/// Sets a tokenizer's end tokens to those of its model's files. The tokenizer keeps its own if the
/// files name none, or only the stopgap of end_token_of for a vocabulary without a control token.
inline void take_end_tokens(AnyTokenizer& tokenizer, const TokenTable& table,
                            const std::vector<Token>& tokens) {
  if (tokens.empty()) return;
  const auto first = static_cast<std::size_t>(tokens.front());
  const bool stopgap = tokens.size() == 1 && tokens.front() == end_token_of(table) &&
                       table.kinds[first] != TokenKind::control;
  if (!stopgap) tokenizer.set_end_tokens(tokens);
}

}  // namespace OCTAVO_NAMESPACE
