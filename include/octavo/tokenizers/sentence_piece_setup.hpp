// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/tokenizers/sentence_piece_tokenizer.hpp>

// How a SentencePieceTokenizer is made of a vocabulary.
#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE SentencePieceTokenizer::SentencePieceTokenizer(
    const SentencePieceVocabulary& vocabulary)
    : kinds_(vocabulary.kinds),
      merges_(vocabulary.merges),
      scores_(vocabulary.scores),
      rules_(vocabulary.rules),
      prefix_(vocabulary.prefix),
      strip_space_(vocabulary.strip_space),
      fuse_unknown_(vocabulary.fuse_unknown) {
  using V = SentencePieceVocabulary;
  require(vocabulary.tokens.size() <= V::most_tokens && kinds_.size() == vocabulary.tokens.size() &&
              merges_.size() <= V::most_merges,
          "vocabulary: expected at most 2^19 tokens, each with a kind, and 2^20 merges");
  require(scores_.empty() || (scores_.size() == kinds_.size() && merges_.empty()),
          "vocabulary: expected a score for each token and no merges, or no scores");
  add_tokens(vocabulary);
  find_bytes();
  if (scores_.empty()) {
    add_merges();
  } else {
    add_scored_pairs();
  }
  within_.finish();
  keep_reachable();
  find_names();
}

OCTAVO_INLINE void SentencePieceTokenizer::add_tokens(const SentencePieceVocabulary& vocabulary) {
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const std::string& token = vocabulary.tokens[i];
    require(!token.empty() && token.size() <= SentencePieceVocabulary::longest_token, [&] {
      return detail::concat(
          {"vocabulary: token ", i, " has ", token.size(), " bytes, expected 1 to 512"});
    });
    require(pieces_.bytes() + token.size() <= SentencePieceVocabulary::most_bytes,
            "vocabulary: its tokens have more than 2^24 bytes together");
    pieces_.add(token);
    const int byte = kinds_[i] == TokenKind::byte ? byte_of_token_name(token) : -1;
    require(byte >= 0 || kinds_[i] != TokenKind::byte, [&] {
      return detail::concat({named(static_cast<Token>(i)), " is of a byte, expected '<0x00>'"});
    });
    texts_.add(byte >= 0 ? std::string(1, static_cast<char>(static_cast<unsigned char>(byte)))
                         : spaces_of_marks(token));
  }
  pieces_.clear_table();
  texts_.clear_table();
  for (Token token = 0; token < vocabulary_size(); ++token) {
    require(pieces_.insert(token), [&] { return detail::concat({named(token), " occurs twice"}); });
    if (kind(token) == TokenKind::unknown && unknown_ == no_token) unknown_ = token;
    if (kind(token) != TokenKind::normal) continue;
    const std::string_view text = pieces_.view(token);
    bool sound = text.find(' ') == text.npos;
    for (std::size_t at = 0; sound && at < text.size(); at += utf8_length(text.substr(at))) {
      sound = utf8_length(text.substr(at)) > 0;
    }
    require(sound, [&] { return detail::concat({named(token), " has a space, or is not UTF-8"}); });
    texts_.insert(token);
  }
}

OCTAVO_INLINE void SentencePieceTokenizer::find_bytes() {
  std::size_t count = 0;
  for (Token token = 0; token < vocabulary_size(); ++token) {
    if (kind(token) != TokenKind::byte) continue;
    token_of_byte_[static_cast<unsigned char>(texts_.view(token)[0])] = token;
    ++count;
  }
  has_bytes_ = count == token_of_byte_.size();
  require(has_bytes_ || count == 0, [&] {
    return detail::concat({"vocabulary: ", count, " bytes have tokens, expected 256 or none"});
  });
  require(has_bytes_ || unknown_ != no_token,
          "vocabulary: neither do the bytes have tokens, nor is there an unknown token");
  for (std::size_t code = 0; code < ascii_.size(); ++code) {
    const char symbol = static_cast<char>(code);
    ascii_[code] = texts_.find({&symbol, 1});
  }
}

