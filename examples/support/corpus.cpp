// SPDX-License-Identifier: MIT
#include "support/corpus.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <octavo/checkpoint/model_source.hpp>

#include "support/download.hpp"
#include "support/input_files.hpp"
#include "support/program.hpp"
#include "support/sha256.hpp"
#include "support/tokenizer_choice.hpp"

namespace support {
namespace {

using octavo::ByteSource;
using octavo::printable;
using octavo::readable_bytes;

/// A text that shows how far it has been read, on a terminal, and that is not read on after a
/// signal.
class WatchedText final : public ByteSource {
 public:
  WatchedText(const ByteSource& text, std::string doing)
      : ByteSource(text.name()), text_(text), doing_(std::move(doing)) {}
  ~WatchedText() override { erase(); }

  std::size_t size() const noexcept override { return text_.size(); }

  void read(std::size_t offset, std::span<std::byte> bytes) const override {
    text_.read(offset, bytes);
    if (caught_signal() != 0) {
      erase();
      throw Interrupted{caught_signal(), "stopped while reading the text; no tokens are kept"};
    }
    const auto now = Clock::now();
    if (!terminal_ || now - last_drawn_ < std::chrono::milliseconds(100)) return;
    last_drawn_ = now;
    drawn_ = true;
    const std::size_t done = offset + bytes.size();
    std::printf("\r\x1b[K%s: %.0f%% of %s, %s/s", doing_.c_str(),
                100 * static_cast<double>(done) / static_cast<double>(size()),
                readable_bytes(size()).c_str(), readable_bytes(speed(done)).c_str());
    std::fflush(stdout);
  }

  /// Bytes per second since it was made.
  std::size_t speed(std::size_t bytes) const {
    return static_cast<std::size_t>(static_cast<double>(bytes) / std::max(seconds(), 1e-3));
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;

  void erase() const {
    if (std::exchange(drawn_, false)) print("\r\x1b[K");
  }

  const ByteSource& text_;
  std::string doing_;
  bool terminal_ = ::isatty(STDOUT_FILENO) == 1;
  Clock::time_point start_ = Clock::now();
  mutable Clock::time_point last_drawn_ = start_;
  mutable bool drawn_ = false;
};

/// tiny Shakespeare's file, downloaded if it is not there; nothing if that failed.
std::optional<std::string> find_shakespeare(bool dry_run) {
  const std::string path = "data/shakespeare.txt";
  std::error_code unknown;
  if (std::filesystem::exists(path, unknown)) return path;
  if (dry_run) {
    std::fprintf(stderr,
                 "train_full: warning: %s, which a run would download, is not there: this is the "
                 "plan for the built-in text\n",
                 path.c_str());
    return std::nullopt;
  }
  print("downloading tiny Shakespeare to " + path + "\n");
  std::fflush(stdout);
  try {
    download(tiny_shakespeare, path);
  } catch (const octavo::Error& error) {
    std::fprintf(stderr,
                 "train_full: warning: %s\n  hint: %s\n"
                 "  hint: training on the built-in text instead\n",
                 error.what(), error.hint().c_str());
    return std::nullopt;
  }
  return path;
}

/// What the names of a corpus are called in a log.
std::string told(const std::vector<std::string>& names, const octavo::TextFiles& files) {
  constexpr std::size_t most = 3;
  std::string text = names.front();
  for (std::size_t i = 1; i < std::min(most, names.size()); ++i) text += ", " + names[i];
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  const octavo::TextFiles::LeftOut& left_out = files.left_out();
  const bool folders = left_out.hidden + left_out.binary + left_out.others + left_out.runs > 0;
  if (files.file_count() < 2 && !folders) return text;
  text += " (" + std::to_string(files.file_count()) + " files";
  if (folders) {
    text += "; left out: " + std::to_string(left_out.hidden) + " hidden, " +
            std::to_string(left_out.binary) + " binary, " + std::to_string(left_out.others) +
            " other";
    if (left_out.runs > 0) text += ", " + std::to_string(left_out.runs) + " folders of runs";
  }
  return text + ")";
}

struct Text {
  std::unique_ptr<ByteSource> source;
  const octavo::TextFiles* files = nullptr;  ///< the source, unless it is the built-in text
  std::string name;                          ///< for people
  std::string names;                         ///< as asked, with zero bytes between them
};

Text find_text(const FullOptions& options) {
  std::vector<std::string> names = options.data;
  if (names.empty() && options.wants_shakespeare) {
    if (const auto path = find_shakespeare(options.dry_run)) names.push_back(*path);
  }
  if (names.empty()) {
    return {std::make_unique<octavo::MemorySource>("the built-in text",
                                                   std::as_bytes(std::span(octavo::soliloquy))),
            nullptr, "the built-in text", ""};
  }
  auto files = std::make_unique<octavo::TextFiles>(names);
  Text text{nullptr, files.get(), told(names, *files), join_names(names)};
  if (text.names.size() > octavo::most_corpus_name_bytes) {
    throw octavo::ConfigError("--data: the names have " + std::to_string(text.names.size()) +
                                  " bytes, expected at most " +
                                  std::to_string(octavo::most_corpus_name_bytes),
                              "name the folder that they are in");
  }
  text.source = std::move(files);
  return text;
}

/// What reading a text once tells.
struct FirstLook {
  std::string hash;
  std::string alphabet;
};

FirstLook look_at(const ByteSource& text) {
  Sha256 hash;
  octavo::AlphabetFinder finder;
  octavo::for_each_piece(text, [&](std::string_view piece) {
    hash.add(piece);
    finder.add(piece);
  });
  return {hash.digest(), finder.alphabet()};
}

std::string hash_of(const octavo::AnyTokenizer& tokenizer) {
  octavo::MetadataWriter metadata;
  octavo::detail::write_tokenizer(metadata, tokenizer);
  Sha256 hash;
  for (const auto& [key, value] : metadata.entries()) {
    hash.add(key + '=' + value + '\n');
  }
  return hash.digest();
}

/// The tokens of a large text, in a file.
class TokenCache {
 public:
  TokenCache(const FullOptions& options, const Text& text)
      : path_(options.token_file.empty()
                  ? (std::filesystem::path(options.saving.out) / "tokens.bin").string()
                  : options.token_file),
        texts_(options.data),
        text_(text),
        stamp_(sha256(text.files->stamp())) {}

