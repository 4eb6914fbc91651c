// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/tokenizers/bpe_vocabulary.hpp>

namespace OCTAVO_NAMESPACE {

/// Where a space is put before text that is encoded. Text is what lies between names.
enum class SpacePrefix : std::uint8_t {
  never,          ///< Gemma
  first,          ///< SentencePiece: before the whole text, unless it begins with a name
  always,         ///< Llama 2 as Hugging Face reads it: also after each name
  first_spared,   ///< as `first`, but not before a space
  always_spared,  ///< as `always`, but not before a space
};

/// Their names, in files.
inline constexpr std::array<std::string_view, 5> space_prefix_names{
    "never", "first", "always", "first_spared", "always_spared"};

/// The vocabulary of SentencePiece's byte-pair encoding: tokens are texts in UTF-8 in which U+2581
/// stands for a space. Pairs are merged in the order of `merges`; or, with `scores`, if their
/// joined text is a token, that of the highest score first.
struct SentencePieceVocabulary {
  static constexpr std::size_t most_tokens = BpeVocabulary::most_tokens;
  static constexpr std::size_t most_merges = BpeVocabulary::most_merges;
  static constexpr std::size_t longest_token = BpeVocabulary::longest_token;
  static constexpr std::size_t most_bytes = BpeVocabulary::most_bytes;

  std::vector<std::string> tokens;    ///< by number; a byte is "<0x0A>", others have names
  std::vector<TokenKind> kinds;       ///< one per token
  std::vector<BpeMerge> merges;       ///< earlier merges are applied first; empty with scores
  std::map<Token, NameRule> rules{};  ///< by token
  std::vector<float> scores{};        ///< one per token; empty: `merges` count
  SpacePrefix prefix = SpacePrefix::first;
  bool strip_space = true;   ///< the decoded text loses a space at its start
  bool fuse_unknown = true;  ///< neighbouring characters without tokens are one unknown token

  friend bool operator==(const SentencePieceVocabulary&, const SentencePieceVocabulary&) = default;
};

/// The name of a byte's token: "<0x0A>".
OCTAVO_INLINE std::string byte_token_name(unsigned char byte);

/// The byte that a token's name stands for; -1: it is not such a name.
OCTAVO_INLINE int byte_of_token_name(std::string_view name) noexcept;

/// A text with spaces instead of U+2581, or the reverse.
OCTAVO_INLINE std::string spaces_of_marks(std::string_view text);
OCTAVO_INLINE std::string marks_of_spaces(std::string_view text);

/// U+2581, the visible space.
inline constexpr std::string_view space_mark = "\xe2\x96\x81";

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::string byte_token_name(unsigned char byte) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  return {'<', '0', 'x', digits[byte / 16u], digits[byte % 16u], '>'};
}

OCTAVO_INLINE int byte_of_token_name(std::string_view name) noexcept {
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (name.size() != 6 || !name.starts_with("<0x") || name[5] != '>') return -1;
  const std::size_t high = digits.find(name[3]), low = digits.find(name[4]);
  return high == digits.npos || low == digits.npos ? -1 : static_cast<int>(16 * high + low);
}

OCTAVO_INLINE std::string spaces_of_marks(std::string_view text) {
  std::string result;
  for (std::size_t at = text.find(space_mark); at != text.npos; at = text.find(space_mark)) {
    result += text.substr(0, at);
    result += ' ';
    text.remove_prefix(at + space_mark.size());
  }
  return result += text;
}

OCTAVO_INLINE std::string marks_of_spaces(std::string_view text) {
  std::string result;
  for (const char symbol : text) {
    if (symbol == ' ') {
      result += space_mark;
    } else {
      result += symbol;
    }
  }
  return result;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
