// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/generation/chat_template.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/runs/chat_data.hpp>
#include <octavo/runs/chat_rows_data.hpp>
#include <octavo/runs/corpus.hpp>
#include <octavo/runs/corpus_options.hpp>
#include <octavo/runs/corpus_reader.hpp>
#include <octavo/runs/corpus_text.hpp>
#include <octavo/runs/resumed_run.hpp>
#include <octavo/runs/run_callbacks.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Some bytes of a source, under their own name.
class PartSource final : public ByteSource {
 public:
  PartSource(const ByteSource& whole, std::size_t begin, std::size_t end, std::string name)
      : ByteSource(std::move(name)), whole_(whole), begin_(begin), size_(end - begin) {}
  std::size_t size() const noexcept override { return size_; }
  void read(std::size_t offset, std::span<std::byte> bytes) const override {
    whole_.read(begin_ + offset, bytes);
  }

 private:
  const ByteSource& whole_;
  std::size_t begin_, size_;
};

/// The name of a token, for a template.
inline std::string token_name(const AnyTokenizer& tokenizer, std::optional<Token> token) {
  return token ? std::string(tokenizer.decode(*token)) : std::string();
}

/// Whether a document is for validation: about a tenth, wherever the file has it.
inline bool is_held_out(Index document) {
  return CounterRandom(0, RandomStream::batches).below(static_cast<std::uint64_t>(document), 10) ==
         0;
}

/// What the model reads before the first answer, and the answer.
inline ChatExample example_of(const LabelledTokens& document) {
  const auto counts = [](Token target) { return target >= 0; };
  const auto first = std::find_if(document.targets.begin(), document.targets.end(), counts);
  const auto last = std::find_if_not(first, document.targets.end(), counts);
  const auto read = first - document.targets.begin() + 1;
  return {{document.inputs.begin(), document.inputs.begin() + read}, {first, last}};
}

}  // namespace detail

/// Makes the corpus of a run on files for fine-tuning (JSONL): CorpusOptions::data, with a division
/// into documents of words_of(ChatRowOptions). The tokenizer is CorpusOptions::given_tokenizer, or
/// that of the resumed run, and has the chat template. About a tenth of the rows is for validation,
/// unless CorpusOptions::validation has others; always the same ones.
class ChatCorpusReader {
 public:
  /// Opens the files; see CorpusReader. ConfigError without a tokenizer.
  explicit ChatCorpusReader(const CorpusOptions& options, RunCallbacks callbacks = {},
                            const ResumedRun* resumed = nullptr)
      : options_(options),
        rows_(chat_row_options(options.documents)),
        callbacks_(std::move(callbacks)),
        resumed_(resumed),
        text_("data", options.data, options.load_at_most) {
    require(resumed != nullptr || options.given_tokenizer != nullptr,
            "rows for fine-tuning: expected the tokenizer of a model");
    if (!options.validation.empty()) {
      validation_.emplace("val", options.validation, options.load_at_most);
    }
  }

  /// Reads all rows; `sequence(longest)` chooses the length of packed rows, given the inputs of the
  /// longest document. DataError, with file and line, for a bad row beyond those that are skipped,
  /// and if no row is left, or the text is not that of the resumed run.
  Corpus read(const std::function<Index(Index longest)>& sequence) {
    const AnyTokenizer& tokenizer =
        resumed_ != nullptr ? resumed_->info().tokenizer : *options_.given_tokenizer;
    Corpus corpus{.name = text_.name(),
                  .text_bytes = text_.size(),
                  .identity = {text_.names(), text_.size(), {}, options_.documents},
                  .tokenizer = tokenizer,
                  .loaded = TokenStore(tokenizer.vocabulary_size())};
    std::vector<LabelledTokens> train, held_out;
    Index number = 0, skipped = 0;
    corpus.identity.hash = read_file(text_, tokenizer, skipped, [&](LabelledTokens document) {
      const bool held = !validation_ && detail::is_held_out(number++);
      (held ? held_out : train).push_back(std::move(document));
    });
    if (validation_) {
      corpus.identity.validation_name = validation_->names();
      corpus.identity.validation_bytes = validation_->size();
      corpus.validation_name = validation_->name();
      corpus.identity.validation_hash =
          read_file(*validation_, tokenizer, skipped,
                    [&](LabelledTokens document) { held_out.push_back(std::move(document)); });
    }
    if (resumed_ != nullptr && !options_.allow_other_text) {
      resumed_->require_same_text(corpus.identity);
    }
    if (train.empty()) std::swap(train, held_out);  // one row, which would be held out
    pack(corpus, train, held_out, skipped, sequence);
    return corpus;
  }