  /// The file that is there, if its tokens are those of the text with this tokenizer. Without
  /// `text_hash` a text whose files have the stamps that they had is taken to be the same.
  std::unique_ptr<octavo::TokenFile> find(const std::string& tokenizer_hash,
                                          const std::string& text_hash = "") const {
    std::error_code unknown;
    if (!std::filesystem::exists(path_, unknown)) return nullptr;
    if (!octavo::TokenFile::has_magic(octavo::FileSource(path_))) {
      throw octavo::ConfigError(printable(path_) + " is no token file, and stays as it is",
                                "name another with --token-file");
    }
    try {
      auto file = std::make_unique<octavo::TokenFile>(path_);
      const octavo::TokenFileInfo& info = file->info();
      const bool same_text =
          text_hash.empty() ? info.text_stamp == stamp_ : info.text_hash == text_hash;
      if (!same_text || info.text_bytes != text_.source->size() ||
          info.tokenizer_hash != tokenizer_hash) {
        return nullptr;
      }
      file->verify();
      std::printf("tokens: %s, as they are\n", one_line(path_).c_str());
      return file;
    } catch (const octavo::FormatError& error) {
      std::fprintf(stderr, "train_full: warning: %s; it is made again\n", error.what());
      return nullptr;
    }
  }

  std::unique_ptr<octavo::TokenFile> make(const octavo::AnyTokenizer& tokenizer,
                                          const std::string& text_hash) const {
    spare_files("--token-file", path_, texts_);
    const std::string folder = std::filesystem::path(path_).parent_path().string();
    if (!folder.empty()) make_folder(folder);
    const octavo::FolderLock lock(folder.empty() ? "." : folder);
    remove_leftovers(folder.empty() ? "." : folder);
    const WatchedText text(*text_.source, "making tokens");
    {
      octavo::TokenFileWriter writer(path_, tokenizer.vocabulary_size());
      octavo::encode_text(tokenizer, text,
                          [&](std::span<const octavo::Token> tokens) { writer.add(tokens); });
      text_.files->check_unchanged();
      writer.commit({.text_bytes = text.size(),
                     .text_hash = text_hash,
                     .tokenizer_hash = hash_of(tokenizer),
                     .text_stamp = stamp_});
    }
    auto file = std::make_unique<octavo::TokenFile>(path_);
    file->verify();
    std::printf("tokens: made %s, %.1f s, %s/s\n", one_line(path_).c_str(), text.seconds(),
                readable_bytes(text.speed(text.size())).c_str());
    return file;
  }

 private:
  /// What processes that were killed have left half-written. The lock says that nobody writes.
  void remove_leftovers(const std::string& folder) const {
    const std::string start = std::filesystem::path(path_).filename().string() + '.';
    std::error_code ignored;
    for (const std::string& name : octavo::folder_names(folder, ignored)) {
      if (name.starts_with(start) && octavo::AtomicFile::is_leftover(name)) {
        std::filesystem::remove(folder + "/" + name, ignored);
      }
    }
  }

