// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>

namespace octavo {

/// How the next token is chosen from the logits. Temperature 0 is greedy: the first of the largest.
/// Otherwise logits are divided by the temperature, all but the `top_k` largest are dropped (0:
/// none), then the smallest set whose probability reaches `top_p` is kept (Holtzman et al. 2020),
/// and one is drawn.
struct Sampling {
  double temperature = 0.8;
  Index top_k = 0;
  double top_p = 1.0;
};

inline void check_sampling(const Sampling& sampling) {
  require(std::isfinite(sampling.temperature) && sampling.temperature >= 0,
          "temperature: expected a finite number, 0 or more");
  require(sampling.top_k >= 0, "top-k: expected 0 (all) or more");
  require(sampling.top_p > 0 && sampling.top_p <= 1, "top-p: expected more than 0, at most 1");
}

/// The token at the first of the largest logits.
template <Scalar T>
Token most_likely(std::span<const T> logits) {
  return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// Chooses by a uniform number in [0, 1). `order` and `probability`: scratch of vocabulary size.
template <Scalar T>
Token sample(std::span<const T> logits, const Sampling& sampling, double uniform,
             std::span<Token> order, std::span<double> probability) {
  if (sampling.temperature == 0) return most_likely(logits);
  std::iota(order.begin(), order.end(), Token{0});
  std::sort(order.begin(), order.end(), [&](Token a, Token b) {
    const T x = logits[static_cast<std::size_t>(a)];
    const T y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  });
  const auto all = logits.size();
  const auto candidates =
      sampling.top_k == 0 ? all : std::min(all, static_cast<std::size_t>(sampling.top_k));
  const auto largest = static_cast<double>(logits[static_cast<std::size_t>(order[0])]);
  double total = 0;
  for (std::size_t i = 0; i < candidates; ++i) {
    const auto logit = static_cast<double>(logits[static_cast<std::size_t>(order[i])]);
    probability[i] = std::exp((logit - largest) / sampling.temperature);
    total += probability[i];
  }
  std::size_t kept = 0;
  double mass = 0;
  while (kept < candidates && (kept == 0 || mass < sampling.top_p * total)) {
    mass += probability[kept++];
  }
  double rest = uniform * mass;
  for (std::size_t i = 0; i < kept; ++i) {
    rest -= probability[i];
    if (rest < 0) return order[i];
  }
  return order[kept - 1];
}

}  // namespace octavo