 private:
  using Documents = std::vector<LabelledTokens>;

  /// Calls take(document) for each row of each file; returns the hash of all files.
  template <typename Take>
  std::string read_file(const CorpusText& text, const AnyTokenizer& tokenizer, Index& skipped,
                        Take take) const {
    const ChatDocuments documents(tokenizer, template_of(tokenizer), begin_of(tokenizer),
                                  rows_.train_on);
    const ObservedText observed(text.source(), callbacks_, "reading");
    const std::vector<std::string> paths = text.files()->paths();
    const std::vector<std::size_t> ends = text.files()->file_ends();
    std::size_t begin = 0;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const detail::PartSource part(observed, begin, ends[i],
                                    paths[i] == "-" ? "standard input" : paths[i]);
      ChatData data(part, documents, rows_.skip_bad - skipped,
                    [&](const Error& bad) { callbacks_.warning(bad.what(), bad.hint()); });
      while (auto document = data.next()) take(std::move(*document));
      skipped += data.skipped();
      begin = ends[i];
    }
    text.check_unchanged();
    detail::HashedText hashed(text.source());
    std::vector<std::byte> piece(std::size_t{1} << 16);
    for (std::size_t at = 0; at < hashed.size(); at += piece.size()) {
      hashed.read(at, std::span(piece).first(std::min(piece.size(), hashed.size() - at)));
    }
    return hashed.digest();
  }

  static std::optional<ChatTemplate> template_of(const AnyTokenizer& tokenizer) {
    const ChatFormat& chat = tokenizer.chat();
    if (chat.chat_template.empty()) return std::nullopt;
    return ChatTemplate(chat.chat_template, detail::token_name(tokenizer, chat.begin_token),
                        detail::token_name(tokenizer, tokenizer.end_token()));
  }
  static std::optional<Token> begin_of(const AnyTokenizer& tokenizer) {
    const std::vector<Token>& before = tokenizer.frame().before;
    if (before.empty()) return std::nullopt;
    return before.front();
  }

  void pack(Corpus& corpus, Documents& train, Documents& held_out, Index skipped,
            const std::function<Index(Index)>& sequence) const {
    Index longest = 1;
    std::size_t bytes = 0;
    for (const Documents* const all : {&train, &held_out}) {
      for (const LabelledTokens& document : *all) {
        longest = std::max(longest, document.length());
        bytes += 2 * document.inputs.size() * sizeof(Token) + sizeof(document);
      }
    }
    const Index length = sequence(longest);
    const Index vocabulary = corpus.tokenizer.vocabulary_size();
    corpus.scan_bytes = bytes;
    corpus.rows =
        std::make_unique<ChatRows>(ChatRows{.split = {{vocabulary, length}, {vocabulary, length}}});
    ChatRows& rows = *corpus.rows;
    rows.documents = std::ssize(train) + std::ssize(held_out);
    rows.skipped = skipped;
    rows.longest = longest;
    for (const LabelledTokens& document : held_out) {
      ChatExample example = detail::example_of(document);
      if (rows.examples.size() < most_examples && std::ssize(example.prompt) < length) {
        rows.examples.push_back(std::move(example));
      }
    }
    rows.packing = pack(train, rows.split.train);
    rows.validation_packing = pack(held_out, rows.split.validation);
    if (rows.split.train.empty()) {
      throw DataError(
          detail::concat({printable(corpus.name), ": no answer begins within the first ", length,
                          " tokens of its row"}),
          "use a longer sequence");
    }
  }

  PackingCounts pack(Documents& documents, PackedData& data) const {
    PackedRows packed(data.sequence(), rows_.long_rows);
    const auto take = [&](bool last) {
      while (const auto row = packed.next(last)) data.add(*row);
    };
    for (LabelledTokens& document : documents) {
      packed.add(document);
      document = {};
      take(false);
    }
    take(true);
    return packed.counts();
  }

  static constexpr std::size_t most_examples = 3;

  CorpusOptions options_;
  ChatRowOptions rows_;
  RunCallbacks callbacks_;
  const ResumedRun* resumed_;
  CorpusText text_;
  std::optional<CorpusText> validation_;
};

}  // namespace OCTAVO_NAMESPACE
