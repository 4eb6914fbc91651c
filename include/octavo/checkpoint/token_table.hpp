// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

namespace octavo {

/// What a token is for, by GGUF's numbers.
enum class TokenKind : std::int32_t { normal = 1, unknown, control, user_defined, unused, byte };

/// A vocabulary as GPT-2's files have it: every token as text in which each byte stands as a
/// printable character, so that " a" is "\u0120a"; merges as two such texts with a space between.
struct TokenTable {
  std::vector<std::string> tokens;  ///< by number, no two the same
  std::vector<TokenKind> kinds;     ///< one per token
  std::vector<std::string> merges;  ///< the earlier, the sooner

  /// A token that is there twice.
  std::optional<std::string_view> twice() const {
    std::vector<std::string_view> sorted(tokens.begin(), tokens.end());
    std::sort(sorted.begin(), sorted.end());
    const auto found = std::adjacent_find(sorted.begin(), sorted.end());
    return found == sorted.end() ? std::nullopt : std::optional(*found);
  }

  friend bool operator==(const TokenTable&, const TokenTable&) = default;
};

namespace detail {

/// The characters, in UTF-8, that stand for the bytes: what Latin-1 prints is itself, the other 68
/// bytes, in their order, are U+0100 and on (GPT-2's encoder.py, bytes_to_unicode).
inline const std::array<std::string, 256>& byte_letters() {
  static const std::array<std::string, 256> letters = [] {
    std::array<std::string, 256> made;
    unsigned next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const bool shown = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
      const unsigned code = shown ? byte : next++;
      if (code < 0x80) {
        made[byte] = static_cast<char>(code);
      } else {
        made[byte] = static_cast<char>(0xc0 | code >> 6);
        made[byte] += static_cast<char>(0x80 | (code & 0x3f));
      }
    }
    return made;
  }();
  return letters;
}

}  // namespace detail

/// The vocabulary of a character tokenizer: the unknown token is "<unk>", tokens in reserve are
/// "<unused_69>" and so on.
inline TokenTable token_table_of(const CharacterTokenizer& tokenizer) {
  TokenTable table;
  const auto add = [&](std::string text, TokenKind kind) {
    table.tokens.push_back(std::move(text));
    table.kinds.push_back(kind);
  };
  if (tokenizer.has_unknown()) add("<unk>", TokenKind::unknown);
  for (const char symbol : tokenizer.alphabet()) {
    add(detail::byte_letters()[static_cast<unsigned char>(symbol)], TokenKind::normal);
  }
  while (std::ssize(table.tokens) < tokenizer.vocabulary_size()) {
    add("<unused_" + std::to_string(table.tokens.size()) + ">", TokenKind::unused);
  }
  return table;
}

/// The character tokenizer whose vocabulary this is; nothing if there is none.
inline std::optional<CharacterTokenizer> character_tokenizer_of(const TokenTable& table) {
  const auto& letters = detail::byte_letters();
  const bool unknown = !table.kinds.empty() && table.kinds.front() == TokenKind::unknown;
  std::string alphabet;
  for (std::size_t i = unknown ? 1 : 0; i < table.tokens.size(); ++i) {
    const auto letter = std::find(letters.begin(), letters.end(), table.tokens[i]);
    const bool reserve = table.kinds[i] == TokenKind::unused;
    if (reserve && letter == letters.end()) continue;
    const bool behind_reserve = i > 0 && table.kinds[i - 1] == TokenKind::unused;
    if (reserve || behind_reserve || letter == letters.end()) return std::nullopt;
    alphabet += static_cast<char>(static_cast<unsigned char>(letter - letters.begin()));
  }
  if (!table.merges.empty() || table.tokens.empty()) return std::nullopt;
  return CharacterTokenizer(alphabet, unknown ? UnknownToken::included : UnknownToken::excluded,
                            std::ssize(table.tokens));
}

/// Which token ends a text, where the format demands one and a character vocabulary has none: one
/// that no text has, if possible, or the line end.
inline Token end_token_of(const CharacterTokenizer& tokenizer) {
  const auto used = std::ssize(tokenizer.alphabet()) + (tokenizer.has_unknown() ? 1 : 0);
  if (tokenizer.has_unknown()) return 0;
  if (used < tokenizer.vocabulary_size()) return static_cast<Token>(used);
  const std::size_t line_end = tokenizer.alphabet().find('\n');
  return line_end == std::string_view::npos ? 0 : static_cast<Token>(line_end);
}

}  // namespace octavo