OCTAVO_INLINE void SentencePieceTokenizer::add_merges() {
  pairs_ = BpeMerges(merges_.size());
  const auto is_normal = [&](Token token) {
    return token >= 0 && token < vocabulary_size() && kind(token) == TokenKind::normal;
  };
  std::string joined;
  for (std::size_t i = 0; i < merges_.size(); ++i) {
    const auto [left, right] = merges_[i];
    const auto label = [&] { return detail::concat({"merges: merge ", i}); };
    require(is_normal(left) && is_normal(right), [&] {
      return detail::concat({label(), ": token ",
                             (is_normal(merges_[i].left) ? merges_[i].right : merges_[i].left),
                             " is not a normal token"});
    });
    joined = texts_.view(left);
    joined += texts_.view(right);
    const Token result = texts_.find(joined);
    require(result != no_token, [&] {
      return detail::concat({label(), " makes ", printable(joined), ", which is not a token"});
    });
    require(pairs_.add(merges_[i], result), [&] {
      return detail::concat({label(), ", which makes ", printable(joined), ", occurs twice"});
    });
    within_.add(joined);
  }
}

OCTAVO_INLINE Token SentencePieceTokenizer::symbol_of(std::string_view text, bool hidden) {
  const Token token = texts_.find(text);
  if (token != no_token || !hidden) return token;
  const auto next = static_cast<Token>(kinds_.size() + hidden_.size());
  const auto [found, made] = hidden_.emplace(std::string(text), next);
  if (made) hidden_texts_.push_back(found->first);
  return found->second;
}

OCTAVO_INLINE void SentencePieceTokenizer::add_scored_pairs() {
  std::vector<float> order;
  for (Token token = 0; token < vocabulary_size(); ++token) {
    const float score = scores_[static_cast<std::size_t>(token)];
    require(std::isfinite(score), [&] {
      return detail::concat({named(token), " has a score that is not finite"});
    });
    if (kind(token) == TokenKind::normal) order.push_back(score);
  }
  std::sort(order.begin(), order.end(), std::greater<>());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  struct Pair {
    BpeMerge merge;
    Token result;
  };
  std::vector<Pair> pairs;
  for (Token token = 0; token < vocabulary_size(); ++token) {
    if (kind(token) != TokenKind::normal) continue;
    const std::string_view text = texts_.view(token);
    const std::size_t first = utf8_length(text);
    std::size_t size = 0;  // of the last character
    for (std::size_t at = first; at < text.size(); at += size) {
      size = utf8_length(text.substr(at));
      const Token left = symbol_of(text.substr(0, at), at == first);
      const Token right = symbol_of(text.substr(at), at + size == text.size());
      if (left != no_token && right != no_token) pairs.push_back({{left, right}, token});
    }
    within_.add(text);
  }
  pairs_ = BpeMerges(pairs.size());
  for (const Pair& pair : pairs) {
    const float score = scores_[static_cast<std::size_t>(pair.result)];
    const auto rank = std::lower_bound(order.begin(), order.end(), score, std::greater<>());
    pairs_.add(pair.merge, pair.result, static_cast<std::uint32_t>(rank - order.begin()));
  }
}

OCTAVO_INLINE void SentencePieceTokenizer::keep_reachable() {
  std::vector<Token> reachable;
  std::array<Token, 2 * SentencePieceVocabulary::longest_token + 1> merged;
  for (const Token token : texts_.inserted()) {
    if (merge_characters(texts_.view(token), merged, false) == 1) reachable.push_back(token);
  }
  texts_.clear_table();
  for (const Token token : reachable) texts_.insert(token);
}

OCTAVO_INLINE void SentencePieceTokenizer::find_names() {
  detail::require_sound_rules(kinds_, rules_);
  const bool changes = prefix_ < SpacePrefix::first_spared;  // where late names are searched
  for (Token token = 0; token < vocabulary_size(); ++token) {
    const auto found = rules_.find(token);
    const NameRule rule = found == rules_.end() ? NameRule{} : found->second;
    if (!has_name(kind(token)) && !rule.always && !rule.recognized) continue;
    std::string name(pieces_.view(token));
    // SentencePiece searches in a text without spaces.
    if (rule.late && !scores_.empty() && name.find(' ') != name.npos) continue;
    if (rule.late && changes) {
      name = (prefix_ == SpacePrefix::always ? " " : "") + spaces_of_marks(name);
    }
    const bool always = kind(token) == TokenKind::user_defined || rule.always;
    (rule.late ? late_names_ : names_).add(name, token, always, rule);
  }
  names_.sort();
  late_names_.sort();
}

OCTAVO_INLINE SentencePieceVocabulary SentencePieceTokenizer::vocabulary() const {
  SentencePieceVocabulary given{{},      kinds_,  merges_,      rules_,
                                scores_, prefix_, strip_space_, fuse_unknown_};
  for (Token token = 0; token < vocabulary_size(); ++token) {
    given.tokens.emplace_back(pieces_.view(token));
  }
  return given;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
