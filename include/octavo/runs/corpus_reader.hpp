// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/data/encode_text.hpp>
#include <octavo/data/text_pieces.hpp>
#include <octavo/runs/corpus.hpp>
#include <octavo/runs/corpus_options.hpp>
#include <octavo/runs/corpus_text.hpp>
#include <octavo/runs/resumed_run.hpp>
#include <octavo/runs/run_callbacks.hpp>
#include <octavo/runs/sha256.hpp>
#include <octavo/runs/token_cache.hpp>
#include <octavo/tokenizers/alphabet_finder.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// A text that is hashed while its bytes are read, once and in order.
class HashedText final : public ByteSource {
 public:
  explicit HashedText(const ByteSource& text) : ByteSource(text.name()), text_(text) {}

  std::size_t size() const noexcept override { return text_.size(); }
  void read(std::size_t offset, std::span<std::byte> bytes) const override {
    text_.read(offset, bytes);
    hash_.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  std::string digest() { return hash_.digest(); }

 private:
  const ByteSource& text_;
  mutable Sha256 hash_;
};

/// The results of reading a text once.
struct TextScan {
  std::string hash;
  std::string alphabet;                 ///< of all documents
  std::size_t left_out_characters = 0;  ///< not in the alphabet
  std::size_t memory_bytes = 0;         ///< memory used for reading
  UnknownCount unknown;
  std::size_t documents = 0;
  bool has_borders = false;
};

/// `known`: the tokenizer in whose vocabulary the text's characters are looked up; null: none.
inline TextScan scan_text(const ByteSource& text, const DocumentBorders& borders,
                          const AnyTokenizer* known) {
  TextScan look;
  HashedText hashed(text);
  AlphabetFinder finder;
  std::size_t bytes = 0;
  for_each_piece(hashed, borders, utf8_last_cut, [&](const TextPiece& piece) {
    finder.add(piece.bytes);
    bytes += piece.bytes.size();
    look.documents += piece.ends_document ? 1 : 0;
    if (known != nullptr) look.unknown += count_unknown(*known, piece.bytes);
  });
  look.has_borders = bytes < text.size();
  look.hash = hashed.digest();
  look.alphabet = finder.alphabet();
  look.left_out_characters = finder.left_out();
  look.memory_bytes = finder.memory_bytes();
  return look;
}

/// The first `most` tokens of a text; `end` follows each document.
inline TokenStore tokens_of(const ByteSource& text, const DocumentBorders& borders,
                            const AnyTokenizer& tokenizer, Token end,
                            Index most = std::numeric_limits<Index>::max()) {
  TokenStore store(tokenizer.vocabulary_size());
  store.reserve(std::min(text.size(), static_cast<std::size_t>(most)));
  Index count = 0;
  encode_documents(tokenizer, text, borders, end, [&](std::span<const Token> tokens) {
    for (const Token token : tokens) {
      if (count++ < most) store.push_back(token);
    }
  });
  return store;
}

}  // namespace detail

/// Makes a run's corpus: opens its texts, finds or makes the tokenizer, and makes the tokens or
/// takes them from a file. A text is never in memory as a whole.
///
///     Corpus corpus = CorpusReader({.data = {"poems.txt"}}).read();
///     Trainer<float> trainer({.vocabulary = corpus.tokenizer.vocabulary_size(), ...}, ...);
///     trainer.run(corpus.split(32).train);
class CorpusReader {
 public:
  /// Opens the texts; streams are read to their ends. `resumed`: the run to continue, which
  /// provides the tokenizer and whose text it must be; null: a new run. `resumed` and the objects
  /// that `options` points to must outlive the reader. Errors: see CorpusText.
  explicit CorpusReader(const CorpusOptions& options, RunCallbacks callbacks = {},
                        const ResumedRun* resumed = nullptr)
      : options_(options), callbacks_(std::move(callbacks)), resumed_(resumed) {
    // With a budget, texts from streams may take only a part of it.
    const std::size_t memory = options.memory_budget == 0
                                   ? options.load_at_most
                                   : std::min(options.load_at_most, options.memory_budget / 8);
    if (options.data.empty()) {
      text_.emplace();
    } else {
      text_.emplace("data", options.data, memory);
    }
    if (!options.validation.empty()) validation_.emplace("val", options.validation, memory);
    borders_ = text_->borders(options.documents);
  }

