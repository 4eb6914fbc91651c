// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of tokenizers/: includes everything in that folder.

#include <octavo/tokenizers/alphabet_finder.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/bpe_merges.hpp>
#include <octavo/tokenizers/bpe_pairs.hpp>
#include <octavo/tokenizers/bpe_text.hpp>
#include <octavo/tokenizers/bpe_tokenizer.hpp>
#include <octavo/tokenizers/bpe_training.hpp>
#include <octavo/tokenizers/bpe_vocabulary.hpp>
#include <octavo/tokenizers/byte_letters.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_pairs.hpp>
#include <octavo/tokenizers/character_pieces.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/tokenizers/chat_format.hpp>
#include <octavo/tokenizers/gpt2_split.hpp>
#include <octavo/tokenizers/nfc.hpp>
#include <octavo/tokenizers/piece_cache.hpp>
#include <octavo/tokenizers/sentence_piece_tokenizer.hpp>
#include <octavo/tokenizers/sentence_piece_vocabulary.hpp>
#include <octavo/tokenizers/special_tokens.hpp>
#include <octavo/tokenizers/split_pattern.hpp>
#include <octavo/tokenizers/token_texts.hpp>
#include <octavo/tokenizers/tokenizer.hpp>
#include <octavo/tokenizers/unicode_classes.hpp>
#include <octavo/tokenizers/unicode_letters.hpp>
#include <octavo/tokenizers/word_counts.hpp>
