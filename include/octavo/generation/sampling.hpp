// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/numeric/scalar.hpp>

namespace OCTAVO_NAMESPACE {

/// A bias for the logit of one token; minus infinity forbids the token.
struct TokenBias {
  Token token = 0;
  double value = 0;
};

/// How the next token is chosen from the logits. The steps have the order of Hugging Face's
/// transformers (in llama.cpp the temperature comes last):
///
/// 1. `logit_bias` is added (values for the same token add up);
/// 2. `repetition_penalty` (Keskar et al. 2019, CTRL): the logits of tokens among the last
///    `repetition_window` tokens of prompt and reply are divided by it if positive, else multiplied
///    by it; repeated occurrences count once. A window of -1 means all tokens that the model sees;
/// 3. with temperature 0 the first largest logit wins; otherwise logits are divided by the
///    temperature;
/// 4. `top_k`: keeps only the k largest logits; ties keep the first (0: all);
/// 5. `top_p` (Holtzman et al. 2020): keeps the smallest set of the likeliest tokens whose total
///    probability reaches it;
/// 6. `min_p` (Nguyen et al. 2024): keeps tokens at least min_p times as likely as the likeliest;
/// 7. draws one of the remaining tokens.
struct Sampling {
  double temperature = 0.8;
  Index top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  Index repetition_window = 64;
  std::span<const TokenBias> logit_bias{};
};

/// ConfigError for a number outside its range. vocabulary: the model's.
inline void check_sampling(const Sampling& sampling, Index vocabulary) {
  require(std::isfinite(sampling.temperature) && sampling.temperature >= 0,
          "temperature: expected a finite number, 0 or more");
  require(sampling.top_k >= 0, "top-k: expected 0 (all) or more");
  require(sampling.top_p > 0 && sampling.top_p <= 1, "top-p: expected more than 0, at most 1");
  require(sampling.min_p >= 0 && sampling.min_p <= 1, "min-p: expected 0 to 1");
  require(std::isfinite(sampling.repetition_penalty) && sampling.repetition_penalty > 0,
          "repetition penalty: expected a finite number > 0");
  require(sampling.repetition_window >= -1, "repetition window: expected -1 (all) or more");
  for (const TokenBias& bias : sampling.logit_bias) {
    require(bias.token >= 0 && bias.token < vocabulary, [&] {
      return detail::concat(
          {"logit bias: got token ", bias.token, ", expected 0 to ", vocabulary - 1});
    });
    require(bias.value < std::numeric_limits<double>::infinity(),
            "logit bias: expected a finite number, or minus infinity");
  }
}

/// Steps 1 and 2. Writes the logits for the other steps to `adjusted` [vocabulary]. `recent`: the
/// tokens so far, oldest first; `seen` [vocabulary]: scratch. DataError if a logit is NaN or plus
/// infinity, or if all are minus infinity.
template <Scalar T>
void adjust_logits(std::span<const T> logits, const Sampling& sampling,
                   std::span<const Token> recent, std::span<Token> seen,
                   std::span<double> adjusted) {
  std::copy(logits.begin(), logits.end(), adjusted.begin());
  for (const TokenBias& bias : sampling.logit_bias) {
    adjusted[static_cast<std::size_t>(bias.token)] += bias.value;
  }
  const auto window =
      static_cast<std::size_t>(sampling.repetition_window);  // -1 becomes the largest number
  const std::span<const Token> penalized = recent.last(std::min(recent.size(), window));
  if (sampling.repetition_penalty != 1 && !penalized.empty()) {
    std::fill(seen.begin(), seen.end(), Token{0});
    for (const Token token : penalized) seen[static_cast<std::size_t>(token)] = 1;
    for (std::size_t i = 0; i < adjusted.size(); ++i) {
      if (seen[i] == 0) continue;
      adjusted[i] = adjusted[i] < 0 ? adjusted[i] * sampling.repetition_penalty
                                    : adjusted[i] / sampling.repetition_penalty;
    }
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  bool possible = false;
  for (std::size_t i = 0; i < adjusted.size(); ++i) {
    possible = possible || adjusted[i] > -infinity;
    if (adjusted[i] < infinity) continue;  // false for NaN
    throw DataError(detail::concat({"the logit of token ", i, " is ",
                                    (adjusted[i] == infinity ? "infinite" : "not a number")}),
                    "the model was not trained, or its training diverged");
  }
  if (!possible) {
    throw DataError("no token can follow: every logit is minus infinity",
                    "forbid fewer tokens by logit bias");
  }
}

namespace detail {

/// The tokens by descending logit, ties in order of the tokens. Sorts lazily, only as far as asked,
/// because likely tokens are in front.
class RankedTokens {
 public:
  /// order [vocabulary]: scratch.
  RankedTokens(std::span<const double> logits, std::span<Token> order)
      : logits_(logits), order_(order) {
    std::iota(order.begin(), order.end(), Token{0});
    std::make_heap(order.begin(), order.end(), LessLikely{logits});
  }

  /// The token of a rank; 0 is the likeliest.
  Token token(std::size_t rank) {
    const auto size = static_cast<std::ptrdiff_t>(order_.size());
    while (found_ <= rank) {
      std::pop_heap(order_.begin(), order_.begin() + size - static_cast<std::ptrdiff_t>(found_),
                    LessLikely{logits_});
      ++found_;
    }
    return order_[order_.size() - 1 - rank];
  }

  double logit(std::size_t rank) { return logits_[static_cast<std::size_t>(token(rank))]; }

 private:
  struct LessLikely {
    std::span<const double> logits;
    bool operator()(Token a, Token b) const {
      const double x = logits[static_cast<std::size_t>(a)];
      const double y = logits[static_cast<std::size_t>(b)];
      return x != y ? x < y : a > b;
    }
  };

  std::span<const double> logits_;
  std::span<Token> order_;
  std::size_t found_ = 0;
};

}  // namespace detail

/// Steps 3 to 7, over the logits of adjust_logits, by a uniform number in [0, 1).
/// `order` [vocabulary]: scratch.
inline Token choose(std::span<const double> logits, const Sampling& sampling, double uniform,
                    std::span<Token> order) {
  const auto likeliest = std::max_element(logits.begin(), logits.end());
  if (sampling.temperature == 0) return static_cast<Token>(likeliest - logits.begin());
  const auto weight = [&](double logit) {  // relative to the likeliest
    return std::exp((logit - *likeliest) / sampling.temperature);
  };
  detail::RankedTokens ranked(logits, order);
  const std::size_t all = logits.size();
  const std::size_t candidates =
      sampling.top_k == 0 ? all : std::min(all, static_cast<std::size_t>(sampling.top_k));
  double mass = 0;
  if (candidates == all) {
    for (const double logit : logits) mass += weight(logit);
  } else {
    for (std::size_t i = 0; i < candidates; ++i) mass += weight(ranked.logit(i));
  }
  std::size_t kept = candidates;
  if (sampling.top_p < 1 || sampling.min_p > 0) {
    const double enough = sampling.top_p < 1 ? sampling.top_p * mass : 2 * mass;
    mass = 0;
    for (kept = 0; kept < candidates && (kept == 0 || mass < enough); ++kept) {
      const double next = weight(ranked.logit(kept));
      if (kept > 0 && next < sampling.min_p) break;
      mass += next;
    }
  }
  double rest = uniform * mass;
  Token drawn = ranked.token(0);
  for (std::size_t i = 0; i < kept; ++i) {
    const double next = weight(ranked.logit(i));
    if (next == 0) break;  // `rest` is not 0 because of rounding
    drawn = ranked.token(i);
    rest -= next;
    if (rest < 0) break;
  }
  return drawn;
}

/// All steps. order and adjusted [vocabulary]: scratch.
template <Scalar T>
Token sample(std::span<const T> logits, const Sampling& sampling, std::span<const Token> recent,
             double uniform, std::span<Token> order, std::span<double> adjusted) {
  adjust_logits<T>(logits, sampling, recent, order, adjusted);
  return choose(adjusted, sampling, uniform, order);
}

}  // namespace OCTAVO_NAMESPACE