  /// The size of the text, without the text for validation.
  std::size_t text_bytes() const noexcept { return text_->size(); }

  /// Replaces the options' kind of tokenizer and number of byte pairs, before read(): for a
  /// tokenizer that depends on the size of the text.
  void set_tokenizer(TokenizerKind kind, Index vocabulary) {
    options_.tokenizer = kind;
    options_.vocabulary = vocabulary;
  }

  /// Whether the text is so large that its tokens are (or, without plan_only, would be) in a file:
  /// read() then takes a while, and maps a file.
  bool is_large() const { return !text_->is_built_in() && text_->size() > options_.load_at_most; }

  /// DataError if the text is not that of the resumed run, changes while it is read, or has
  /// characters that the tokenizer does not know; ConfigError if the marker of documents does not
  /// occur. Throws what RunCallbacks::reading and learning throw.
  Corpus read() {
    try {
      return read_texts();
    } catch (const UnknownSymbol& error) {
      throw DataError(
          detail::concat({"corpus ", printable(text_->source().name()), ": ", error.what()}),
          resumed_ != nullptr ? "name the text that the run began with"
                              : "remove the characters that the model does not know");
    }
  }

 private:
  Corpus read_texts() {
    identity_ = {text_->names(), text_->size(), {}, text_->division(options_.documents)};
    look_at_validation();
    const std::string& division = identity_.documents;
    std::optional<TokenCache> cache;
    if (is_large()) cache.emplace(options_.token_file, *text_, callbacks_);
    if (cache && resumed_ != nullptr) {
      const AnyTokenizer& tokenizer = resumed_->info().tokenizer;
      if (auto file = cache->find(token_hash(tokenizer, division))) {
        identity_.hash = file->info().text_hash;
        check_text();
        return corpus_of(tokenizer, TokenStore(1), std::move(file));
      }
    }
    look_at_text();
    const AnyTokenizer tokenizer = find_tokenizer();
    const Token end = end_of_documents(tokenizer);
    TokenStore loaded(cache ? 1 : tokenizer.vocabulary_size());
    std::unique_ptr<TokenFile> file;
    if (!cache) {
      loaded = detail::tokens_of(text_->source(), borders_, tokenizer, end);
    } else if (!options_.plan_only) {
      const TokenRecipe recipe{tokenizer, borders_, end, token_hash(tokenizer, division)};
      file = cache->find(recipe.hash, identity_.hash);
      if (file == nullptr) file = cache->make(recipe, identity_.hash);
    }
    text_->check_unchanged();
    return corpus_of(tokenizer, std::move(loaded), std::move(file));
  }

  /// The tokenizer known before the text is read; null: it is made from the text.
  const AnyTokenizer* known_tokenizer() const {
    return resumed_ != nullptr ? &resumed_->info().tokenizer : options_.given_tokenizer;
  }

  void check_text() const {
    if (resumed_ == nullptr || options_.allow_other_text) return;
    resumed_->require_same_text(identity_);
  }

  void look_at_text() {
    scan_ = detail::scan_text(ObservedText(text_->source(), callbacks_, "reading"), borders_,
                              known_tokenizer());
    identity_.hash = scan_.hash;
    require(!options_.documents.starts_with("end ") || scan_.has_borders, [&] {
      return detail::concat({"document-end: ", printable(options_.documents.substr(4)),
                             " does not occur in the text"});
    });
    check_text();
  }

  void look_at_validation() {
    if (!validation_) return;
    identity_.validation_name = validation_->names();
    identity_.validation_bytes = validation_->size();
    identity_.validation_hash = detail::scan_text(validation_->source(), {}, nullptr).hash;
  }

