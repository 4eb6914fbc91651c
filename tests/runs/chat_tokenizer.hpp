// SPDX-License-Identifier: MIT
// A tokenizer of bytes with the control tokens of a chat.
#pragma once

#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/bpe_tokenizer.hpp>

namespace octavo_test {

inline constexpr octavo::Token turn_begins = 256, turn_ends = 257, text_ends = 258;

inline octavo::AnyTokenizer chat_tokenizer() {
  octavo::BpeVocabulary vocabulary = octavo::byte_vocabulary();
  for (const char* name : {"<|im_start|>", "<|im_end|>", "<|endoftext|>"}) {
    vocabulary.tokens.emplace_back(name);
    vocabulary.kinds.push_back(octavo::TokenKind::control);
  }
  return octavo::BpeTokenizer(vocabulary);
}

}  // namespace octavo_test
