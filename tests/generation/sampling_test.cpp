// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/sampling.hpp>
#include <octavo/numeric/random.hpp>

using namespace octavo;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// The rules of sampling.hpp read word by word: every step on a full vector of probabilities, one
/// after the other, as Hugging Face's processors work.
std::vector<double> naive_probabilities(std::vector<double> logits, const Sampling& sampling,
                                        const std::vector<Token>& recent) {
  const std::size_t n = logits.size();
  for (const TokenBias& bias : sampling.logit_bias) {
    logits[static_cast<std::size_t>(bias.token)] += bias.value;
  }
  std::vector<double> penalized = logits;
  for (std::size_t back = 0; back < recent.size(); ++back) {
    const bool inside =
        sampling.repetition_window < 0 || static_cast<Index>(back) < sampling.repetition_window;
    if (!inside) continue;
    const auto token = static_cast<std::size_t>(recent[recent.size() - 1 - back]);
    const double logit = logits[token];
    penalized[token] =
        logit > 0 ? logit / sampling.repetition_penalty : logit * sampling.repetition_penalty;
  }
  logits = penalized;
  if (sampling.temperature == 0) {
    std::vector<double> result(n, 0);
    result[static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) -
                                    logits.begin())] = 1;
    return result;
  }
  std::vector<std::size_t> sorted(n);
  for (std::size_t i = 0; i < n; ++i) sorted[i] = i;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  const double top = logits[sorted[0]];
  std::vector<double> p(n);
  for (std::size_t i = 0; i < n; ++i) p[i] = std::exp((logits[i] - top) / sampling.temperature);
  const auto normalize = [&] {
    double sum = 0;
    for (const double x : p) sum += x;
    for (double& x : p) x /= sum;
  };
  normalize();
  for (std::size_t rank = 0; rank < n; ++rank) {
    if (sampling.top_k > 0 && static_cast<Index>(rank) >= sampling.top_k) p[sorted[rank]] = 0;
  }
  normalize();
  double before = 0;
  for (std::size_t rank = 0; rank < n && sampling.top_p < 1; ++rank) {
    const double mine = p[sorted[rank]];
    if (rank > 0 && before >= sampling.top_p - 1e-12) p[sorted[rank]] = 0;
    before += mine;
  }
  normalize();
  const double least = sampling.min_p * p[sorted[0]];
  for (double& x : p) {
    if (x < least * (1 - 1e-12)) x = 0;
  }
  normalize();
  return p;
}

struct Scratch {
  explicit Scratch(std::size_t n) : order(n), adjusted(n) {}
  std::vector<Token> order;
  std::vector<double> adjusted;
};

/// How often each token is drawn over an even grid of uniform numbers.
std::vector<double> shares(const std::vector<double>& logits, const Sampling& sampling,
                           const std::vector<Token>& recent = {}, int draws = 20'000) {
  Scratch scratch(logits.size());
  std::vector<double> result(logits.size());
  for (int i = 0; i < draws; ++i) {
    const double uniform = (i + 0.5) / draws;
    const Token token =
        sample<double>(logits, sampling, recent, uniform, scratch.order, scratch.adjusted);
    result[static_cast<std::size_t>(token)] += 1.0 / draws;
  }
  return result;
}

void check_shares(const std::vector<double>& logits, const Sampling& sampling,
                  const std::vector<Token>& recent = {}) {
  const std::vector<double> expected = naive_probabilities(logits, sampling, recent);
  const std::vector<double> drawn = shares(logits, sampling, recent);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    INFO("token ", i, ": drawn ", drawn[i], ", expected ", expected[i]);
    CHECK(std::abs(drawn[i] - expected[i]) < 2e-4);
    const bool both = (drawn[i] > 0) == (expected[i] > 1e-4) || expected[i] < 1e-4;
    CHECK(both);
    if (expected[i] == 0) CHECK(drawn[i] == 0);
  }
}

const std::vector<double> five{1.0, 3.0, 2.0, 3.0, -1.0};

}  // namespace

TEST_CASE("temperature 0 takes the first of the largest") {
  CHECK(shares(five, {.temperature = 0})[1] == doctest::Approx(1));
  check_shares(five, {.temperature = 0});
}

