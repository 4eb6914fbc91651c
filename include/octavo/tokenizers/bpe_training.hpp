// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/page_block.hpp>
#include <octavo/tokenizers/bpe_merges.hpp>
#include <octavo/tokenizers/bpe_text.hpp>
#include <octavo/tokenizers/bpe_tokenizer.hpp>
#include <octavo/tokenizers/bpe_vocabulary.hpp>
#include <octavo/tokenizers/gpt2_split.hpp>
#include <octavo/tokenizers/word_counts.hpp>

namespace OCTAVO_NAMESPACE {

/// The progress of learning, and its text.
struct BpeProgress {
  std::size_t merges = 0;       ///< learned so far
  std::size_t most_merges = 0;  ///< asked for
  std::int64_t words = 0;       ///< occurrences in the text
  std::int64_t taken = 0;  ///< occurrences that are learned from; fewer if the memory is too small
  std::size_t distinct = 0;      ///< different words that are learned from
  std::size_t memory_bytes = 0;  ///< peak use
};

/// Learns the merges of a byte-pair encoding from text (Sennrich et al. 2016): again and again, the
/// most frequent pair of neighbours within a piece becomes a token. Ties go to the smaller left
/// token, then to the smaller right token. A pair that occurs only once does not become a token,
/// nor does a pair of more than BpeVocabulary::longest_token bytes. Tokens are numbered as in
/// GPT-2: the bytes, "!" first, then the merges. Equal texts and memory give equal merges.
///
/// Memory: at most the given limit, plus some 160 bytes for each token asked for, however long the
/// text is. The destructor and the end of train() return it to the system. If the distinct pieces
/// of the text need more, the rarest are left out. While counting, half of the pieces are dropped
/// whenever a new one does not fit (the least frequent so far; ties drop the later one). For
/// learning, the most frequent pieces that fit are taken, at some 36 bytes for each byte of a
/// piece, and a prefix of the first that does not fit.
class BpeTrainer {
 public:
  static constexpr std::size_t default_memory = 320'000'000;
  static constexpr std::size_t least_memory = 400'000;

  /// Uses as much memory as the text needs, at most `memory` bytes.
  explicit BpeTrainer(std::size_t memory = default_memory)
      : memory_(std::max(memory, least_memory)), counts_(memory_ / 3) {}

  /// Memory in bytes that suffices for any text of that many bytes, so that nothing is left out.
  static constexpr std::size_t enough_memory(std::size_t text_bytes) noexcept {
    return text_bytes > most_enough / 256 ? most_enough : least_memory + 256 * text_bytes;
  }

  /// Counts the pieces of a text. A text may be added in parts that end at its cuts
  /// (gpt2_last_cut).
  void add(std::string_view text);

  /// As above for a source of any size, read in pieces of 64 KiB that end at its cuts, if it has
  /// any.
  void add(const ByteSource& text);

  /// The tokenizer with `vocabulary` tokens, or fewer if the text has no more pairs. The last
  /// tokens are `others`, such as "<|endoftext|>", which never result from text. `watch` is called
  /// before the first merge and after each; an exception from it ends the learning. ConfigError for
  /// fewer than 256 tokens besides `others`, or more than BpeVocabulary::most_learned.
  BpeTokenizer train(Index vocabulary, std::span<const std::string_view> others = {},
                     const std::function<void(const BpeProgress&)>& watch = {}) const;

 private:
  static constexpr auto most_enough = static_cast<std::size_t>(
      std::min<std::uint64_t>(std::uint64_t{1} << 40, std::numeric_limits<std::size_t>::max() / 2));

  /// A vocabulary that grows.
  class Growing {
   public:
    explicit Growing(std::size_t size)
        : taken(size - 256), slots_(std::bit_ceil(2 * size), Token{-1}) {
      for (Token token = 0; token < 256; ++token) {
        slots_[slot(vocabulary.tokens[static_cast<std::size_t>(token)])] = token;
        const char byte = vocabulary.tokens[static_cast<std::size_t>(token)][0];
        token_of_byte[static_cast<unsigned char>(byte)] = token;
      }
    }

