// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/tokenizers/byte_letters.hpp>

namespace OCTAVO_NAMESPACE {

/// What a token is for, by GGUF's numbers.
enum class TokenKind : std::int32_t { normal = 1, unknown, control, user_defined, unused, byte };

/// Whether a token of that kind may be found in a text by its name.
constexpr bool has_name(TokenKind kind) noexcept {
  return kind == TokenKind::control || kind == TokenKind::unknown ||
         kind == TokenKind::user_defined;
}

/// Two tokens that stand side by side and become one.
struct BpeMerge {
  Token left = 0, right = 0;

  friend bool operator==(const BpeMerge&, const BpeMerge&) = default;
};

/// What belongs to a token's name where it is found in a text.
struct NameRule {
  bool strip_left = false;   ///< the spaces before it
  bool strip_right = false;  ///< those that follow

  friend bool operator==(const NameRule&, const NameRule&) = default;
};

/// The vocabulary of a byte-pair encoding. Normal tokens are the 256 bytes and what the merges
/// make. User-defined tokens are found in a text by their names, before anything else; so are
/// control tokens (an end of text) and the unknown token where they are recognized. No text is
/// encoded as one of the others (a reserve).
struct BpeVocabulary {
  static constexpr std::size_t most_tokens = std::size_t{1} << 18;
  static constexpr std::size_t most_merges = most_tokens;
  static constexpr std::size_t longest_token = 512;                ///< in bytes
  static constexpr std::size_t most_bytes = std::size_t{1} << 24;  ///< of all tokens

  std::vector<std::string> tokens;  ///< by number: bytes of the text, or the name of another token
  std::vector<TokenKind> kinds;     ///< one per token
  std::vector<BpeMerge> merges;     ///< the earlier, the sooner
  std::map<Token, NameRule> rules{};  ///< of the names that take spaces

  friend bool operator==(const BpeVocabulary&, const BpeVocabulary&) = default;
};

/// The vocabulary without merges: a token for each byte, numbered as GPT-2's are, "!" first.
inline BpeVocabulary byte_vocabulary() {
  BpeVocabulary vocabulary;
  for (const unsigned char byte : bytes_by_letter) {
    vocabulary.tokens.emplace_back(1, static_cast<char>(byte));
  }
  vocabulary.kinds.assign(vocabulary.tokens.size(), TokenKind::normal);
  return vocabulary;
}

}  // namespace OCTAVO_NAMESPACE
