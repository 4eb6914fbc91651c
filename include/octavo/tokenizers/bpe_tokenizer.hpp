// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/tokenizers/bpe_merges.hpp>
#include <octavo/tokenizers/bpe_vocabulary.hpp>
#include <octavo/tokenizers/nfc.hpp>
#include <octavo/tokenizers/piece_cache.hpp>
#include <octavo/tokenizers/special_tokens.hpp>
#include <octavo/tokenizers/split_pattern.hpp>
#include <octavo/tokenizers/token_texts.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// GPT-2's byte-level byte-pair encoding (Radford et al. 2019): a text is split into pieces (words,
/// numbers and so on) by one of several patterns; within each piece, pairs of tokens are merged,
/// starting from single bytes. Decoding gives the text back, or its normalization form C if the
/// vocabulary demands it. "<|endoftext|>" in a text is ordinary text unless special tokens are
/// recognized; a user-defined token is found wherever its name occurs.
class BpeTokenizer {
 public:
  /// ConfigError, naming the token or merge, unless no token occurs twice, each merge joins tokens
  /// that exist by then into an existing token, every normal token is a byte or the result of a
  /// merge (or pieces that are tokens are not merged), and printable ASCII has tokens.
  explicit BpeTokenizer(const BpeVocabulary& vocabulary);

  Index vocabulary_size() const noexcept { return std::ssize(kinds_); }
  TokenKind kind(Token token) const { return kinds_[checked(token)]; }
  /// Whether the token is not part of the text: neither normal nor user-defined.
  bool is_special(Token token) const {
    const TokenKind what = kind(token);
    return what != TokenKind::normal && what != TokenKind::byte && what != TokenKind::user_defined;
  }
  /// Whether the token is in reserve and stands for nothing.
  bool is_reserve(Token token) const { return kind(token) == TokenKind::unused; }
  std::span<const BpeMerge> merges() const noexcept { return merges_; }
  /// See NameRule.
  const std::map<Token, NameRule>& rules() const noexcept { return rules_; }
  /// The token that a merge makes.
  Token result(std::size_t merge) const noexcept {
    return pairs_.find(merges_[merge].left, merges_[merge].right).result;
  }

  /// The vocabulary, as given to the constructor.
  BpeVocabulary vocabulary() const {
    BpeVocabulary given{{}, kinds_, merges_, rules_, split_, whole_pieces_, normalized_};
    for (Token token = 0; token < vocabulary_size(); ++token) {
      given.tokens.emplace_back(decode(token));
    }
    return given;
  }

  /// The token that ends a text: the control token "<|endoftext|>", or the only control token;
  /// nothing otherwise.
  std::optional<Token> end_token() const {
    std::optional<Token> only;
    Index controls = 0;
    for (Token token = 0; token < vocabulary_size(); ++token) {
      if (kind(token) != TokenKind::control) continue;
      if (view(token) == "<|endoftext|>") return token;
      only = token;
      ++controls;
    }
    return controls == 1 ? only : std::nullopt;
  }

  SplitPattern split() const noexcept { return split_; }
  bool whole_pieces() const noexcept { return whole_pieces_; }
  bool normalized() const noexcept { return normalized_; }

  /// The most tokens of a text of so many bytes.
  std::size_t most_tokens(std::size_t bytes) const noexcept {
    return normalized_ ? most_nfc_growth * bytes : bytes;
  }

  /// Allocates only for pieces (a word, a run of spaces) of more than 64 bytes, and for text that
  /// is not normalized if it must be. UnknownSymbol for a byte without a token if there is no
  /// unknown token.
  std::size_t encode(std::string_view text, std::span<Token> out,
                     SpecialTokens special = SpecialTokens::as_text) const;
  std::vector<Token> encode(std::string_view text,
                            SpecialTokens special = SpecialTokens::as_text) const {
    return detail::encoded(*this, text, special);
  }

  /// The bytes of a token of the text; the name of any other token.
  std::string_view decode(Token token) const { return view(static_cast<Token>(checked(token))); }

