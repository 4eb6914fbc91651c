// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/tokenizers/bpe_tokenizer.hpp>
#include <octavo/tokenizers/bpe_vocabulary.hpp>
#include <octavo/tokenizers/gpt2_split.hpp>

namespace OCTAVO_NAMESPACE {

/// Learns the merges of a byte-pair encoding from text (Sennrich et al. 2016): the pair of
/// neighbours within a piece that is there most often becomes a token, again and again. Of pairs
/// that are there equally often the one with the smaller left number is taken, then the one with
/// the smaller right number. A pair that is there once becomes none, nor one of more than
/// BpeVocabulary::longest_token bytes. Tokens are numbered as GPT-2's: the bytes, "!" first, then
/// the merges. Equal texts give equal merges.
class BpeTrainer {
 public:
  BpeTrainer() = default;
  BpeTrainer(BpeTrainer&&) = default;  // a copy's numbers would be of the other's pieces
  BpeTrainer& operator=(BpeTrainer&&) = default;

  /// Counts the pieces of a text. A text may come in parts that end at its cuts (gpt2_last_cut).
  void add(std::string_view text) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = gpt2_piece_end(text, begin);
      count(text.substr(begin, end - begin));
      begin = end;
    }
  }

  /// The same of a text of any size, which is read in pieces of 64 KiB that end at its cuts, where
  /// there are such.
  void add(const ByteSource& text) {
    std::string piece;
    for (std::size_t at = 0; at < text.size(); at += piece.size()) {
      piece.resize(std::min<std::size_t>(65536, text.size() - at));
      text.read(at, std::as_writable_bytes(std::span(piece)));
      const std::size_t cut = at + piece.size() < text.size() ? gpt2_last_cut(piece) : 0;
      if (cut > 0) piece.resize(cut);
      add(std::string_view(piece));
    }
  }

  /// The tokenizer with that many tokens, or with fewer if the text has no more pairs; the last
  /// ones are `others`, such as "<|endoftext|>", which no text is encoded as. ConfigError if there
  /// are fewer than 256 beside these, or more than BpeVocabulary::most_tokens.
  BpeTokenizer train(Index vocabulary, std::span<const std::string_view> others = {}) const {
    const Index least = 256 + std::ssize(others);
    constexpr auto most = static_cast<Index>(BpeVocabulary::most_tokens);
    require(vocabulary >= least && vocabulary <= most, [&] {
      return detail::concat(
          {"vocabulary: got ", vocabulary, " tokens, expected ", least, " to ", most});
    });
    BpeVocabulary learned =
        Training(*this).run(static_cast<std::size_t>(vocabulary) - others.size());
    for (const std::string_view name : others) {
      learned.tokens.emplace_back(name);
      learned.kinds.push_back(TokenKind::control);
    }
    return BpeTokenizer(learned);
  }

 private:
  void count(std::string_view piece) {
    const auto found = number_of_.find(piece);
    if (found != number_of_.end()) {
      ++times_[found->second];
      return;
    }
    number_of_.emplace(pieces_.emplace_back(piece), times_.size());
    times_.push_back(1);
  }

  /// One training: words of tokens, how often each pair is there, and in which words.
  class Training {
   public:
    explicit Training(const BpeTrainer& counted) : times_(counted.times_) {
      std::array<Token, 256> token_of_byte{};
      for (std::size_t i = 0; i < vocabulary_.tokens.size(); ++i) {
        token_of_byte[static_cast<unsigned char>(vocabulary_.tokens[i][0])] = static_cast<Token>(i);
        number_of_[vocabulary_.tokens[i]] = static_cast<Token>(i);
      }
      for (const std::string& piece : counted.pieces_) {
        std::vector<Token>& word = words_.emplace_back();
        for (const char byte : piece) {
          word.push_back(token_of_byte[static_cast<unsigned char>(byte)]);
        }
      }
      for (std::size_t i = 0; i < words_.size(); ++i) {
        add_pairs(i, [](const BpeMerge&) { return true; });
      }
      for (const auto& [key, pair] : pairs_) offer(key, pair.times);
    }

    BpeVocabulary run(std::size_t size) {
      while (vocabulary_.tokens.size() < size && !offers_.empty()) {
        const Offer offer = offers_.top();
        offers_.pop();
        Pair& pair = pairs_.at(offer.key);
        if (offer.times > pair.times) {  // some have been merged with others since
          this->offer(offer.key, pair.times);
        } else if (offer.times == pair.times && !pair.taken) {
          pair.taken = true;
          take(merge_of(offer.key), std::move(pair.words));
        }
      }
      return std::move(vocabulary_);
    }

   private:
    struct Pair {
      std::int64_t times = 0;
      bool taken = false;
      std::vector<std::uint32_t> words;  ///< each that has it, and some that had it
    };
    struct Offer {
      std::int64_t times;
      std::uint64_t key;
      friend bool operator<(const Offer& a, const Offer& b) noexcept {
        return std::tie(a.times, b.key) < std::tie(b.times, a.key);
      }
    };

    static std::uint64_t key_of(Token left, Token right) noexcept {
      return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
             static_cast<std::uint32_t>(right);
    }
    static BpeMerge merge_of(std::uint64_t key) noexcept {
      return {static_cast<Token>(key >> 32), static_cast<Token>(key & 0xffffffff)};
    }

    void offer(std::uint64_t key, std::int64_t times) {
      if (times > 1) offers_.push({times, key});
    }

    /// Counts the pairs of a word; is_new(pair) tells whether the word must be remembered for it.
    template <typename IsNew>
    void add_pairs(std::size_t word, IsNew&& is_new) {
      const std::vector<Token>& tokens = words_[word];
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        Pair& pair = pairs_[key_of(tokens[i], tokens[i + 1])];
        pair.times += times_[word];
        if (!is_new(BpeMerge{tokens[i], tokens[i + 1]})) continue;
        const auto number = static_cast<std::uint32_t>(word);
        if (pair.words.empty() || pair.words.back() != number) pair.words.push_back(number);
      }
    }

    void remove_pairs(std::size_t word) {
      const std::vector<Token>& tokens = words_[word];
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        pairs_[key_of(tokens[i], tokens[i + 1])].times -= times_[word];
      }
    }

    /// The number of the token that joins two; nothing is done for one that is too long.
    void take(const BpeMerge& merge, const std::vector<std::uint32_t>& words) {
      const std::string joined = vocabulary_.tokens[static_cast<std::size_t>(merge.left)] +
                                 vocabulary_.tokens[static_cast<std::size_t>(merge.right)];
      if (joined.size() > BpeVocabulary::longest_token) return;
      // Two pairs may have the same bytes.
      const auto next = static_cast<Token>(vocabulary_.tokens.size());
      const Token result = number_of_.emplace(joined, next).first->second;
      if (result == next) {
        vocabulary_.tokens.push_back(joined);
        vocabulary_.kinds.push_back(TokenKind::normal);
      }
      vocabulary_.merges.push_back(merge);
      changed_.clear();
      for (const std::uint32_t word : words) replace(word, merge, result);
      std::sort(changed_.begin(), changed_.end());
      changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
      for (const std::uint64_t key : changed_) offer(key, pairs_[key].times);
    }

    void replace(std::size_t word, const BpeMerge& merge, Token result) {
      std::vector<Token>& tokens = words_[word];
      const auto here = [&](std::size_t i) {
        return i + 1 < tokens.size() && tokens[i] == merge.left && tokens[i + 1] == merge.right;
      };
      std::size_t first = 0;
      while (first + 1 < tokens.size() && !here(first)) ++first;
      if (!here(first)) return;
      remove_pairs(word);
      std::size_t count = first;
      for (std::size_t i = first; i < tokens.size(); ++count) {
        const bool joined = here(i);
        tokens[count] = joined ? result : tokens[i];
        i += joined ? 2 : 1;
      }
      tokens.resize(count);
      add_pairs(word, [&](const BpeMerge& pair) {
        if (pair.left != result && pair.right != result) return false;
        changed_.push_back(key_of(pair.left, pair.right));
        return true;
      });
    }

    std::span<const std::int64_t> times_;
    BpeVocabulary vocabulary_ = byte_vocabulary();
    std::unordered_map<std::string, Token> number_of_;
    std::vector<std::vector<Token>> words_;
    std::unordered_map<std::uint64_t, Pair> pairs_;
    std::priority_queue<Offer> offers_;
    std::vector<std::uint64_t> changed_;
  };

  std::deque<std::string> pieces_;  ///< by number; they stay where they are
  std::vector<std::int64_t> times_;
  std::unordered_map<std::string_view, std::size_t> number_of_;
};

/// The tokenizer that a text gives.
inline BpeTokenizer train_bpe(std::string_view text, Index vocabulary) {
  BpeTrainer trainer;
  trainer.add(text);
  return trainer.train(vocabulary);
}

}  // namespace OCTAVO_NAMESPACE
