// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/tokenizers/bpe_vocabulary.hpp>
#include <octavo/tokenizers/gpt2_split.hpp>
#include <octavo/tokenizers/unicode_letters.hpp>

namespace OCTAVO_NAMESPACE {

/// How the name of a control token in a text, such as "<|endoftext|>", is encoded: as ordinary
/// text, or as that token.
enum class SpecialTokens { as_text, recognized };

namespace detail {

/// An occurrence of a token's name in a text: bytes [begin, end), including the spaces that belong
/// to it.
struct NameInText {
  std::size_t begin = std::string_view::npos, end = std::string_view::npos;
  Token token = -1;
};

/// The names of tokens that are found in a text before it is split into words, as in Hugging Face's
/// tokenizers and llama.cpp: the leftmost first, and at one place the longest. Names of
/// user-defined tokens are always found, names of control tokens and of the unknown token only if
/// they are recognized.
class TokenNames {
 public:
  /// `always`: whether the name is found even if special tokens are encoded as text.
  void add(std::string_view name, Token token, bool always, NameRule rule);
  /// To be called after the last name was added.
  void sort();

  bool has(SpecialTokens special) const noexcept { return (any_ & bit(special)) != 0; }

  /// The first occurrence of a name at or after `from`; spaces before it that belong to it are
  /// taken from `from` on.
  NameInText find(std::string_view text, std::size_t from, SpecialTokens special) const noexcept;

  /// Whether a name that is always found may cross `cut` in a text that starts with `text`; or,
  /// with `touching`, end there.
  bool crosses(std::string_view text, std::size_t cut, bool touching = false) const noexcept;

  std::size_t memory_bytes() const noexcept;

 private:
  struct Name {
    std::string text;
    Token token;
    NameRule rule;
    bool always;
  };

  static constexpr unsigned char recognized_only = 1, both = 3;
  static constexpr unsigned char bit(SpecialTokens special) noexcept {
    return special == SpecialTokens::recognized ? 1 : 2;
  }

  /// The longest name at the start of `text`. All such names precede `text` in the sort order, and
  /// the last name before `text` shares with it at least the prefix that any of them shares.
  const Name* longest_at(std::string_view text, SpecialTokens special) const noexcept;

  static std::size_t begin_of_spaces(std::string_view text, std::size_t from,
                                     std::size_t at) noexcept;

  /// Whether neither the character before `begin` nor the one at `end` is part of a word.
  static bool is_single_word(std::string_view text, std::size_t begin, std::size_t end) noexcept;

  std::vector<Name> names_;
  std::array<unsigned char, 256> begins_{};
  unsigned char any_ = 0;
  std::size_t longest_ = 0;
};

/// ConfigError if a rule is empty, or of a token that has no name.
OCTAVO_INLINE void require_sound_rules(std::span<const TokenKind> kinds,
                                       const std::map<Token, NameRule>& rules);

/// Writes the tokens of names to `out`, and between names what encode_rest(text, out) writes.
/// Returns the number of tokens.
template <typename Rest>
std::size_t encode_names(const TokenNames& names, std::string_view text, std::span<Token> out,
                         SpecialTokens special, const Rest& encode_rest) {
  std::size_t count = 0, begin = 0;
  while (names.has(special)) {
    const NameInText name = names.find(text, begin, special);
    if (name.token < 0) break;
    count += encode_rest(text.substr(begin, name.begin - begin), out.subspan(count));
    out[count++] = name.token;
    begin = name.end;
  }
  return count + encode_rest(text.substr(begin), out.subspan(count));
}

}  // namespace detail
}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE void TokenNames::add(std::string_view name, Token token, bool always, NameRule rule) {
  names_.push_back({std::string(name), token, rule, always});
  begins_[static_cast<unsigned char>(name[0])] |= always ? both : recognized_only;
  any_ |= always ? both : recognized_only;
  longest_ = std::max(longest_, name.size());
}

OCTAVO_INLINE void TokenNames::sort() {
  std::sort(names_.begin(), names_.end(),
            [](const Name& a, const Name& b) { return a.text < b.text; });
}