  /// The offset of the first byte without a token of its own; npos if there is none.
  std::size_t first_unknown(std::string_view text) const noexcept;

  /// See split_last_cut; never within the name of a user-defined token.
  std::size_t last_cut(std::string_view text) const noexcept {
    std::size_t cut = split_last_cut(split_, text, normalized_);
    while (cut > 0 && (names_.crosses(text, cut) || late_names_.crosses(text, cut))) {
      cut = split_last_cut(split_, text.substr(0, cut), normalized_);
    }
    return cut;
  }

  /// Bytes on the heap.
  std::size_t memory_bytes() const noexcept {
    return texts_.memory_bytes() + sizeof(TokenKind) * kinds_.size() +
           sizeof(BpeMerge) * merges_.size() + pairs_.memory_bytes() + names_.memory_bytes() +
           late_names_.memory_bytes();
  }

  friend bool operator==(const BpeTokenizer& a, const BpeTokenizer& b) noexcept {
    return a.texts_ == b.texts_ && a.kinds_ == b.kinds_ && a.merges_ == b.merges_ &&
           a.rules_ == b.rules_ && a.split_ == b.split_ && a.whole_pieces_ == b.whole_pieces_ &&
           a.normalized_ == b.normalized_;
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

  // --- Encoding ---------------------------------------------------------------------------------

  std::size_t encode_text(std::string_view text, std::span<Token> out) const {
    if (has_missing_ && unknown_ == no_token) require_known(text);
    // A long text repeats many words.
    return text.size() < 4096 ? encode_pieces(text, out) : encode_remembering(text, out);
  }

  std::size_t encode_pieces(std::string_view text, std::span<Token> out) const {
    std::size_t count = 0;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = piece_end(split_, text, begin);
      count += encode_piece(text.substr(begin, end - begin), out.subspan(count));
      begin = end;
    }
    return count;
  }

  std::size_t encode_remembering(std::string_view text, std::span<Token> out) const;

  std::size_t encode_piece(std::string_view piece, std::span<Token> out) const {
    if (const Token token = texts_.find(piece); token != no_token) {
      out[0] = token;
      return 1;
    }
    return merge_bytes(piece, out);
  }

  std::size_t merge_bytes(std::string_view piece, std::span<Token> out) const {
    for (std::size_t i = 0; i < piece.size(); ++i) {
      out[i] = token_of_byte_[static_cast<unsigned char>(piece[i])];
    }
    return pairs_.merge(out.first(piece.size()));
  }

  void require_known(std::string_view text) const;

  std::string_view view(Token token) const noexcept { return texts_.view(token); }

  void build_index();

  std::string named(Token token) const {
    return detail::concat({"vocabulary: token ", token, ", ", printable(view(token)), ","});
  }

  void find_bytes() {
    for (std::size_t byte = 0; byte < token_of_byte_.size(); ++byte) {
      const char symbol = static_cast<char>(static_cast<unsigned char>(byte));
      token_of_byte_[byte] = texts_.find({&symbol, 1});
      if (token_of_byte_[byte] != no_token) continue;
      require(byte < 0x20 || byte > 0x7e, [&] {
        return detail::concat(
            {"vocabulary: there is no token for the byte ", printable({&symbol, 1})});
      });
      has_missing_ = true;
      token_of_byte_[byte] = unknown_;
    }
  }

  void add_merges();

  /// A token whose bytes merge into other tokens (because the merge that makes it is never reached)
  /// is not a shortcut.
  void keep_reachable() {
    std::vector<Token> reachable;
    std::array<Token, BpeVocabulary::longest_token> merged;
    for (const Token token : texts_.inserted()) {
      if (merge_bytes(view(token), merged) == 1) reachable.push_back(token);
    }
    texts_.clear_table();
    for (const Token token : reachable) texts_.insert(token);
  }

  void find_names();

