// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
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
#include <octavo/tokenizers/gpt2_split.hpp>
#include <octavo/tokenizers/piece_cache.hpp>
#include <octavo/tokenizers/special_tokens.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// GPT-2's byte-level byte-pair encoding (Radford et al. 2019): a text is split into pieces (words,
/// numbers and so on); within each piece, pairs of tokens are merged, starting from single bytes.
/// All bytes can be encoded, and decoding gives them back. "<|endoftext|>" in a text is ordinary
/// text unless special tokens are recognized; a user-defined token is found wherever its name
/// occurs.
class BpeTokenizer {
 public:
  /// ConfigError, naming the token or merge, unless every byte has a token, no token occurs twice,
  /// each merge joins tokens that exist by then into an existing token, and every normal token is a
  /// byte or the result of a merge.
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
    BpeVocabulary given{{}, kinds_, merges_, rules_};
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

  /// Allocates only for pieces (a word, a run of spaces) of more than 64 bytes.
  std::size_t encode(std::string_view text, std::span<Token> out,
                     SpecialTokens special = SpecialTokens::as_text) const;
  std::vector<Token> encode(std::string_view text,
                            SpecialTokens special = SpecialTokens::as_text) const {
    return detail::encoded(*this, text, special);
  }

  /// The bytes of a token of the text; the name of any other token.
  std::string_view decode(Token token) const {
    const std::size_t at = checked(token);
    return std::string_view(bytes_).substr(starts_[at], starts_[at + 1] - starts_[at]);
  }

  /// See gpt2_last_cut; never within the name of a user-defined token.
  std::size_t last_cut(std::string_view text) const noexcept {
    std::size_t cut = gpt2_last_cut(text);
    while (cut > 0 && (names_.crosses(text, cut) || late_names_.crosses(text, cut))) {
      cut = gpt2_last_cut(text.substr(0, cut));
    }
    return cut;
  }

  /// Bytes on the heap.
  std::size_t memory_bytes() const noexcept {
    return bytes_.size() + sizeof(std::uint32_t) * starts_.size() +
           sizeof(TokenKind) * kinds_.size() + sizeof(BpeMerge) * merges_.size() +
           sizeof(Token) * whole_.size() + pairs_.memory_bytes() + names_.memory_bytes() +
           late_names_.memory_bytes();
  }

  friend bool operator==(const BpeTokenizer& a, const BpeTokenizer& b) noexcept {
    return a.bytes_ == b.bytes_ && a.starts_ == b.starts_ && a.kinds_ == b.kinds_ &&
           a.merges_ == b.merges_ && a.rules_ == b.rules_;
  }

 private:
  static constexpr Token no_token = -1;

  std::size_t checked(Token token) const {
    require(token >= 0 && token < vocabulary_size(), [&] {
      return detail::concat(
          {"decode: got token ", token, ", expected 0 to ", vocabulary_size() - 1});
    });
    return static_cast<std::size_t>(token);
  }

  // --- Encoding ---------------------------------------------------------------------------------

  /// Writes the tokens of names, and between names what encode_rest(text, out) writes.
  template <typename Rest>
  static std::size_t encode_names(const detail::TokenNames& names, std::string_view text,
                                  std::span<Token> out, SpecialTokens special,
                                  const Rest& encode_rest) {
    std::size_t count = 0, begin = 0;
    while (names.has(special)) {
      const detail::NameInText name = names.find(text, begin, special);
      if (name.token < 0) break;
      count += encode_rest(text.substr(begin, name.begin - begin), out.subspan(count));
      out[count++] = name.token;
      begin = name.end;
    }
    return count + encode_rest(text.substr(begin), out.subspan(count));
  }

  /// Encodes a text without names.
  std::size_t encode_text(std::string_view text, std::span<Token> out) const {
    // A long text repeats many words.
    return text.size() < 4096 ? encode_pieces(text, out) : encode_remembering(text, out);
  }