OCTAVO_INLINE NameInText TokenNames::find(std::string_view text, std::size_t from,
                                          SpecialTokens special) const noexcept {
  for (std::size_t at = from; at < text.size(); ++at) {
    if ((begins_[static_cast<unsigned char>(text[at])] & bit(special)) == 0) continue;
    const Name* const name = longest_at(text.substr(at), special);
    if (name == nullptr) continue;
    if (name->rule.single_word && !is_single_word(text, at, at + name->text.size())) {
      at += name->text.size() - 1;  // as in Hugging Face's tokenizers, nothing is found within it
      continue;
    }
    NameInText found{at, at + name->text.size(), name->token};
    if (name->rule.strip_left) found.begin = begin_of_spaces(text, from, at);
    if (name->rule.strip_right) {
      found.end = end_of_run(text, found.end, CharacterClass::space);
    }
    return found;
  }
  return {};
}

OCTAVO_INLINE bool TokenNames::crosses(std::string_view text, std::size_t cut,
                                       bool touching) const noexcept {
  if (!has(SpecialTokens::as_text)) return false;
  for (std::size_t at = cut - std::min(cut, longest_); at <= cut && at < text.size(); ++at) {
    if ((begins_[static_cast<unsigned char>(text[at])] & bit(SpecialTokens::as_text)) == 0) {
      continue;
    }
    for (const Name& name : names_) {
      const std::string_view rest = text.substr(at, name.text.size());
      const bool looks_on = touching || name.rule.strip_right || name.rule.single_word;
      const std::size_t end = at + name.text.size() + (looks_on ? 1 : 0);
      const bool crosses = end > cut && (at < cut || name.rule.single_word);
      if (name.always && crosses && std::string_view(name.text).starts_with(rest)) return true;
    }
  }
  return false;
}

OCTAVO_INLINE void require_sound_rules(std::span<const TokenKind> kinds,
                                       const std::map<Token, NameRule>& rules) {
  for (const auto& [token, rule] : rules) {
    const bool known = token >= 0 && token < std::ssize(kinds);
    const TokenKind kind = known ? kinds[static_cast<std::size_t>(token)] : TokenKind::unused;
    const bool normal = kind == TokenKind::normal;
    const bool sound = known && rule != NameRule{} && (normal || has_name(kind)) &&
                       (rule.always || rule.recognized) == normal &&
                       !(rule.always && rule.recognized);
    require(sound, "vocabulary: a name rule is empty, or its token has no name");
  }
}

OCTAVO_INLINE std::size_t TokenNames::memory_bytes() const noexcept {
  std::size_t bytes = sizeof(Name) * names_.size();
  for (const Name& name : names_) bytes += name.text.size();
  return bytes;
}

OCTAVO_INLINE const TokenNames::Name* TokenNames::longest_at(std::string_view text,
                                                             SpecialTokens special) const noexcept {
  std::string_view key = text.substr(0, longest_);
  while (!key.empty()) {
    const auto after =
        std::upper_bound(names_.begin(), names_.end(), key,
                         [](std::string_view one, const Name& name) { return one < name.text; });
    if (after == names_.begin()) return nullptr;
    const Name& name = *(after - 1);
    const auto shared = static_cast<std::size_t>(
        std::mismatch(key.begin(), key.end(), name.text.begin(), name.text.end()).first -
        key.begin());
    if (shared < name.text.size()) {
      key = key.substr(0, shared);
    } else if (special == SpecialTokens::recognized || name.always) {
      return &name;
    } else {
      key = key.substr(0, shared - 1);
    }
  }
  return nullptr;
}

OCTAVO_INLINE bool TokenNames::is_single_word(std::string_view text, std::size_t begin,
                                              std::size_t end) noexcept {
  const auto is_word = [&](std::size_t at) {
    const std::size_t size = utf8_length(text.substr(at));
    return size > 0 && is_word_code(utf8_code(text.substr(at, size)));
  };
  if (end < text.size() && is_word(end)) return false;
  if (begin == 0) return true;
  std::size_t before = begin - 1;
  while (before > 0 && begin - before < 4 && (text[before] & 0xc0) == 0x80) --before;
  return !is_word(before);
}

OCTAVO_INLINE std::size_t TokenNames::begin_of_spaces(std::string_view text, std::size_t from,
                                                      std::size_t at) noexcept {
  while (at > from) {
    std::size_t before = at - 1;
    while (before > from && at - before < 4 && (text[before] & 0xc0) == 0x80) --before;
    const Character character = character_at(text, before);
    if (character.kind != CharacterClass::space || character.size != at - before) break;
    at = before;
  }
  return at;
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
