// SPDX-License-Identifier: MIT
// Which tokenizer a run has: of characters, bytes or byte pairs.
#pragma once

#include <array>
#include <functional>
#include <string>

#include <octavo/octavo.hpp>

namespace support {

/// A token for each byte.
inline octavo::CharacterTokenizer byte_tokenizer() {
  std::array<char, 256> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(static_cast<unsigned char>(i));
  }
  return octavo::CharacterTokenizer({bytes.data(), bytes.size()}, octavo::UnknownToken::excluded);
}

/// Byte pairs learned from a text, within its documents, at most so many tokens, in so much memory.
/// The last one ends a text.
inline octavo::BpeTokenizer learn_byte_pairs(
    const octavo::ByteSource& text, const octavo::DocumentBorders& documents,
    octavo::Index vocabulary, std::size_t memory,
    const std::function<void(const octavo::BpeProgress&)>& watch) {
  constexpr std::string_view others[] = {octavo::CharacterTokenizer::end_name};
  octavo::BpeTrainer trainer(memory);
  octavo::for_each_piece(text, documents, octavo::gpt2_last_cut,
                         [&](const octavo::TextPiece& piece) { trainer.add(piece.bytes); });
  return trainer.train(vocabulary, others, watch);
}

/// What --tokenizer calls it.
inline std::string tokenizer_name(const octavo::AnyTokenizer& tokenizer) {
  if (tokenizer.get_if<octavo::BpeTokenizer>() != nullptr) return "bpe";
  const auto& characters = *tokenizer.get_if<octavo::CharacterTokenizer>();
  return characters.with_end_token() == byte_tokenizer().with_end_token() ? "byte" : "char";
}

}  // namespace support