TEST_CASE("every option alone draws what the naive reference says, ties included") {
  for (const double temperature : {0.3, 1.0, 2.5}) check_shares(five, {.temperature = temperature});
  for (const Index k : {1, 2, 3, 5, 99}) check_shares(five, {.temperature = 1, .top_k = k});
  for (const double p : {1e-9, 0.3, 0.5, 0.9, 0.999, 1.0}) {
    check_shares(five, {.temperature = 1, .top_p = p});
  }
  for (const double p : {0.0, 0.1, 0.2, 0.4, 1.0}) {
    check_shares(five, {.temperature = 1, .min_p = p});
  }
  for (const double penalty : {0.5, 1.0, 1.3, 10.0}) {
    for (const Index window : {-1, 0, 1, 2, 3, 64}) {
      check_shares(five,
                   {.temperature = 1, .repetition_penalty = penalty, .repetition_window = window},
                   {4, 2, 1, 1, 2});
    }
  }
  const TokenBias bias[] = {{4, 3.5}, {1, -infinity}, {4, 0.5}};
  check_shares(five, {.temperature = 1, .logit_bias = bias});
}

TEST_CASE("top-p takes no token more where the probabilities reach it exactly") {
  const std::vector<double> four{2.0, 2.0, 2.0, 2.0};  // a quarter each, without rounding
  const auto drawn = [&](double top_p) {
    return shares(four, {.temperature = 1, .top_p = top_p}, {}, 1200);
  };
  const double third = 1.0 / 3;
  for (const auto& [top_p, expected] :
       {std::pair{0.25, std::vector<double>{1, 0, 0, 0}},
        std::pair{std::nextafter(0.25, 1.0), std::vector<double>{0.5, 0.5, 0, 0}},
        std::pair{0.5, std::vector<double>{0.5, 0.5, 0, 0}},
        std::pair{0.75, std::vector<double>{third, third, third, 0}},
        std::pair{std::nextafter(0.75, 1.0), std::vector<double>(4, 0.25)}}) {
    const std::vector<double> got = drawn(top_p);
    for (std::size_t i = 0; i < 4; ++i) CHECK(got[i] == doctest::Approx(expected[i]));
  }
}

TEST_CASE("all options together, in their order, on many random logits") {
  const CounterRandom random(3, RandomStream::sampling);
  std::uint64_t at = 0;
  const auto between = [&](double a, double b) { return a + (b - a) * random.uniform(at++); };
  for (int round = 0; round < 30; ++round) {
    const std::size_t n = 2 + static_cast<std::size_t>(between(0, 12));
    std::vector<double> logits(n);
    for (double& logit : logits) logit = std::round(between(-4, 4) * 2) / 2;  // many ties
    std::vector<Token> recent(static_cast<std::size_t>(between(0, 6)));
    for (Token& token : recent) token = static_cast<Token>(between(0, static_cast<double>(n)));
    const TokenBias bias[] = {{0, std::round(between(-2, 2))}, {1, std::round(between(-2, 2))}};
    INFO("round ", round);
    check_shares(logits,
                 {.temperature = between(0.5, 2),
                  .top_k = static_cast<Index>(between(0, 8)),
                  .top_p = between(0.3, 1),
                  .min_p = between(0, 0.3),
                  .repetition_penalty = between(0.7, 1.5),
                  .repetition_window = static_cast<Index>(between(-1, 5)),
                  .logit_bias = bias},
                 recent);
  }
}

TEST_CASE("the penalty counts once, and makes negative logits smaller too") {
  std::vector<Token> seen(5);
  std::vector<double> adjusted(5);
  const std::vector<Token> recent{1, 4, 4, 4};
  adjust_logits<double>(five, {.repetition_penalty = 2}, recent, seen, adjusted);
  CHECK(adjusted == std::vector<double>{1, 1.5, 2, 3, -2});
  adjust_logits<double>(five, {.repetition_penalty = 2, .repetition_window = 3}, recent, seen,
                        adjusted);
  CHECK(adjusted == std::vector<double>{1, 3, 2, 3, -2});
}

TEST_CASE("the penalty sees the bias, and the temperature neither undoes nor doubles it") {
  std::vector<Token> seen(5);
  std::vector<double> adjusted(5);
  const TokenBias bias[] = {{1, -4}};  // 3 becomes -1, then -2
  adjust_logits<double>(five, {.repetition_penalty = 2, .logit_bias = bias}, std::vector<Token>{1},
                        seen, adjusted);
  CHECK(adjusted[1] == -2);
}

