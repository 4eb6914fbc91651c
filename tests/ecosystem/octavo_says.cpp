// SPDX-License-Identifier: MIT
// octavo_says MODEL TEXT: what Octavo computes, in JSON, for others to compare with: greedy
// continuations of pieces of the text, and for windows of it their tokens, their mean loss and, for
// the first, all logits. llama_cpp.sh uses it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/files/read_file.hpp>
#include <octavo/generation/generator.hpp>
#include <octavo/interop/model_source.hpp>

using namespace octavo;

namespace {

constexpr std::size_t most_windows = 40;
constexpr std::size_t prompts = 5;
constexpr std::size_t prompt_bytes = 24;
constexpr Index new_tokens = 50;

LoadedModel<float> loaded(const std::string& path) {
  const ModelSource source(path);
  const Index count = Transformer<float>(source.config()).parameters().count();
  LoadedModel<float> model{source.config(), source.trained_length(), source.tokenizer().value(),
                           AlignedBuffer<float>(static_cast<std::size_t>(count))};
  source.read(model.weights);
  return model;
}

std::vector<Token> encoded(const auto& tokenizer, std::string_view text) {
  std::vector<Token> tokens(text.size());
  tokens.resize(tokenizer.encode(text, tokens));
  return tokens;
}

/// [tokens, vocabulary]
std::vector<float> logits(const LoadedModel<float>& model, std::span<const Token> tokens) {
  const auto length = static_cast<Index>(tokens.size());
  MemoryPlan plan;
  const Transformer<float> transformer(model.config, plan, {1, length, 1, false});
  plan.place();
  const Arena arena(plan);
  const Worker worker;
  std::vector<float> result(static_cast<std::size_t>(length * model.config.vocabulary));
  transformer.logits({.run = {worker, arena, transformer.pack_buffer(arena)},
                      .rows = {1, length},
                      .weights = model.weights.data()},
                     tokens, MatrixView<float>(result.data(), length, model.config.vocabulary));
  return result;
}

/// Of every token but the first.
double mean_loss(std::span<const float> logits, std::span<const Token> tokens) {
  const std::size_t vocabulary = logits.size() / tokens.size();
  double sum = 0;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const auto row = logits.subspan(i * vocabulary, vocabulary);
    const auto largest = static_cast<double>(*std::max_element(row.begin(), row.end()));
    double total = 0;
    for (const float logit : row) total += std::exp(static_cast<double>(logit) - largest);
    const auto target = static_cast<std::size_t>(tokens[i + 1]);
    sum += largest + std::log(total) - static_cast<double>(row[target]);
  }
  return sum / static_cast<double>(tokens.size() - 1);
}

nlohmann::json greedy(const LoadedModel<float>& model, std::string_view prompt) {
  ThreadPool threads(1);
  Generator<float> generator(Transformer<float>(model.config), model.weights, model.trained_length,
                             threads);
  const auto tokens = encoded(model.tokenizer, prompt);
  std::vector<Token> continuation;
  generator.generate(tokens, new_tokens, {.temperature = 0}, 1, [&](Token token) {
    continuation.push_back(token);
    return true;
  });
  return {{"prompt", prompt}, {"tokens", tokens}, {"continuation", continuation}};
}

/// About `prompt_bytes` of whole characters, from a place near `at` on.
std::string_view prompt_at(std::string_view text, std::size_t at) {
  const auto whole = [&](std::size_t place) {
    while (place < text.size() && (text[place] & 0xc0) == 0x80) ++place;
    return place;
  };
  const std::size_t begin = whole(at);
  return text.substr(begin, whole(begin + prompt_bytes) - begin);
}

nlohmann::json all_of(const LoadedModel<float>& model, const std::string& text) {
  nlohmann::json all;
  for (std::size_t i = 0; i < prompts; ++i) {
    all["greedy"].push_back(greedy(model, prompt_at(text, i * (text.size() - 100) / prompts)));
  }
  const auto tokens = encoded(model.tokenizer, text);
  const auto length = static_cast<std::size_t>(model.trained_length);
  for (std::size_t i = 0; i < most_windows && (i + 1) * length <= tokens.size(); ++i) {
    const auto window = std::span(tokens).subspan(i * length, length);
    const auto scores = logits(model, window);
    if (i == 0) all["logits"] = scores;
    all["windows"].push_back({{"tokens", window}, {"loss", mean_loss(scores, window)}});
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw ConfigError("usage: octavo_says MODEL TEXT");
    std::printf("%s\n", all_of(loaded(argv[1]), read_file(argv[2])).dump().c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "octavo_says: %s\n", error.what());
    return 1;
  }
}