    /// The token that a merge makes. Two merges may make the same bytes.
    Token add(const BpeMerge& merge) {
      std::string joined = vocabulary.tokens[static_cast<std::size_t>(merge.left)] +
                           vocabulary.tokens[static_cast<std::size_t>(merge.right)];
      Token& result = slots_[slot(joined)];
      if (result < 0) {
        result = static_cast<Token>(vocabulary.tokens.size());
        vocabulary.tokens.push_back(std::move(joined));
        vocabulary.kinds.push_back(TokenKind::normal);
      }
      vocabulary.merges.push_back(merge);
      taken.add(merge, result);
      return result;
    }

    BpeVocabulary vocabulary = byte_vocabulary();
    std::array<Token, 256> token_of_byte{};
    BpeMerges taken;

   private:
    std::size_t slot(std::string_view bytes) const noexcept {
      std::size_t at = std::hash<std::string_view>{}(bytes) % slots_.size();
      while (slots_[at] >= 0 && vocabulary.tokens[static_cast<std::size_t>(slots_[at])] != bytes) {
        at = (at + 1) % slots_.size();
      }
      return at;
    }

    std::vector<Token> slots_;  ///< by the hash of their bytes
  };

  BpeVocabulary learn(std::size_t size, const std::function<void(const BpeProgress&)>& watch) const;

  std::size_t memory_;
  detail::WordCounts counts_;
};

/// Learns a tokenizer from a text.
OCTAVO_INLINE BpeTokenizer train_bpe(std::string_view text, Index vocabulary);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE void BpeTrainer::add(std::string_view text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = gpt2_piece_end(text, begin);
    counts_.add(text.substr(begin, end - begin));
    begin = end;
  }
}

OCTAVO_INLINE void BpeTrainer::add(const ByteSource& text) {
  std::string piece;
  for (std::size_t at = 0; at < text.size(); at += piece.size()) {
    piece.resize(std::min<std::size_t>(65536, text.size() - at));
    text.read(at, std::as_writable_bytes(std::span(piece)));
    const std::size_t cut = at + piece.size() < text.size() ? gpt2_last_cut(piece) : 0;
    if (cut > 0) piece.resize(cut);
    add(std::string_view(piece));
  }
}

OCTAVO_INLINE BpeTokenizer
BpeTrainer::train(Index vocabulary, std::span<const std::string_view> others,
                  const std::function<void(const BpeProgress&)>& watch) const {
  const Index least = 256 + std::ssize(others);
  constexpr auto most = static_cast<Index>(BpeVocabulary::most_learned);
  require(vocabulary >= least && vocabulary <= most, [&] {
    return detail::concat(
        {"vocabulary: got ", counted(vocabulary, "token"), ", expected ", least, " to ", most});
  });
  BpeVocabulary learned = learn(static_cast<std::size_t>(vocabulary) - others.size(), watch);
  for (const std::string_view name : others) {
    learned.tokens.emplace_back(name);
    learned.kinds.push_back(TokenKind::control);
  }
  return BpeTokenizer(learned);
}

OCTAVO_INLINE BpeVocabulary
BpeTrainer::learn(std::size_t size, const std::function<void(const BpeProgress&)>& watch) const {
  Growing growing(size);
  BpeProgress progress{.most_merges = size - 256, .words = counts_.total()};
  detail::BpeText text = [&] {
    PageBlock block(PageBlock::bytes_for<std::uint32_t>(counts_.words().size()));
    const auto order = block.take<std::uint32_t>(counts_.words().size());
    counts_.order(order);
    const detail::BpeSelection chosen = detail::select_words(counts_, order, memory_ / 5 * 3);
    progress.taken = chosen.total;
    progress.distinct = chosen.words;
    progress.memory_bytes = counts_.memory_bytes() + block.size() + chosen.memory_bytes();
    return detail::BpeText(counts_, order, chosen, growing.token_of_byte);
  }();
  if (watch) watch(progress);
  while (growing.vocabulary.tokens.size() < size) {
    const auto pair = text.pairs().top();
    if (pair == detail::BpePairs::none || text.pairs().times(pair) < 2) break;
    const BpeMerge merge = text.pairs().merge_of(pair);
    if (text.size_of(merge.left) + text.size_of(merge.right) > BpeVocabulary::longest_token) {
      text.pairs().withdraw(pair);
      continue;
    }
    text.join(pair, growing.add(merge), growing.taken);
    ++progress.merges;
    if (watch) watch(progress);
  }
  return std::move(growing.vocabulary);
}

OCTAVO_INLINE BpeTokenizer train_bpe(std::string_view text, Index vocabulary) {
  BpeTrainer trainer;
  trainer.add(text);
  return trainer.train(vocabulary);
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
