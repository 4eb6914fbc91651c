// SPDX-License-Identifier: MIT
// Windows that slide ahead of time: the same bits, and a bounded number of positions for a token.
#include <algorithm>
#include <heap_guard/heap_guard.hpp>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/generator.hpp>
#include <octavo/transformer/initial_weights.hpp>

using namespace octavo;

namespace {

constexpr ModelConfig config{.vocabulary = 23,
                             .context = 64,
                             .layers = 3,
                             .width = 36,
                             .attention = {.heads = 3},
                             .feed_forward = {.d_ff = 50}};

/// Without convolutions, and with them.
std::vector<ModelConfig> configs() {
  ModelConfig convolved = config;
  convolved.conv_taps = 4;
  return {config, convolved};
}

std::vector<float> random_weights(const ModelConfig& of = config) {
  const ParameterList list = Transformer<float>{of}.parameters();
  std::vector<float> weights(static_cast<std::size_t>(list.count()));
  set_initial_weights<float>(list, of.layers, 3, weights);
  for (float& w : weights) w *= 8;
  for (const Parameter& parameter : list) {
    if (parameter.name.find("convolution") == std::string::npos) continue;
    for (Index i = 0; i < parameter.count(); ++i) {
      weights[static_cast<std::size_t>(parameter.offset + i)] =
          0.1f * static_cast<float>(i % 7 - 3);
    }
  }
  return weights;
}

std::vector<Token> some_tokens(std::size_t count) {
  const CounterRandom random(1, RandomStream::batches);
  std::vector<Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<Token>(random.below(i, 23));
  return tokens;
}

/// Counts the rows that it has worked on, in all layers.
struct CountingFeedForward : FeedForward<float> {
  using FeedForward<float>::FeedForward;

  void forward(const Pass<float>& pass, MatrixView<const float> input,
               MatrixView<float> output) const {
    if (pass.worker().index() == 0) counted += input.rows;
    FeedForward<float>::forward(pass, input, output);
  }

  static inline Index counted = 0;
};

bool same(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

TEST_CASE("positions that are computed ahead bound the work of a token, and change no bit") {
  const std::vector<Token> tokens = some_tokens(300);
  ThreadPool threads(1);
  using Model = Transformer<float, ModelConfig, CountingFeedForward>;
  for (const ModelConfig& of : configs()) {
    const std::vector<float> weights = random_weights(of);
    const Model model{of};
    for (const Index length : {1, 2, 3, 4, 5, 7, 8, 12, 13, 15, 16, 20, 31, 64}) {
      const Index most = length < 12 ? 7 : length % 4 == 0 ? 4 : 5;
      for (const std::size_t first : {0u, 3u, 30u, 150u}) {  // tokens that are read at once
        Generator<float> plain(Transformer<float>{of}, weights, length, threads);
        Generator<float, ModelConfig, CountingFeedForward> ahead(model, weights, length, threads, 1,
                                                                 Sliding::ahead);
        const std::span<const Token> text = tokens;
        plain.read(text.first(first));
        ahead.read(text.first(first));
        Index worst = 0;
        for (const Token& token : text.subspan(first)) {
          plain.read({&token, 1});
          CountingFeedForward::counted = 0;
          ahead.read({&token, 1});
          worst = std::max(worst, CountingFeedForward::counted / of.layers);
          CHECK(ahead.used() == plain.used());
          REQUIRE(same(ahead.logits(), plain.logits()));
        }
        INFO("length ", length, ", ", first, " at once: ", worst, " positions");
        CHECK(worst <= most);
        CHECK(worst >= std::min<Index>(length, 2));
      }
    }
  }
}

TEST_CASE("a text read at once is the same with windows that slide ahead") {
  const std::vector<Token> tokens = some_tokens(120);
  const std::span<const Token> text = tokens;
  ThreadPool threads(2);
  for (const ModelConfig& of : configs()) {
    const std::vector<float> weights = random_weights(of);
    const Transformer<float> model{of};
    for (const Index length : {1, 3, 5, 20}) {
      Generator<float> plain(model, weights, length, threads);
      Generator<float> ahead(model, weights, length, threads, 1, Sliding::ahead);
      for (std::size_t end = 1; end <= text.size(); ++end) {
        ahead.reset();
        plain.reset();
        for (const std::size_t part : {end / 3, end - end / 3}) {
          const auto piece = text.first(part == end / 3 ? part : end).last(part);
          plain.read(piece);
          ahead.read(piece);
        }
        REQUIRE(same(ahead.logits(), plain.logits()));
      }
    }
  }
}

TEST_CASE(
    "sequences that slide ahead together have the tokens of each alone, without a heap call") {
  for (const ModelConfig& of : configs()) {
    const std::vector<float> weights = random_weights(of);
    const std::vector<Token> text = some_tokens(60);
    const std::span<const Token> all = text;
    const std::vector<std::span<const Token>> prompts{all.first(4), all.subspan(9, 17),
                                                      all.subspan(30, 1), all.first(40)};
    constexpr std::size_t most[] = {50, 3, 31, 50};
    const Transformer<float> model{of};
    ThreadPool threads(2);
    std::vector<std::vector<Token>> tokens[2];
    for (const Sliding sliding : {Sliding::at_once, Sliding::ahead}) {
      Generator<float> generator(model, weights, 16, threads, 5, sliding);
      CHECK(generator.plan().total_bytes() == generation_bytes<float>(of, 16, 2, 5, sliding));
      auto& got = tokens[sliding == Sliding::ahead ? 1 : 0];
      got.assign(prompts.size(), std::vector<Token>());
      for (auto& mine : got) mine.reserve(50);
      const octavo_test::HeapGuard guard;
      generator.generate_batch(prompts, 50, {.temperature = 1.2}, 7,
                               [&](Index sequence, Token next) {
                                 auto& mine = got[static_cast<std::size_t>(sequence)];
                                 mine.push_back(next);
                                 return mine.size() < most[static_cast<std::size_t>(sequence)];
                               });
      const auto allocations = guard.allocations();
      CHECK(allocations == 0);
    }
    CHECK(tokens[0] == tokens[1]);
    CHECK(tokens[0][0].size() == 50);
  }
}

TEST_CASE("memory handed in may be overwritten between two texts that slide ahead") {
  const std::vector<float> weights = random_weights();
  const Transformer<float> model{config};
  ThreadPool threads(1);
  constexpr std::size_t bytes = generation_bytes<float>(config, 16, 1, 1, Sliding::ahead);
  static_assert(bytes > generation_bytes<float>(config, 16));
  alignas(64) static std::byte block[bytes];
  Generator<float> generator(model, weights, 16, threads, block, 1, Sliding::ahead);
  const auto text_of = [](Generator<float>& any) {
    std::vector<Token> text;
    const Token prompt[] = {3, 1};
    any.generate(prompt, 60, {}, 5, [&](Token token) {
      text.push_back(token);
      return true;
    });
    return text;
  };
  Generator<float> plain(model, weights, 16, threads);
  const std::vector<Token> expected = text_of(plain);
  for (int round = 0; round < 2; ++round) {
    std::fill_n(block, bytes, std::byte{0xff});
    CHECK(text_of(generator) == expected);
  }
}