  std::size_t encode_pieces(std::string_view text, std::span<Token> out) const {
    std::size_t count = 0;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = gpt2_piece_end(text, begin);
      count += encode_piece(text.substr(begin, end - begin), out.subspan(count));
      begin = end;
    }
    return count;
  }

  std::size_t encode_remembering(std::string_view text, std::span<Token> out) const;

  std::size_t encode_piece(std::string_view piece, std::span<Token> out) const {
    if (const Token token = whole_[place(piece)]; token != no_token) {
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

  // --- The index: normal tokens by their bytes ---------------------------------------------------

  static std::uint64_t hash_of(std::string_view bytes) noexcept {
    std::uint64_t hash = bytes.size();
    for (std::size_t at = 0; at < bytes.size(); at += detail::ShortKey::most) {
      const std::size_t size = std::min(bytes.size() - at, detail::ShortKey::most);
      hash = (hash ^ detail::ShortKey(bytes, at, size).hash()) * 0x9e3779b97f4a7c15u;
    }
    return hash;
  }

  /// The slot of these bytes, or the free slot for them.
  std::size_t place(std::string_view bytes) const noexcept {
    auto at = static_cast<std::size_t>(hash_of(bytes) >> shift_);
    while (whole_[at] != no_token && view(whole_[at]) != bytes) at = (at + 1) % whole_.size();
    return at;
  }

  std::string_view view(Token token) const noexcept {
    const auto at = static_cast<std::size_t>(token);
    return {bytes_.data() + starts_[at], starts_[at + 1] - starts_[at]};
  }

  void build_index();

  std::string named(Token token) const {
    return detail::concat({"vocabulary: token ", token, ", ", printable(view(token)), ","});
  }

  void find_bytes() {
    for (std::size_t byte = 0; byte < token_of_byte_.size(); ++byte) {
      const char symbol = static_cast<char>(static_cast<unsigned char>(byte));
      token_of_byte_[byte] = whole_[place({&symbol, 1})];
      require(token_of_byte_[byte] != no_token, [&] {
        return detail::concat(
            {"vocabulary: there is no token for the byte ", printable({&symbol, 1})});
      });
    }
  }

  void add_merges();

  /// A token whose bytes merge into other tokens (because the merge that makes it is never reached)
  /// is not a shortcut.
  void keep_reachable() {
    std::vector<Token> reachable;
    std::array<Token, BpeVocabulary::longest_token> merged;
    for (const Token token : whole_) {
      if (token != no_token && merge_bytes(view(token), merged) == 1) reachable.push_back(token);
    }
    std::fill(whole_.begin(), whole_.end(), no_token);
    for (const Token token : reachable) whole_[place(view(token))] = token;
  }

  void find_names();

  std::string bytes_;                  ///< of all tokens, one after the other
  std::vector<std::uint32_t> starts_;  ///< the start of each, and the end of the last
  std::vector<TokenKind> kinds_;
  std::vector<BpeMerge> merges_;
  std::map<Token, NameRule> rules_;
  std::array<Token, 256> token_of_byte_{};
  BpeMerges pairs_;
  std::vector<Token> whole_;  ///< by the hash of their bytes
  int shift_ = 0;
  detail::TokenNames names_, late_names_;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE BpeTokenizer::BpeTokenizer(const BpeVocabulary& vocabulary)
    : kinds_(vocabulary.kinds),
      merges_(vocabulary.merges),
      rules_(vocabulary.rules),
      pairs_(merges_.size()) {
  const auto& tokens = vocabulary.tokens;
  require(tokens.size() <= BpeVocabulary::most_tokens && kinds_.size() == tokens.size() &&
              merges_.size() <= BpeVocabulary::most_merges,
          "vocabulary: expected at most 2^18 tokens, each with a kind, and 2^18 merges");
  starts_.push_back(0);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    require(!tokens[i].empty() && tokens[i].size() <= BpeVocabulary::longest_token, [&] {
      return detail::concat(
          {"vocabulary: token ", i, " has ", tokens[i].size(), " bytes, expected 1 to 512"});
    });
    require(bytes_.size() + tokens[i].size() <= BpeVocabulary::most_bytes,
            "vocabulary: its tokens have more than 2^24 bytes together");
    bytes_ += tokens[i];
    starts_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  build_index();
  find_bytes();
  add_merges();
  keep_reachable();
  find_names();
}

OCTAVO_INLINE std::size_t BpeTokenizer::encode(std::string_view text, std::span<Token> out,
                                               SpecialTokens special) const {
  require(!whole_.empty(), "encode: the tokenizer has been moved from, and knows no tokens");
  require(out.size() >= text.size(), "encode: the output is shorter than the text");
  return encode_names(names_, text, out, special, [&](auto rest, auto rest_out) {
    return encode_names(late_names_, rest, rest_out, special, [this](auto plain, auto plain_out) {
      return encode_text(plain, plain_out);
    });
  });
}

OCTAVO_INLINE std::size_t BpeTokenizer::encode_remembering(std::string_view text,
                                                           std::span<Token> out) const {
  detail::PieceCache cache;
  std::size_t count = 0;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    end = gpt2_piece_end(text, begin);
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
  whole_.assign(std::bit_ceil(2 * std::max<std::size_t>(kinds_.size(), 8)), no_token);
  shift_ = 64 - std::countr_zero(whole_.size());
  for (Token token = 0; token < vocabulary_size(); ++token) {
    if (kind(token) != TokenKind::normal) continue;
    Token& found = whole_[place(view(token))];
    require(found == no_token, [&] { return detail::concat({named(token), " occurs twice"}); });
    found = token;
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
    require(!bytes || whole_[place(*bytes)] == no_token, [&] {
      return detail::concat({named(token), " occurs twice"});
    });
  }
}

OCTAVO_INLINE void BpeTokenizer::add_merges() {
  std::vector<bool> made(kinds_.size());
  for (const Token token : token_of_byte_) made[static_cast<std::size_t>(token)] = true;
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
    const Token result = whole_[place(joined)];
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
  for (const auto& [token, rule] : rules_) {
    const bool known = token >= 0 && token < vocabulary_size();
    const bool normal = known && kind(token) == TokenKind::normal;
    const bool sound = known && rule != NameRule{} && (normal || has_name(kind(token))) &&
                       (rule.always || rule.recognized) == normal &&
                       !(rule.always && rule.recognized);
    require(sound, "vocabulary: a name rule is empty, or its token has no name");
  }
  for (Token token = 0; token < vocabulary_size(); ++token) {
    const auto found = rules_.find(token);
    const NameRule rule = found == rules_.end() ? NameRule{} : found->second;
    if (!has_name(kind(token)) && !rule.always && !rule.recognized) continue;
    detail::TokenNames& names = rule.late ? late_names_ : names_;
    names.add(view(token), token, kind(token) == TokenKind::user_defined || rule.always, rule);
  }
  names_.sort();
  late_names_.sort();
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
