// SPDX-License-Identifier: MIT
// What a run's text needs of memory, beside the plan and before it is allocated.
#include <algorithm>
#include <bit>
#include <cstdio>

#include "support/corpus.hpp"

namespace support {

std::string of_words(const octavo::BpeProgress& learned) {
  if (learned.taken == learned.words) return "all words";
  char text[64];
  std::snprintf(text, sizeof(text), "%.2f%% of the words, the %zu most frequent",
                100 * static_cast<double>(learned.taken) / static_cast<double>(learned.words),
                learned.distinct);
  return text;
}

octavo::Index steps_per_release(octavo::Index sequences) {
  return std::max<octavo::Index>(1, 8 / sequences);
}

namespace {

/// One tokenizer of byte pairs in the run, one of the checkpoint or model that it begins with, and
/// their text in a file's header.
std::size_t bytes_of_pairs(std::size_t tokenizer, std::size_t vocabulary) {
  return 2 * tokenizer + 64 * vocabulary + sizeof(octavo::detail::PieceCache);
}

/// Pages of a mapped file that are touched before they are let go. The system maps 64 KiB around a
/// place that is touched: two of them for a window.
std::size_t page_bytes(std::size_t file, std::size_t width, octavo::Index sequences) {
  constexpr std::size_t window = 2 * 65536;
  const auto windows = static_cast<std::size_t>(steps_per_release(sequences) * sequences);
  const std::size_t most =
      std::max({window * windows, width << 18,
                static_cast<std::size_t>(most_validation_tokens) * width + window});
  return std::min(most, (file + 4095) / 4096 * 4096);
}

}  // namespace

std::size_t Corpus::besides_bytes(octavo::Index sequences) const {
  const octavo::Index vocabulary = tokenizer.vocabulary_size();
  std::size_t bytes = token_bytes();
  if (const auto* pairs = tokenizer.get_if<octavo::BpeTokenizer>()) {
    bytes += bytes_of_pairs(pairs->memory_bytes(), static_cast<std::size_t>(vocabulary));
  }
  if (const auto* characters = tokenizer.get_if<octavo::CharacterTokenizer>()) {
    bytes +=
        2 * characters->memory_bytes() + 64 * static_cast<std::size_t>(characters->piece_count());
  }
  if (!is_large) return bytes;
  const std::size_t width = octavo::token_bytes(vocabulary);
  return octavo::checked_add(bytes, page_bytes(width * text_bytes, width, sequences));
}

std::size_t Corpus::most_besides_bytes(octavo::Index sequences, octavo::Index asked) const {
  const auto size = static_cast<std::size_t>(asked);
  const std::size_t width = octavo::token_bytes(asked);
  // More words give fewer tokens, but for accidents.
  const auto count = static_cast<std::size_t>(loaded.view().size());
  const std::size_t tokens = width * std::min(text_bytes, count + count / 20 + 1024);
  const std::size_t bytes = tokens + bytes_of_pairs(20 * std::bit_ceil(2 * size) + 64 * size, size);
  return is_large ? octavo::checked_add(bytes, page_bytes(width * text_bytes, width, sequences))
                  : bytes;
}

std::size_t Corpus::before_bytes(octavo::Index vocabulary) const {
  using octavo::EntropyCounter;
  constexpr std::size_t piece = octavo::text_piece_bytes;
  std::size_t encoding = piece * (1 + 2 * sizeof(octavo::Token));
  std::size_t learning = 0;
  octavo::Index counted = vocabulary;
  if (tokenizer.get_if<octavo::BpeTokenizer>() != nullptr) {
    encoding += octavo::BpeMerges::merging_bytes(piece);
    learning = octavo::BpeTrainer::least_memory + learning_bytes_of_tokens(vocabulary);
    // Fewer tokens than were asked may have been learned, and their pairs are counted.
    if (left_out_words()) counted = std::min(counted, EntropyCounter::most_for_pairs);
  }
  return std::max({encoding + stream_bytes, learning + stream_bytes, looking_bytes + stream_bytes,
                   EntropyCounter::memory_bytes(counted)});
}

}  // namespace support
