// SPDX-License-Identifier: MIT
#include "support/corpus.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <octavo/interop/model_source.hpp>

#include "support/program.hpp"
#include "support/sha256.hpp"
#include "support/texts.hpp"
#include "support/token_cache.hpp"
#include "support/tokenizer_choice.hpp"

namespace support {
namespace {

using octavo::AnyTokenizer;
using octavo::ByteSource;
using octavo::DocumentBorders;
using octavo::printable;

/// A text whose bytes are hashed while they are read, in their order.
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

/// What reading a text once tells.
struct FirstLook {
  std::string hash;
  std::string alphabet;                 ///< of its documents
  std::size_t left_out_characters = 0;  ///< that are not in the alphabet
  std::size_t memory_bytes = 0;         ///< that it took
  octavo::UnknownCount unknown;
  std::size_t documents = 0;
  bool has_borders = false;
};

/// `known`: whose vocabulary the text's characters are looked for in; null: nobody's.
FirstLook look_at(const ByteSource& text, const DocumentBorders& borders,
                  const AnyTokenizer* known) {
  FirstLook look;
  HashedText hashed(text);
  octavo::AlphabetFinder finder;
  std::size_t bytes = 0;
  octavo::for_each_piece(hashed, borders, octavo::utf8_last_cut,
                         [&](const octavo::TextPiece& piece) {
                           finder.add(piece.bytes);
                           bytes += piece.bytes.size();
                           look.documents += piece.ends_document ? 1 : 0;
                           if (known != nullptr) {
                             look.unknown += octavo::count_unknown(*known, piece.bytes);
                           }
                         });
  look.has_borders = bytes < text.size();
  look.hash = hashed.digest();
  look.alphabet = finder.alphabet();
  look.left_out_characters = finder.left_out();
  look.memory_bytes = finder.memory_bytes();
  return look;
}

/// Shows how many merges have been learned, on a terminal; a signal ends the learning.
class WatchedMerges {
 public:
  ~WatchedMerges() {
    if (drawn_) print("\r\x1b[K");
  }

  void operator()(const octavo::BpeProgress& now) {
    last = now;
    if (caught_signal() != 0) {
      throw Interrupted{caught_signal(), "stopped while learning byte pairs; none are kept"};
    }
    if (!terminal_ || Clock::now() - last_drawn_ < std::chrono::milliseconds(100)) return;
    last_drawn_ = Clock::now();
    drawn_ = true;
    std::printf("\r\x1b[Klearning byte pairs: %zu of %zu", now.merges, now.most_merges);
    std::fflush(stdout);
  }

  octavo::BpeProgress last;

 private:
  using Clock = std::chrono::steady_clock;

  bool terminal_ = ::isatty(STDOUT_FILENO) == 1;
  Clock::time_point last_drawn_ = Clock::now();
  bool drawn_ = false;
};

/// The most memory to learn byte pairs in: what a budget leaves, if there is one.
std::size_t learning_memory(const FullOptions& options, std::size_t text_bytes) {
  using octavo::BpeTrainer;
  const std::size_t most =
      std::min(BpeTrainer::default_memory, BpeTrainer::enough_memory(text_bytes));
  if (options.memory_budget == 0) return most;
  const std::size_t others = process_overhead + learning_bytes_of_tokens(options.vocabulary);
  return std::min(most, options.memory_budget - std::min(options.memory_budget, others));
}

AnyTokenizer learn_tokenizer(const FullOptions& options, const ByteSource& text,
                             const DocumentBorders& borders, const FirstLook& look,
                             std::optional<octavo::BpeProgress>& learned) {
  if (options.from != nullptr) {
    if (options.from->tokenizer()) return *options.from->tokenizer();
    throw octavo::Error(octavo::ErrorCode::bad_data,
                        "--from: the model has no tokenizer that text can be read with",
                        "name a model file, a checkpoint, GGUF, or a folder with a tokenizer");
  }
  if (options.tokenizer == "bpe") {
    WatchedMerges watch;
    AnyTokenizer tokenizer = learn_byte_pairs(
        text, borders, options.vocabulary, learning_memory(options, text.size()), std::ref(watch));
    learned = watch.last;
    release_idle_memory();
    return tokenizer;
  }
  const auto unknown =
      options.unknown ? octavo::UnknownToken::included : octavo::UnknownToken::excluded;
  const octavo::CharacterTokenizer tokenizer =
      options.tokenizer == "byte" ? byte_tokenizer()
                                  : octavo::CharacterTokenizer(look.alphabet, unknown);
  return borders.any() ? tokenizer.with_end_token() : tokenizer;
}

/// The token that stands after each document.
octavo::Token end_of_documents(const FullOptions& options, const AnyTokenizer& tokenizer) {
  if (options.documents.empty()) return -1;
  if (const auto end = tokenizer.end_token()) return *end;
  const std::vector<octavo::Token> ends = tokenizer.end_tokens();
  if (!ends.empty()) return ends.front();
  throw octavo::ConfigError(
      std::string(options.documents.starts_with("end ") ? "--document-end" : "--documents") +
          ": the model's tokenizer has no token that ends a text",
      "leave it out, or begin without --from");
}

/// The first characters of a text's first document.
std::string beginning_of(const Text& text, const DocumentBorders& borders) {
  constexpr std::size_t most = 6;  // characters
  std::string bytes(std::min<std::size_t>(4 * most, text.source->size()), '\0');
  text.source->read(0, std::as_writable_bytes(std::span(bytes)));
  const auto border = borders.first_in(bytes, 0);
  if (border && border->begin > 0) bytes.resize(border->begin);
  std::size_t size = 0;
  for (std::size_t i = 0; i < most && size < bytes.size(); ++i) {
    size += octavo::character_length(std::string_view(bytes).substr(size));
  }
  return bytes.substr(0, size);
}

/// A text for training, and what becomes of it.
class Reading {
 public:
  Reading(const FullOptions& options, const Resumed* resumed, const Text& text)
      : options_(options), resumed_(resumed), text_(text), borders_(borders_of(options, text)) {
    const bool is_large = text.files != nullptr && text.source->size() > options.map_above;
    if (is_large) {
      catch_signals();
      tell_bus_errors();
      cache_.emplace(options, text);
    }
    identity_.name = text.names;
    identity_.bytes = text.source->size();
    identity_.documents = documents_of(options, text);
    look_at_validation();
  }

