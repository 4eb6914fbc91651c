// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/data/token_view.hpp>

namespace OCTAVO_NAMESPACE {

/// The mean losses, in nats per token, of the best predictions from token frequencies and from pair
/// frequencies. A model with a loss below `unigram` has learned more than frequencies, below
/// `bigram` more than pairs.
struct TextEntropy {
  double unigram = 0;  ///< H(X) = -sum over a of p(a) ln p(a)
  std::optional<double>
      bigram;  ///< H(Y|X) = -sum over a, b of p(a, b) ln p(b|a); nothing: not counted
};

/// Counts tokens and pairs of neighbours, added in pieces. Pairs are counted for vocabularies up to
/// 512, whose table has 2 MiB. (Shannon 1951, "Prediction and entropy of printed English", F_1 and
/// F_2.)
class EntropyCounter {
 public:
  static constexpr Index most_for_pairs = 512;

  /// Bytes on the heap.
  static constexpr std::size_t memory_bytes(Index vocabulary) noexcept {
    const auto size = static_cast<std::size_t>(vocabulary);
    return sizeof(std::uint64_t) * (size + (vocabulary <= most_for_pairs ? size * size : 0));
  }

  explicit EntropyCounter(Index vocabulary);

  /// Adds tokens that follow those added before. DataError for a token outside the vocabulary.
  void add(TokenView tokens);

  /// The tokens added next do not follow those added before.
  void skip() noexcept { last_ = -1; }

  TextEntropy entropy() const;

 private:
  /// The entropy of counts: ln n - (1/n) sum over i of c(i) ln c(i).
  static double entropy_of(const std::uint64_t* counts, std::size_t size);

  Index vocabulary_;
  std::vector<std::uint64_t> tokens_;
  std::vector<std::uint64_t> pairs_;  ///< [token, the next one]; empty: not counted
  Index last_ = -1;
};

/// The entropy of `tokens`, which must lie in the vocabulary. If there are more than stretches *
/// length tokens, it is estimated from `stretches` ranges of `length` tokens, evenly spread from
/// the first token to the last. The default sample of 2^26 tokens takes about a tenth of a second,
/// and loads as much of a mapped file into memory unless `rest`, called after every 2^18 tokens,
/// releases it.
OCTAVO_INLINE TextEntropy text_entropy(TokenView tokens, Index vocabulary, Index stretches = 64,
                                       Index length = Index{1} << 20,
                                       const std::function<void()>& rest = {});

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE EntropyCounter::EntropyCounter(Index vocabulary)
    : vocabulary_(
          (require(vocabulary > 0, "entropy: expected a vocabulary of at least 1"), vocabulary)),
      tokens_(static_cast<std::size_t>(vocabulary)),
      pairs_(static_cast<std::size_t>(vocabulary <= most_for_pairs ? vocabulary * vocabulary : 0)) {
}

OCTAVO_INLINE void EntropyCounter::add(TokenView tokens) {
  for (Index i = 0; i < tokens.size(); ++i) {
    const Token token = tokens[i];
    detail::check_token(token, vocabulary_);
    ++tokens_[static_cast<std::size_t>(token)];
    if (!pairs_.empty() && last_ >= 0) {
      ++pairs_[static_cast<std::size_t>(last_ * vocabulary_ + token)];
    }
    last_ = token;
  }
}

OCTAVO_INLINE TextEntropy EntropyCounter::entropy() const {
  const FloatEnvironment environment;
  TextEntropy result{entropy_of(tokens_.data(), tokens_.size()), {}};
  if (pairs_.empty()) return result;
  // H(Y|X) = sum over a of p(a) H(Y|a), where p(a) is a's share of the pairs' first tokens.
  double sum = 0, all = 0;
  for (std::size_t a = 0; a < tokens_.size(); ++a) {
    const std::uint64_t* followers = pairs_.data() + a * tokens_.size();
    double count = 0;
    for (std::size_t b = 0; b < tokens_.size(); ++b) count += static_cast<double>(followers[b]);
    sum += count * entropy_of(followers, tokens_.size());
    all += count;
  }
  result.bigram = all > 0 ? sum / all : 0;
  return result;
}

OCTAVO_INLINE double EntropyCounter::entropy_of(const std::uint64_t* counts, std::size_t size) {
  double all = 0, sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto count = static_cast<double>(counts[i]);
    all += count;
    if (count > 0) sum += count * std::log(count);
  }
  return all > 0 ? std::log(all) - sum / all : 0;
}

OCTAVO_INLINE TextEntropy text_entropy(TokenView tokens, Index vocabulary, Index stretches,
                                       Index length, const std::function<void()>& rest) {
  require(stretches > 1 && length > 0,
          "entropy: expected at least 2 stretches of at least 1 token");
  EntropyCounter counter(vocabulary);
  const auto add = [&](TokenView stretch) {
    constexpr Index most = Index{1} << 18;
    for (Index begin = 0; begin < stretch.size(); begin += most) {
      counter.add(stretch.subview(begin, std::min(most, stretch.size() - begin)));
      if (rest) rest();
    }
  };
  if (tokens.size() / length < stretches) {
    add(tokens);
    return counter.entropy();
  }
  const Index last = tokens.size() - length;
  for (Index i = 0; i < stretches; ++i) {
    counter.skip();
    add(tokens.subview(last / (stretches - 1) * i, length));
  }
  return counter.entropy();
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