  std::string path_;
  std::vector<std::string> texts_;  ///< as they were named
  const Text& text_;
  std::string stamp_;
};

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

octavo::AnyTokenizer learn_tokenizer(const FullOptions& options, const ByteSource& text,
                                     const FirstLook& look,
                                     std::optional<octavo::BpeProgress>& learned) {
  if (options.from != nullptr) {
    if (options.from->tokenizer()) return *options.from->tokenizer();
    throw octavo::Error(octavo::ErrorCode::bad_data,
                        "--from: the model has no tokenizer that text can be read with",
                        "name a model file, a checkpoint, GGUF, or a folder with a tokenizer");
  }
  if (options.tokenizer == "byte") return byte_tokenizer();
  if (options.tokenizer == "bpe") {
    WatchedMerges watch;
    octavo::AnyTokenizer tokenizer = learn_byte_pairs(
        text, options.vocabulary, learning_memory(options, text.size()), std::ref(watch));
    learned = watch.last;
    release_idle_memory();
    return tokenizer;
  }
  return octavo::CharacterTokenizer(look.alphabet, options.unknown
                                                       ? octavo::UnknownToken::included
                                                       : octavo::UnknownToken::excluded);
}

Corpus read(const FullOptions& options, const Resumed* resumed, const Text& text) {
  std::string beginning(std::min<std::size_t>(6, text.source->size()), '\0');
  text.source->read(0, std::as_writable_bytes(std::span(beginning)));
  const std::size_t bytes = text.source->size();
  const bool is_large = text.files != nullptr && bytes > options.map_above;
  std::optional<TokenCache> cache;
  if (is_large) {
    catch_signals();
    tell_bus_errors();
    cache.emplace(options, text);
  }
  std::optional<octavo::BpeProgress> learned;
  const auto corpus_of = [&](const std::string& hash, octavo::AnyTokenizer tokenizer,
                             octavo::TokenStore loaded, std::unique_ptr<octavo::TokenFile> mapped) {
    return Corpus{text.name,
                  beginning,
                  text.files != nullptr,
                  bytes,
                  {text.names, bytes, hash},
                  std::move(tokenizer),
                  std::move(loaded),
                  std::move(mapped),
                  is_large,
                  learned};
  };
  octavo::TokenStore none(1);
  if (is_large && resumed != nullptr) {
    const octavo::AnyTokenizer& tokenizer = resumed->info().tokenizer;
    if (auto file = cache->find(hash_of(tokenizer))) {
      const std::string hash = file->info().text_hash;
      check_corpus(options.saving, *resumed, {text.names, bytes, hash});
      return corpus_of(hash, tokenizer, none, std::move(file));
    }
  }
  const auto watched = [&](auto&& use, const char* doing) {
    return is_large ? use(WatchedText(*text.source, doing)) : use(*text.source);
  };
  const FirstLook look = watched(look_at, "reading");
  if (resumed != nullptr) check_corpus(options.saving, *resumed, {text.names, bytes, look.hash});
  const auto learn = [&](const ByteSource& source) {
    return learn_tokenizer(options, source, look, learned);
  };
  const octavo::AnyTokenizer tokenizer =
      resumed != nullptr ? resumed->info().tokenizer : watched(learn, "learning byte pairs");
  std::unique_ptr<octavo::TokenFile> file;
  if (is_large && !options.dry_run) {
    file = cache->find(hash_of(tokenizer), look.hash);
    if (file == nullptr) file = cache->make(tokenizer, look.hash);
  }
  octavo::TokenStore loaded = is_large ? none : octavo::tokenize(tokenizer, *text.source);
  if (text.files != nullptr) text.files->check_unchanged();
  return corpus_of(look.hash, tokenizer, std::move(loaded), std::move(file));
}

}  // namespace

Corpus read_corpus(const FullOptions& options, const Resumed* resumed) {
  const Text text = find_text(options);
  if (text.source->size() == 0) {
    throw octavo::DataError("corpus " + printable(text.source->name()) + " is empty",
                            "name a text file");
  }
  try {
    return read(options, resumed, text);
  } catch (const octavo::UnknownSymbol& error) {
    throw octavo::DataError("corpus " + printable(text.source->name()) + ": " + error.what(),
                            resumed != nullptr ? "name the text that the run began with"
                                               : "take out what the model does not know");
  }
}

}  // namespace support