  AnyTokenizer find_tokenizer() {
    if (const AnyTokenizer* known = known_tokenizer()) return *known;
    if (options_.tokenizer == TokenizerKind::byte_pairs) return learn_byte_pairs();
    const auto ended = [&](const auto& tokenizer) -> AnyTokenizer {
      return borders_.any() ? tokenizer.with_end_token() : tokenizer;
    };
    if (options_.tokenizer == TokenizerKind::bytes) return ended(ByteTokenizer());
    const auto unknown = options_.unknown ? UnknownToken::included : UnknownToken::excluded;
    return ended(CharacterTokenizer(scan_.alphabet, unknown));
  }

  /// Learns byte pairs within documents, in the available memory; the last token ends a text.
  AnyTokenizer learn_byte_pairs() {
    constexpr std::string_view others[] = {CharacterTokenizer::end_name};
    const ObservedText text(text_->source(), callbacks_, "learning byte pairs");
    std::size_t memory =
        std::min(BpeTrainer::default_memory, BpeTrainer::enough_memory(text.size()));
    if (const std::size_t budget = options_.memory_budget; budget != 0) {
      const std::size_t others_bytes =
          options_.program_bytes + learning_bytes_of_tokens(options_.vocabulary);
      memory = std::min(memory, budget - std::min(budget, others_bytes));
    }
    AnyTokenizer tokenizer = [&] {
      BpeTrainer trainer(memory);
      for_each_piece(text, borders_, gpt2_last_cut,
                     [&](const TextPiece& piece) { trainer.add(piece.bytes); });
      return trainer.train(options_.vocabulary, others, [&](const BpeProgress& now) {
        learned_ = now;
        if (callbacks_.learning) callbacks_.learning(now);
      });
    }();
    callbacks_.paused();
    return tokenizer;
  }

  /// The token that follows each document; -1: the text is not divided.
  Token end_of_documents(const AnyTokenizer& tokenizer) const {
    if (options_.documents.empty()) return -1;
    if (const auto end = tokenizer.end_token()) return *end;
    const std::vector<Token> ends = tokenizer.end_tokens();
    if (!ends.empty()) return ends.front();
    throw ConfigError(
        detail::concat({options_.documents.starts_with("end ") ? "document-end" : "documents",
                        ": the model's tokenizer has no token that ends a text"}),
        "leave it out, or begin without that model");
  }

  Corpus corpus_of(const AnyTokenizer& tokenizer, TokenStore loaded,
                   std::unique_ptr<TokenFile> mapped) {
    Corpus corpus{.name = text_->name(),
                  .beginning = text_->beginning(borders_),
                  .built_in = text_->is_built_in(),
                  .text_bytes = text_->size(),
                  .identity = identity_,
                  .tokenizer = tokenizer,
                  .loaded = std::move(loaded),
                  .mapped = std::move(mapped),
                  .is_large = is_large(),
                  .learned = learned_};
    corpus.unknown = scan_.unknown;
    corpus.documents = scan_.documents;
    if (known_tokenizer() == nullptr && options_.tokenizer == TokenizerKind::characters) {
      corpus.left_out_characters = scan_.left_out_characters;
    }
    corpus.scan_bytes = scan_.memory_bytes;
    corpus.stream_bytes = text_->stream_bytes();
    if (validation_) add_validation(corpus);
    return corpus;
  }

  void add_validation(Corpus& corpus) const {
    const DocumentBorders borders = validation_->borders(options_.documents);
    corpus.validation_name = validation_->name();
    corpus.validation_unknown =
        detail::scan_text(validation_->source(), borders, &corpus.tokenizer).unknown;
    corpus.own_validation =
        detail::tokens_of(validation_->source(), borders, corpus.tokenizer,
                          end_of_documents(corpus.tokenizer), most_validation_tokens);
    validation_->check_unchanged();
    corpus.stream_bytes += validation_->stream_bytes();
  }

  CorpusOptions options_;
  RunCallbacks callbacks_;
  const ResumedRun* resumed_;
  std::optional<CorpusText> text_, validation_;
  DocumentBorders borders_;
  CorpusIdentity identity_;
  detail::TextScan scan_;
  std::optional<BpeProgress> learned_;
};

}  // namespace OCTAVO_NAMESPACE
