// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <octavo/data/text_entropy.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/generation/visible_text.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/report/bits_per_character.hpp>
#include <octavo/report/reference_losses.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/settings.hpp>
#include <octavo/runs/corpus.hpp>
#include <octavo/runs/corpus_options.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/phases.hpp>

namespace OCTAVO_NAMESPACE {

/// The reference losses of a run, and the factor to bits per character.
struct TextStatistics {
  ReferenceLosses references;
  double tokens_per_character = 0;
};

/// The statistics of the tokens for training, and of those for validation if there are any.
/// `release` is called repeatedly while they are read: see text_entropy().
inline TextStatistics text_statistics(const TokenSplit& tokens, const AnyTokenizer& tokenizer,
                                      const std::function<void()>& release = {}) {
  const Index vocabulary = tokenizer.vocabulary_size();
  const TextEntropy entropy = text_entropy(tokens.train, vocabulary, 64, Index{1} << 20, [&] {
    if (release) release();
  });
  return {{std::log(static_cast<double>(vocabulary)), entropy.unigram, entropy.bigram},
          tokens_per_character(tokenizer,
                               tokens.validation.empty() ? tokens.train : tokens.validation)};
}

/// The statistics of rows for fine-tuning: of the targets that count. Answers have no bits per
/// character.
inline TextStatistics text_statistics(const ChatRows& rows, const AnyTokenizer& tokenizer) {
  const PackedData& train = rows.split.train;
  const auto length = static_cast<std::size_t>(train.sequence());
  EntropyCounter counter(std::max(tokenizer.vocabulary_size(), EntropyCounter::most_for_pairs + 1));
  std::vector<Token> inputs(length), targets(length);
  for (Index row = 0; row < train.rows(); ++row) {
    train.copy(row, inputs, targets, {});
    for (const Token target : targets) {
      if (target >= 0) counter.add(TokenView(std::span<const Token>(&target, 1)));
    }
  }
  return {{std::log(static_cast<double>(tokenizer.vocabulary_size())), counter.entropy().unigram,
           std::nullopt},
          0};
}

/// The rows of a run for fine-tuning.
inline SettingGroup setting_group(const ChatRows& rows, const Corpus& corpus) {
  const ChatRowOptions options = chat_row_options(corpus.identity.documents);
  SettingGroup group{"Rows", {}};
  group.add("data", one_line(corpus.name));
  group.add_count("bytes", corpus.identity.bytes);
  group.add_count("rows", rows.documents);
  group.add_count("bad rows", rows.skipped);
  group.add("val", corpus.validation_name.empty() ? "a tenth of the rows"
                                                  : one_line(corpus.validation_name));
  group.add_count("rows for validation", rows.validation_packing.documents);
  group.add_count("packed rows", rows.split.train.rows());
  group.add_count("tokens that count", rows.split.train.counted());
  group.add("train-on", options.train_on == TrainOn::all ? "all" : "answers");
  group.add("long-rows", options.long_rows == LongDocument::split ? "split" : "cut");
  group.add("SHA-256", corpus.identity.hash);
  return group;
}

/// The statistics of a run's text, which is trained on in sequences of `sequence` tokens.
inline SettingGroup setting_group(const Corpus& corpus, Index sequence) {
  if (corpus.rows != nullptr) return setting_group(*corpus.rows, corpus);
  SettingGroup group{"Text", {}};
  group.add("data", one_line(corpus.name));
  group.add_count("bytes", corpus.identity.bytes);
  group.add_count("tokens", corpus.tokens().size());
  group.add("val", one_line(corpus.validation(sequence)));
  const std::string& documents = corpus.identity.documents;
  const bool marked = documents.starts_with("end ");
  group.add("documents", documents.empty() ? "none"
                         : marked          ? "by their end"
                                           : documents.substr(0, 4));
  group.add("document-end", marked ? printable(documents.substr(4)) : "none");
  group.add("SHA-256", corpus.identity.hash);
  if (corpus.learned) {
    group.add("learned from", learned_words(*corpus.learned));
    group.add("learned in", readable_bytes(corpus.learned->memory_bytes));
  }
  return group;
}

/// The page about a run with its configuration: text, model, training, machine and memory. The page
/// stores a pointer to the trainer's plan. The caller adds title and commands.
template <Scalar T, typename... Model>
RunReport run_page(const Trainer<T, Model...>& trainer, const Corpus& corpus,
                   const ThreadPool& threads, const TextStatistics& text) {
  const TrainingOptions& options = trainer.options();
  const AnyTokenizer& tokenizer = corpus.tokenizer;
  SettingGroup model = setting_group(trainer.config());
  const auto* characters = tokenizer.get_if<CharacterTokenizer>();
  model.add("tokenizer", name_of(kind_of(tokenizer)));
  model.add("unknown", characters != nullptr && characters->has_unknown());
  model.add("scalar", sizeof(T) == sizeof(double) ? "double" : "float");
  model.add_count("parameters", trainer.model().parameter_count());
  RunReport page;
  page.settings = main_settings(options);
  page.configuration = {setting_group(corpus, options.sequence), model, setting_group(options),
                        machine_settings(threads)};
  page.plan = &trainer.plan();
  page.phase_names = phase::names;
  page.references = text.references;
  page.tokens_per_step = options.all_sequences() * options.sequence;
  page.tokens_per_character = text.tokens_per_character;
  page.clip = options.clip;
  page.steps = options.steps;
  return page;
}

}  // namespace OCTAVO_NAMESPACE
