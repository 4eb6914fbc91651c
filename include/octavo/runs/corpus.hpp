// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/checkpoint/training_metadata.hpp>
#include <octavo/data/text_entropy.hpp>
#include <octavo/data/text_pieces.hpp>
#include <octavo/data/token_file.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/runs/chat_rows_data.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

namespace OCTAVO_NAMESPACE {

/// The most tokens at the end of a text for validation, if there is no separate validation text.
inline constexpr Index most_validation_tokens = 262'144;

/// Bytes for each token that learning byte pairs is asked for, in addition to the trainer's memory:
/// its text, its pair, and table entries.
constexpr std::size_t learning_bytes_of_tokens(Index vocabulary) {
  return 160 * static_cast<std::size_t>(vocabulary);
}

/// The words from which byte pairs were learned: "all words", "99.30% of the words, the 5000 most
/// frequent".
inline std::string learned_words(const BpeProgress& learned) {
  if (learned.taken == learned.words) return "all words";
  const double share = static_cast<double>(learned.taken) / static_cast<double>(learned.words);
  return detail::concat({FormattedNumber::fixed(100 * share, 2), "% of the words, the ",
                         learned.distinct, " most frequent"});
}

/// The training data of a run: tokens, in memory or in a mapped file, and information about their
/// text. Made by CorpusReader.
struct Corpus {
  std::string name = {};       ///< for the user
  std::string beginning = {};  ///< the first characters of the text: samples start with them
  bool built_in = false;       ///< the built-in text
  std::size_t text_bytes = 0;
  CorpusIdentity identity = {};
  AnyTokenizer tokenizer;
  TokenStore loaded;                            ///< the tokens, unless they are mapped
  std::unique_ptr<TokenFile> mapped = nullptr;  ///< null: they are loaded
  bool is_large = false;                        ///< mapped, or would be in a real run
  std::optional<BpeProgress> learned =
      {};  ///< progress of learning byte pairs; nothing: none were learned
  std::optional<TokenStore> own_validation = {};  ///< tokens of a text for validation
  std::string validation_name = {};               ///< of that text, for people
  UnknownCount unknown = {};             ///< of the text, if the tokenizer is from another model
  UnknownCount validation_unknown = {};  ///< of the text for validation
  std::size_t documents = 0;             ///< number of documents; 0: the text is not divided
  std::size_t left_out_characters =
      0;  ///< distinct characters that did not fit into the vocabulary
  /// Rows for fine-tuning instead of a text; null: a text.
  std::unique_ptr<ChatRows> rows = nullptr;
  std::size_t scan_bytes = 0;    ///< memory used to find the alphabet
  std::size_t stream_bytes = 0;  ///< memory of texts from streams, while they are read

  TokenView tokens() const { return mapped != nullptr ? mapped->view() : loaded.view(); }

  /// Whether the memory was too small to learn byte pairs from all words.
  bool left_out_words() const { return learned && learned->taken < learned->words; }

  /// Releases the pages of a mapped file.
  void release_pages() const {
    if (mapped != nullptr) mapped->release_pages();
  }
  /// The number of steps, of `sequences` sequences each, after which touched pages should be
  /// released.
  static Index steps_per_release(Index sequences) { return std::max<Index>(1, 8 / sequences); }

  /// The tokens for training, and for validation if they are enough for a window of `sequence` + 1.
  /// DataError, naming the longest sequence that works, if the text is too short.
  TokenSplit split(Index sequence) const {
    TokenSplit split{tokens(), {}};
    if (own_validation) {
      split.validation = own_validation->view();
      require_window(split.validation, 1, "validation text");
    } else if (!built_in) {
      const auto parts = split_tokens(tokens(), most_validation_tokens);
      if (parts.validation.size() > sequence) split = parts;
    }
    require_window(split.train, sequence, "training text");
    return split;
  }
  /// The validation text in words.
  std::string validation(Index sequence) const {
    if (own_validation) {
      const bool all = own_validation->view().size() < most_validation_tokens;
      return all ? validation_name
                 : detail::concat(
                       {"the first ", most_validation_tokens, " tokens of ", validation_name});
    }
    if (built_in || split_tokens(tokens()).validation.size() <= sequence) {
      return "none, it is too short";
    }
    if (tokens().size() / 10 <= most_validation_tokens) return "the last tenth";
    return detail::concat({"the last ", most_validation_tokens});
  }