  Corpus corpus() {
    if (cache_ && resumed_ != nullptr) {
      const AnyTokenizer& tokenizer = resumed_->info().tokenizer;
      if (auto file = cache_->find(hash_of(tokenizer, identity_.documents))) {
        identity_.hash = file->info().text_hash;
        check_corpus(options_.saving, *resumed_, identity_);
        return corpus_of(tokenizer, octavo::TokenStore(1), std::move(file));
      }
    }
    look();
    const AnyTokenizer tokenizer = this->tokenizer();
    const octavo::Token end = end_of_documents(options_, tokenizer);
    std::unique_ptr<octavo::TokenFile> file;
    octavo::TokenStore loaded(cache_ ? 1 : tokenizer.vocabulary_size());
    if (!cache_) {
      loaded = tokens_of(*text_.source, borders_, tokenizer, end);
    } else if (!options_.dry_run) {
      const DocumentTokens tokens{tokenizer, borders_, end,
                                  hash_of(tokenizer, identity_.documents)};
      file = cache_->find(tokens.hash, identity_.hash);
      if (file == nullptr) file = cache_->make(tokens, identity_.hash);
    }
    if (text_.files != nullptr) text_.files->check_unchanged();
    return corpus_of(tokenizer, std::move(loaded), std::move(file));
  }

 private:
  static octavo::TokenStore tokens_of(
      const ByteSource& text, const DocumentBorders& borders, const AnyTokenizer& tokenizer,
      octavo::Token end, octavo::Index most = std::numeric_limits<octavo::Index>::max()) {
    octavo::TokenStore store(tokenizer.vocabulary_size());
    store.reserve(std::min(text.size(), static_cast<std::size_t>(most)));
    octavo::Index count = 0;
    octavo::encode_documents(tokenizer, text, borders, end,
                             [&](std::span<const octavo::Token> tokens) {
                               for (const octavo::Token token : tokens) {
                                 if (count++ < most) store.push_back(token);
                               }
                             });
    return store;
  }

  template <typename Use>
  auto watched(Use use, const char* doing) const {
    return cache_ ? use(WatchedText(*text_.source, doing)) : use(*text_.source);
  }

  /// The tokenizer that is known before the text is read; null: it is learned from the text.
  const AnyTokenizer* known_tokenizer() const {
    if (resumed_ != nullptr) return &resumed_->info().tokenizer;
    const bool has_one = options_.from != nullptr && options_.from->tokenizer();
    return has_one ? &*options_.from->tokenizer() : nullptr;
  }

  void look() {
    const auto look = [&](const ByteSource& text) {
      return look_at(text, borders_, known_tokenizer());
    };
    look_ = watched(look, "reading");
    identity_.hash = look_.hash;
    octavo::require(!options_.documents.starts_with("end ") || look_.has_borders, [&] {
      return "--document-end: " + printable(options_.documents.substr(4)) +
             " does not occur in the text";
    });
    if (resumed_ != nullptr) check_corpus(options_.saving, *resumed_, identity_);
  }

