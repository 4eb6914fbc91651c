// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/tokenizers/byte_letters.hpp>
#include <octavo/tokenizers/split_pattern.hpp>

namespace OCTAVO_NAMESPACE {

/// The kind of a token, numbered as in GGUF.
enum class TokenKind : std::int32_t { normal = 1, unknown, control, user_defined, unused, byte };

/// Whether a token of this kind can be found in a text by its name.
constexpr bool has_name(TokenKind kind) noexcept {
  return kind == TokenKind::control || kind == TokenKind::unknown ||
         kind == TokenKind::user_defined;
}

/// Two neighbouring tokens that become one token.
struct BpeMerge {
  Token left = 0, right = 0;

  friend bool operator==(const BpeMerge&, const BpeMerge&) = default;
};

/// How a token is found in a text by its name, if its kind does not say all of it.
struct NameRule {
  bool strip_left = false;   ///< spaces before the name belong to the token
  bool strip_right = false;  ///< spaces after the name belong to the token
  bool late = false;         ///< searched, in the normalized text, between the names of the others
  bool always = false;       ///< for a normal token: also found as a user-defined token is
  bool recognized = false;   ///< for a normal token: also found as a control token is
  bool single_word = false;  ///< not found next to a letter, a digit or "_"

  friend bool operator==(const NameRule&, const NameRule&) = default;
};

/// The vocabulary of a byte-pair encoding. Normal tokens are bytes and the results of merges; with
/// `whole_pieces`, any texts. A byte without a token is encoded as the unknown token if there is
/// one, and otherwise UnknownSymbol. User-defined tokens are found in a text by their names, before
/// anything else; so are control tokens (such as an end of text) and the unknown token if they are
/// recognized. Text is never encoded as any other token (a reserve).
struct BpeVocabulary {
  static constexpr std::size_t most_tokens = std::size_t{1} << 19;
  static constexpr std::size_t most_learned = std::size_t{1} << 18;  ///< by BpeTrainer
  static constexpr std::size_t most_merges = std::size_t{1} << 20;
  static constexpr std::size_t longest_token = 512;                ///< in bytes
  static constexpr std::size_t most_bytes = std::size_t{1} << 24;  ///< of all tokens

  std::vector<std::string> tokens;  ///< by number: bytes of the text, or the name of another token
  std::vector<TokenKind> kinds;     ///< one per token
  std::vector<BpeMerge> merges;     ///< earlier merges are applied first
  std::map<Token, NameRule> rules{};  ///< by token
  SplitPattern split = SplitPattern::gpt2;
  bool whole_pieces = false;  ///< a piece that is a token is not merged from its bytes (Llama 3)
  bool normalized = false;    ///< texts are brought to normalization form C (Qwen2)

  friend bool operator==(const BpeVocabulary&, const BpeVocabulary&) = default;
};

/// The vocabulary without merges: a token for each byte, numbered as in GPT-2, "!" first.
OCTAVO_INLINE BpeVocabulary byte_vocabulary();

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE BpeVocabulary byte_vocabulary() {
  BpeVocabulary vocabulary;
  for (const unsigned char byte : bytes_by_letter) {
    vocabulary.tokens.emplace_back(1, static_cast<char>(byte));
  }
  vocabulary.kinds.assign(vocabulary.tokens.size(), TokenKind::normal);
  return vocabulary;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