  // --- Memory, in bytes
  // ---------------------------------------------------------------------------

  /// Bytes of the tokens, in addition to a trainer's plan; pages of a mapped file do not count.
  std::size_t token_bytes() const {
    if (rows != nullptr) return rows->bytes();
    return loaded.bytes() + (own_validation ? own_validation->bytes() : 0);
  }

  /// All bytes for the text, in addition to a trainer's plan: tokens, tokenizer, and the pages of a
  /// mapped file that steps of `sequences` sequences touch before they are released.
  std::size_t reserved_bytes(Index sequences) const {
    const Index vocabulary = tokenizer.vocabulary_size();
    std::size_t bytes = token_bytes();
    if (const auto* pairs = tokenizer.get_if<BpeTokenizer>()) {
      bytes += bytes_of_pairs(pairs->memory_bytes(), static_cast<std::size_t>(vocabulary));
    }
    if (const auto* characters = tokenizer.get_if<CharacterTokenizer>()) {
      bytes +=
          2 * characters->memory_bytes() + 64 * static_cast<std::size_t>(characters->piece_count());
    }
    return is_large ? checked_add(bytes, page_bytes(vocabulary, sequences)) : bytes;
  }

  /// An upper bound of these bytes for a vocabulary of `asked` byte pairs, if they are learned from
  /// more of the text's words.
  std::size_t most_reserved_bytes(Index sequences, Index asked) const {
    const auto size = static_cast<std::size_t>(asked);
    // More words usually give fewer tokens.
    const auto count = static_cast<std::size_t>(loaded.view().size());
    const std::size_t tokens =
        octavo::token_bytes(asked) * std::min(text_bytes, count + count / 20 + 1024);
    const std::size_t bytes =
        tokens + bytes_of_pairs(20 * std::bit_ceil(2 * size) + 64 * size, size);
    return is_large ? checked_add(bytes, page_bytes(asked, sequences)) : bytes;
  }

  /// The least memory needed before the training, and free again by then: to learn byte pairs, to
  /// encode the text, to count its tokens.
  std::size_t before_bytes(Index vocabulary) const {
    constexpr std::size_t piece = text_piece_bytes;
    std::size_t encoding = piece * (1 + 2 * sizeof(Token));
    std::size_t learning = 0;
    Index counted = vocabulary;
    if (tokenizer.get_if<BpeTokenizer>() != nullptr) {
      encoding += BpeMerges::merging_bytes(piece);
      learning = BpeTrainer::least_memory + learning_bytes_of_tokens(vocabulary);
      // Fewer tokens than asked for may have been learned; their pairs are counted.
      if (left_out_words()) counted = std::min(counted, EntropyCounter::most_for_pairs);
    }
    return std::max(std::max({encoding, learning, scan_bytes}) + stream_bytes,
                    EntropyCounter::memory_bytes(counted));
  }

 private:
  static void require_window(TokenView tokens, Index sequence, const char* what) {
    if (tokens.size() > sequence) return;
    throw DataError(
        detail::concat({what, ": got ", counted(tokens.size(), "token"), ", need at least ",
                        sequence + 1, " (sequence ", sequence, " + 1)"}),
        tokens.size() < 2 ? std::string("use a longer text")
                          : detail::concat({"use a longer text, or sequence ", tokens.size() - 1}));
  }

  /// One byte-pair tokenizer in the run, one of the checkpoint or model that it starts from, and
  /// their text in a file's header.
  static std::size_t bytes_of_pairs(std::size_t tokenizer, std::size_t vocabulary) {
    return 2 * tokenizer + 64 * vocabulary + sizeof(detail::PieceCache);
  }

  /// Pages of a mapped file that are touched before they are released. The system maps 64 KiB
  /// around a touched place, twice per window.
  std::size_t page_bytes(Index vocabulary, Index sequences) const {
    constexpr std::size_t window = 2 * 65536;
    const std::size_t width = octavo::token_bytes(vocabulary), file = width * text_bytes;
    const auto windows = static_cast<std::size_t>(steps_per_release(sequences) * sequences);
    const std::size_t most =
        std::max({window * windows, width << 18,
                  static_cast<std::size_t>(most_validation_tokens) * width + window});
    return std::min(most, (file + 4095) / 4096 * 4096);
  }
};

}  // namespace OCTAVO_NAMESPACE