  AnyTokenizer tokenizer() {
    if (resumed_ != nullptr) return resumed_->info().tokenizer;
    const auto learn = [&](const ByteSource& source) {
      return learn_tokenizer(options_, source, borders_, look_, learned_);
    };
    return watched(learn, "learning byte pairs");
  }

  void look_at_validation() {
    if (options_.validation.empty()) return;
    validation_ = find_validation(options_);
    identity_.validation_name = validation_->names;
    identity_.validation_bytes = validation_->source->size();
    identity_.validation_hash = look_at(*validation_->source, {}, nullptr).hash;
  }

  Corpus corpus_of(const AnyTokenizer& tokenizer, octavo::TokenStore loaded,
                   std::unique_ptr<octavo::TokenFile> mapped) {
    Corpus corpus{text_.name,
                  beginning_of(text_, borders_),
                  text_.files != nullptr,
                  text_.source->size(),
                  identity_,
                  tokenizer,
                  std::move(loaded),
                  std::move(mapped),
                  cache_.has_value(),
                  learned_};
    corpus.unknown = look_.unknown;
    corpus.documents = look_.documents;
    corpus.left_out_characters = known_tokenizer() == nullptr && options_.tokenizer == "char"
                                     ? look_.left_out_characters
                                     : 0;
    corpus.looking_bytes = look_.memory_bytes;
    corpus.stream_bytes = text_.files == nullptr ? 0 : text_.files->memory_bytes();
    if (validation_) add_validation(corpus);
    return corpus;
  }

  void add_validation(Corpus& corpus) const {
    const DocumentBorders borders = borders_of(options_, *validation_);
    corpus.validation_name = validation_->name;
    corpus.validation_unknown = look_at(*validation_->source, borders, &corpus.tokenizer).unknown;
    corpus.asked_validation =
        tokens_of(*validation_->source, borders, corpus.tokenizer,
                  end_of_documents(options_, corpus.tokenizer), most_validation_tokens);
    validation_->files->check_unchanged();
    corpus.stream_bytes += validation_->files->memory_bytes();
  }

  const FullOptions& options_;
  const Resumed* resumed_;
  const Text& text_;
  DocumentBorders borders_;
  std::optional<TokenCache> cache_;  ///< none: the tokens are loaded
  std::optional<Text> validation_;
  octavo::CorpusIdentity identity_;
  FirstLook look_;
  std::optional<octavo::BpeProgress> learned_;
};

/// DataError, naming the longest sequence that works, unless there is a window of sequence + 1.
void check_length(octavo::TokenView tokens, octavo::Index sequence, const char* what) {
  if (tokens.size() > sequence) return;
  throw octavo::DataError(
      std::string(what) + ": got " + octavo::counted(tokens.size(), "token") + ", need at least " +
          std::to_string(sequence + 1) + " (sequence " + std::to_string(sequence) + " + 1)",
      tokens.size() < 2 ? std::string("use a longer text")
                        : "use a longer text, or --sequence " + std::to_string(tokens.size() - 1));
}

}  // namespace

octavo::TokenSplit Corpus::split(octavo::Index sequence) const {
  octavo::TokenSplit split{tokens(), {}};
  if (asked_validation) {
    split.validation = asked_validation->view();
    check_length(split.validation, 1, "text of --val");
  } else if (from_file) {
    const auto parts = octavo::split_tokens(tokens(), most_validation_tokens);
    if (parts.validation.size() > sequence) split = parts;
  }
  check_length(split.train, sequence, "training text");
  return split;
}

std::string Corpus::validation(octavo::Index sequence) const {
  if (asked_validation) {
    const bool all = asked_validation->view().size() < most_validation_tokens;
    return (all ? "" : "the first " + std::to_string(most_validation_tokens) + " tokens of ") +
           validation_name;
  }
  if (!from_file || octavo::split_tokens(tokens()).validation.size() <= sequence) {
    return "none, it is too short";
  }
  if (tokens().size() / 10 <= most_validation_tokens) return "the last tenth";
  return "the last " + std::to_string(most_validation_tokens);
}

Corpus read_corpus(const FullOptions& options, const Resumed* resumed) {
  const Text text = find_text(options);
  try {
    return Reading(options, resumed, text).corpus();
  } catch (const octavo::UnknownSymbol& error) {
    throw octavo::DataError("corpus " + printable(text.source->name()) + ": " + error.what(),
                            resumed != nullptr ? "name the text that the run began with"
                                               : "take out what the model does not know");
  }
}

}  // namespace support
