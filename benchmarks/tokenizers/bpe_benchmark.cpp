// SPDX-License-Identifier: MIT
// Megabytes a second: a text encoded as byte pairs, a vocabulary learned. The text is that of
// OCTAVO_BENCHMARK_TEXT, a file; without it the built-in one again and again, which flatters the
// encoder: it has few words.
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/files.hpp>
#include <octavo/octavo.hpp>
#include <octavo/tokenizers.hpp>

namespace {

using octavo::Index;

const std::string& text() {
  static const std::string text = [] {
    if (const char* path = std::getenv("OCTAVO_BENCHMARK_TEXT")) return octavo::read_file(path);
    std::string built_in;
    while (built_in.size() < 1'000'000) built_in += octavo::sample_text;
    return built_in;
  }();
  return text;
}

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text().size()));
}

void split(benchmark::State& state) {
  const auto pattern = static_cast<octavo::SplitPattern>(state.range(0));
  for (auto _ : state) {
    std::size_t pieces = 0;
    for (std::size_t at = 0; at < text().size(); ++pieces) {
      at = octavo::piece_end(pattern, text(), at);
    }
    benchmark::DoNotOptimize(pieces);
  }
  count_bytes(state);
  state.SetLabel(std::string(octavo::split_pattern_names[static_cast<std::size_t>(pattern)]));
}

template <typename K>
void encode_with(benchmark::State& state, const K& tokenizer) {
  std::vector<octavo::Token> tokens(octavo::most_tokens(tokenizer, text().size()));
  std::size_t count = 0;
  for (auto _ : state) {
    count = tokenizer.encode(text(), tokens);
    benchmark::DoNotOptimize(tokens.data());
  }
  count_bytes(state);
  state.counters["bytes/token"] = static_cast<double>(text().size()) / static_cast<double>(count);
  state.counters["vocabulary"] = static_cast<double>(tokenizer.vocabulary_size());
}

void encode(benchmark::State& state) {
  encode_with(state, octavo::train_bpe(text(), state.range(0)));
}

void encode_qwen2(benchmark::State& state) {
  octavo::BpeVocabulary vocabulary = octavo::train_bpe(text(), state.range(0)).vocabulary();
  vocabulary.split = octavo::SplitPattern::qwen2;
  vocabulary.normalized = true;
  encode_with(state, octavo::BpeTokenizer(vocabulary));
}

/// The learned merges, as SentencePiece's: those whose tokens are UTF-8.
void encode_sentence_pieces(benchmark::State& state) {
  const octavo::BpeTokenizer learned = octavo::train_bpe(text(), state.range(0));
  octavo::SentencePieceVocabulary vocabulary;
  std::vector<octavo::Token> numbers;
  for (unsigned byte = 0; byte < 256; ++byte) {
    vocabulary.tokens.push_back(octavo::byte_token_name(static_cast<unsigned char>(byte)));
    vocabulary.kinds.push_back(octavo::TokenKind::byte);
  }
  for (octavo::Token token = 0; token < learned.vocabulary_size(); ++token) {
    std::string piece;
    for (const char symbol : learned.decode(token)) {
      if (static_cast<unsigned char>(symbol) < 0x80) piece += symbol;
    }
    const bool ascii = piece == learned.decode(token);
    numbers.push_back(ascii ? static_cast<octavo::Token>(vocabulary.tokens.size()) : -1);
    if (!ascii) continue;
    vocabulary.tokens.push_back(octavo::marks_of_spaces(piece));
    vocabulary.kinds.push_back(octavo::TokenKind::normal);
  }
  for (const octavo::BpeMerge& merge : learned.merges()) {
    const auto left = numbers[static_cast<std::size_t>(merge.left)];
    const auto right = numbers[static_cast<std::size_t>(merge.right)];
    if (left >= 0 && right >= 0) vocabulary.merges.push_back({left, right});
  }
  encode_with(state, octavo::SentencePieceTokenizer(vocabulary));
}

void train(benchmark::State& state) {
  for (auto _ : state) {
    const auto tokenizer = octavo::train_bpe(text(), state.range(0));
    benchmark::DoNotOptimize(tokenizer.vocabulary_size());
  }
  count_bytes(state);
}

BENCHMARK(split)->DenseRange(0, 4)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_qwen2)->Arg(8192)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_sentence_pieces)->Arg(8192)->Unit(benchmark::kMillisecond);
BENCHMARK(encode)->Arg(512)->Arg(1024)->Arg(8192)->Arg(32768)->Unit(benchmark::kMillisecond);
BENCHMARK(train)->Arg(512)->Arg(1024)->Arg(8192)->Unit(benchmark::kMillisecond);

}  // namespace