  detail::TokenTexts texts_;  ///< its table: the tokens that a piece with their bytes becomes
  std::vector<TokenKind> kinds_;
  std::vector<BpeMerge> merges_;
  std::map<Token, NameRule> rules_;
  SplitPattern split_;
  bool whole_pieces_, normalized_;
  bool has_missing_ = false;  ///< a byte has no token of its own
  Token unknown_ = no_token;  ///< stands for such bytes
  std::array<Token, 256> token_of_byte_{};
  BpeMerges pairs_;
  detail::TokenNames names_, late_names_;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE BpeTokenizer::BpeTokenizer(const BpeVocabulary& vocabulary)
    : kinds_(vocabulary.kinds),
      merges_(vocabulary.merges),
      rules_(vocabulary.rules),
      split_(vocabulary.split),
      whole_pieces_(vocabulary.whole_pieces),
      normalized_(vocabulary.normalized),
      pairs_(merges_.size()) {
  const auto& tokens = vocabulary.tokens;
  require(tokens.size() <= BpeVocabulary::most_tokens && kinds_.size() == tokens.size() &&
              merges_.size() <= BpeVocabulary::most_merges,
          "vocabulary: expected at most 2^19 tokens, each with a kind, and 2^20 merges");
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    require(!tokens[i].empty() && tokens[i].size() <= BpeVocabulary::longest_token, [&] {
      return detail::concat(
          {"vocabulary: token ", i, " has ", tokens[i].size(), " bytes, expected 1 to 512"});
    });
    require(texts_.bytes() + tokens[i].size() <= BpeVocabulary::most_bytes,
            "vocabulary: its tokens have more than 2^24 bytes together");
    texts_.add(tokens[i]);
  }
  const auto unknown = std::find(kinds_.begin(), kinds_.end(), TokenKind::unknown);
  if (unknown != kinds_.end()) unknown_ = static_cast<Token>(unknown - kinds_.begin());
  build_index();
  find_bytes();
  add_merges();
  if (!whole_pieces_) keep_reachable();
  find_names();
}

OCTAVO_INLINE std::size_t BpeTokenizer::encode(std::string_view text, std::span<Token> out,
                                               SpecialTokens special) const {
  require(!texts_.empty(), "encode: the tokenizer has been moved from, and knows no tokens");
  require(out.size() >= most_tokens(text.size()), "encode: the output is shorter than the text");
  const auto encode_plain = [this](std::string_view plain, std::span<Token> plain_out) {
    return encode_text(plain, plain_out);
  };
  return detail::encode_names(names_, text, out, special, [&](auto rest, auto rest_out) {
    const auto changed = normalized_ ? to_nfc(rest) : std::nullopt;
    return detail::encode_names(late_names_, changed ? std::string_view(*changed) : rest, rest_out,
                                special, encode_plain);
  });
}

OCTAVO_INLINE std::size_t BpeTokenizer::first_unknown(std::string_view text) const noexcept {
  for (std::size_t at = 0; has_missing_ && at < text.size(); ++at) {
    const Token token = token_of_byte_[static_cast<unsigned char>(text[at])];
    if (token == no_token || token == unknown_) return at;
  }
  return std::string_view::npos;
}

OCTAVO_INLINE void BpeTokenizer::require_known(std::string_view text) const {
  const std::size_t at = first_unknown(text);
  if (at == std::string_view::npos) return;
  throw UnknownSymbol(detail::concat({"byte ", at, ": ", printable(text.substr(at, 1)),
                                      " is not in the model's vocabulary"}),
                      at, "leave it out");
}

OCTAVO_INLINE std::size_t BpeTokenizer::encode_remembering(std::string_view text,
                                                           std::span<Token> out) const {
  detail::PieceCache cache;
  std::size_t count = 0;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    end = piece_end(split_, text, begin);
    const std::size_t size = end - begin;
    if (size > detail::ShortKey::most) {
      count += encode_piece(text.substr(begin, size), out.subspan(count));
      continue;
    }
    const detail::ShortKey key(text, begin, size);
    bool known = false;
    detail::PieceCache::Entry& entry = cache.at(key, known);
    if (!known) {
      const std::size_t tokens = encode_piece(text.substr(begin, size), out.subspan(count));
      entry = {key.words, key.size, static_cast<std::uint32_t>(tokens), count};
      count += tokens;
      continue;
    }
    for (std::size_t i = 0; i < entry.count; ++i) out[count++] = out[entry.first + i];
  }
  return count;
}