TEST_CASE("a token of minus infinity is never drawn, whatever else is asked") {
  const std::vector<double> logits{-infinity, 0, -infinity, 0};
  for (const Index k : {0, 3, 4}) {
    for (const double p : {0.5, 0.9999999999, 1.0}) {
      for (const double uniform : {0.0, 0.5, std::nextafter(1.0, 0.0)}) {
        Scratch scratch(4);
        const Token token = sample<double>(logits, {.temperature = 1e30, .top_k = k, .top_p = p},
                                           {}, uniform, scratch.order, scratch.adjusted);
        CHECK((token == 1 || token == 3));
      }
    }
  }
}

TEST_CASE("logits that choose nothing are an error, greedy or not") {
  Scratch scratch(3);
  const auto refuse = [&](const std::vector<float>& logits, const Sampling& sampling,
                          const char* message) {
    CHECK_THROWS_WITH_AS(sample<float>(logits, sampling, {}, 0.5, scratch.order, scratch.adjusted),
                         message, DataError);
  };
  const auto inf = std::numeric_limits<float>::infinity();
  const auto nan_float = std::numeric_limits<float>::quiet_NaN();
  for (const double temperature : {0.0, 1.0}) {
    const Sampling sampling{.temperature = temperature, .top_k = 2};
    refuse({0, nan_float, 1}, sampling, "the logit of token 1 is not a number");
    refuse({0, -nan_float, 1}, sampling, "the logit of token 1 is not a number");
    refuse({0, 1, inf}, sampling, "the logit of token 2 is infinite");
    refuse({-inf, -inf, -inf}, sampling, "no token can follow: every logit is minus infinity");
    const TokenBias all[] = {{0, -infinity}, {1, -infinity}, {2, -infinity}};
    refuse({0, 1, 2}, {.temperature = temperature, .logit_bias = all},
           "no token can follow: every logit is minus infinity");
  }
}

TEST_CASE("extreme logits and temperatures choose without NaN") {
  const std::vector<double> logits{-1e308, 1e308, 0};
  Scratch scratch(3);
  for (const double temperature : {1e-300, 1.0, 1e300}) {
    const Token token = sample<double>(logits, {.temperature = temperature}, {}, 0.3, scratch.order,
                                       scratch.adjusted);
    CHECK(token >= 0);
    CHECK(token < 3);
  }
}

TEST_CASE("illegal numbers are refused") {
  const auto refuse = [](const Sampling& sampling, const char* message) {
    CHECK_THROWS_WITH_AS(check_sampling(sampling, 5), message, ConfigError);
  };
  const char* temperature = "temperature: expected a finite number, 0 or more";
  refuse({.temperature = -1}, temperature);
  refuse({.temperature = not_a_number}, temperature);
  refuse({.temperature = infinity}, temperature);
  refuse({.top_k = -1}, "top-k: expected 0 (all) or more");
  for (const double p : {0.0, 1.1, -0.5, not_a_number}) {
    refuse({.top_p = p}, "top-p: expected more than 0, at most 1");
  }
  for (const double p : {-0.1, 1.1, not_a_number}) refuse({.min_p = p}, "min-p: expected 0 to 1");
  for (const double penalty : {0.0, -1.0, infinity, not_a_number}) {
    refuse({.repetition_penalty = penalty}, "repetition penalty: expected a finite number > 0");
  }
  refuse({.repetition_window = -2}, "repetition window: expected -1 (all) or more");
  for (const TokenBias bias : {TokenBias{5, 1}, TokenBias{-1, 1}}) {
    const std::string message =
        "logit bias: got token " + std::to_string(bias.token) + ", expected 0 to 4";
    refuse({.logit_bias = {&bias, 1}}, message.c_str());
  }
  for (const double value : {infinity, not_a_number}) {
    const TokenBias bias{0, value};
    refuse({.logit_bias = {&bias, 1}}, "logit bias: expected a finite number, or minus infinity");
  }
  check_sampling({.top_p = 1, .min_p = 1, .repetition_window = -1}, 1);
}
