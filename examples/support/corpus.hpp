// SPDX-License-Identifier: MIT
// What a run of train_full is trained on: texts, found, read, and made into tokens.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <octavo/checkpoint/training_metadata.hpp>
#include <octavo/octavo.hpp>

#include "support/run_saver.hpp"
#include "support/train_full_options.hpp"

namespace support {

/// Of a text's last tenth no more than so many tokens are for validation.
inline constexpr octavo::Index most_validation_tokens = 262'144;

/// Tokens, and the beginning of the text, with which samples begin.
struct Corpus {
  std::string name;  ///< for people
  std::string beginning;
  bool from_file = true;
  std::size_t text_bytes = 0;
  octavo::CorpusIdentity identity;
  octavo::AnyTokenizer tokenizer;
  octavo::TokenStore loaded;                   ///< the tokens, unless they are mapped
  std::unique_ptr<octavo::TokenFile> mapped;   ///< none: they are loaded
  bool is_large = false;                       ///< mapped, or would be if it were no dry run
  std::optional<octavo::BpeProgress> learned;  ///< of byte pairs; none: none were learned
  std::optional<octavo::TokenStore> asked_validation =
      {};                                        ///< tokens of --val, which is there then
  std::string validation_name = {};              ///< of that text, for people
  octavo::UnknownCount unknown = {};             ///< of the text, where the tokenizer is another's
  octavo::UnknownCount validation_unknown = {};  ///< of the text of --val
  std::size_t documents = 0;                     ///< that were counted; 0: the text is not divided
  std::size_t left_out_characters = 0;  ///< different ones that the vocabulary has no room for
  std::size_t looking_bytes = 0;        ///< that looking for its alphabet took
  std::size_t stream_bytes = 0;         ///< of texts that came through streams, until it is read

  octavo::TokenView tokens() const { return mapped != nullptr ? mapped->view() : loaded.view(); }
  /// That the tokens take beside the plan; pages of a mapped file do not count.
  std::size_t token_bytes() const {
    return loaded.bytes() + (asked_validation ? asked_validation->bytes() : 0);
  }
  /// That the text takes beside the plan, all in all: tokens, tokenizer, and the pages of a mapped
  /// file that steps of so many sequences touch before they are let go.
  std::size_t besides_bytes(octavo::Index sequences) const;
  /// The same at most, with the vocabulary that was asked, if more of the text's words are learned
  /// from than were.
  std::size_t most_besides_bytes(octavo::Index sequences, octavo::Index asked) const;
  /// What is needed before the training begins, and is free by then, at least: for learning byte
  /// pairs, for encoding the text, for counting its tokens.
  std::size_t before_bytes(octavo::Index vocabulary) const;
  /// Whether the memory was too small for learning byte pairs from all words.
  bool left_out_words() const { return learned && learned->taken < learned->words; }
  /// Lets go of pages of a mapped file.
  void release_pages() const {
    if (mapped != nullptr) mapped->release_pages();
  }
  /// Tokens for training and for validation, if there are such. DataError, naming the longest
  /// sequence that works, if a text is too short.
  octavo::TokenSplit split(octavo::Index sequence) const;
  /// What is for validation, in words.
  std::string validation(octavo::Index sequence) const;
};

/// How many of a text's words byte pairs were learned from: "all words", "99.3% of the words".
std::string of_words(const octavo::BpeProgress& learned);

/// What learning byte pairs takes for each token asked, beside the trainer's memory: its bytes, its
/// pair, and places in tables.
constexpr std::size_t learning_bytes_of_tokens(octavo::Index vocabulary) {
  return 160 * static_cast<std::size_t>(vocabulary);
}

/// Steps of so many sequences until the pages that they touch are to be let go.
octavo::Index steps_per_release(octavo::Index sequences);

/// Finds and reads what `options` name; a run that goes on has a tokenizer already, and must have
/// the same text. The text itself is never in memory as a whole. Of a large one the tokens are in a
/// file, which is made unless there is one; in a dry run they are not made.
Corpus read_corpus(const FullOptions& options, const Resumed* resumed);

}  // namespace support