OCTAVO_INLINE void BpeTokenizer::build_index() {
  texts_.clear_table();
  for (Token token = 0; token < vocabulary_size(); ++token) {
    if (kind(token) != TokenKind::normal) continue;
    require(texts_.insert(token), [&] { return detail::concat({named(token), " occurs twice"}); });
  }
  std::vector<Token> others;
  for (Token token = 0; token < vocabulary_size(); ++token) {
    if (kind(token) != TokenKind::normal) others.push_back(token);
  }
  std::sort(others.begin(), others.end(), [&](Token a, Token b) {
    const int order = view(a).compare(view(b));
    return order != 0 ? order < 0 : a < b;
  });
  const auto twice = std::adjacent_find(others.begin(), others.end(),
                                        [&](Token a, Token b) { return view(a) == view(b); });
  require(twice == others.end(), [&] {
    return detail::concat({named(twice[1]), " occurs twice"});
  });
  for (const Token token : others) {  // in files, where bytes are letters
    const auto bytes = bytes_of_letters(view(token));
    require(!bytes || texts_.find(*bytes) == no_token, [&] {
      return detail::concat({named(token), " occurs twice"});
    });
  }
}

OCTAVO_INLINE void BpeTokenizer::add_merges() {
  std::vector<bool> made(kinds_.size());
  for (const Token token : token_of_byte_) {
    if (token != no_token && token != unknown_) made[static_cast<std::size_t>(token)] = true;
  }
  for (std::size_t i = 0; whole_pieces_ && i < made.size(); ++i) {
    made[i] = kinds_[i] == TokenKind::normal;
  }
  const auto exists = [&](Token token) {
    return token >= 0 && token < vocabulary_size() && made[static_cast<std::size_t>(token)];
  };
  std::string joined;
  for (std::size_t i = 0; i < merges_.size(); ++i) {
    const Token left = merges_[i].left;
    const Token right = merges_[i].right;
    const auto label = [&] { return detail::concat({"merges: merge ", i}); };
    require(exists(left) && exists(right), [&] {
      return detail::concat(
          {label(), ": token ", exists(left) ? right : left, " is not made by an earlier merge"});
    });
    joined = view(left);
    joined += view(right);
    const Token result = texts_.find(joined);
    require(result != no_token, [&] {
      return detail::concat({label(), " makes ", printable(joined), ", which is not a token"});
    });
    require(pairs_.add(merges_[i], result), [&] {
      return detail::concat({label(), ", which makes ", printable(joined), ", occurs twice"});
    });
    made[static_cast<std::size_t>(result)] = true;
  }
  for (Token token = 0; token < vocabulary_size(); ++token) {
    require(kind(token) != TokenKind::normal || exists(token), [&] {
      return detail::concat({named(token), " is not the result of a merge"});
    });
  }
}

OCTAVO_INLINE void BpeTokenizer::find_names() {
  detail::require_sound_rules(kinds_, rules_);
  for (Token token = 0; token < vocabulary_size(); ++token) {
    const auto found = rules_.find(token);
    const NameRule rule = found == rules_.end() ? NameRule{} : found->second;
    if (!has_name(kind(token)) && !rule.always && !rule.recognized) continue;
    detail::TokenNames& names = rule.late ? late_names_ : names_;
    const auto changed = rule.late && normalized_ ? to_nfc(view(token)) : std::nullopt;
    names.add(changed ? std::string_view(*changed) : view(token), token,
              kind(token) == TokenKind::user_defined || rule.always, rule);
  }
  names_.sort();
  late_names_.sort();
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
