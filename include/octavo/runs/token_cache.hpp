// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/data/encode_text.hpp>
#include <octavo/data/token_file.hpp>
#include <octavo/data/token_file_writer.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/files/folder_lock.hpp>
#include <octavo/files/list_directory.hpp>
#include <octavo/generation/visible_text.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/runs/corpus_text.hpp>
#include <octavo/runs/run_callbacks.hpp>
#include <octavo/runs/run_files.hpp>
#include <octavo/runs/run_saver.hpp>
#include <octavo/runs/sha256.hpp>

namespace OCTAVO_NAMESPACE {

/// The hash in a token file that identifies how its tokens were made: the SHA-256 of the tokenizer,
/// as in model files, and of the division of the text into documents (see CorpusText::division).
inline std::string token_hash(const AnyTokenizer& tokenizer, const std::string& division) {
  MetadataWriter metadata;
  detail::write_encoding(metadata, tokenizer);
  Sha256 hash;
  for (const auto& [key, value] : metadata.entries()) {
    hash.add(detail::concat({key, "=", value, "\n"}));
  }
  if (!division.empty()) hash.add(detail::concat({"documents=", division, "\n"}));
  return hash.digest();
}

/// How the tokens of a text of documents are made.
struct TokenRecipe {
  const AnyTokenizer& tokenizer;
  const DocumentBorders& borders;
  Token end = -1;    ///< follows each document
  std::string hash;  ///< see token_hash()
};

/// The tokens of one text in a file that is made once and reused while it is valid: while the text,
/// the tokenizer and the division into documents are the same, and the file's checksums match.
class TokenCache {
 public:
  /// `text` and `callbacks` must outlive this object.
  TokenCache(std::string path, const CorpusText& text, const RunCallbacks& callbacks)
      : path_(std::move(path)), text_(text), callbacks_(callbacks), stamp_(text.stamp()) {}

  /// The verified file, if it exists and is valid for a recipe with this hash (see token_hash());
  /// null otherwise. Without `text_hash`, a text whose files have unchanged inodes, sizes and times
  /// counts as the same; texts from streams have none of these. A damaged file is ignored, and
  /// RunCallbacks::warn is called. ConfigError if the file is not a token file.
  std::unique_ptr<TokenFile> find(const std::string& recipe_hash,
                                  const std::string& text_hash = "") const {
    std::error_code unknown;
    if (!std::filesystem::exists(path_, unknown)) return nullptr;
    if (!TokenFile::has_magic(FileSource(path_))) {
      throw ConfigError(
          detail::concat({printable(path_), " is not a token file, and is left as it is"}),
          "name another for the tokens");
    }
    try {
      auto file = std::make_unique<TokenFile>(path_);
      const TokenFileInfo& info = file->info();
      const bool same_text = text_hash.empty() ? !stamp_.empty() && info.text_stamp == stamp_
                                               : info.text_hash == text_hash;
      if (!same_text || info.text_bytes != text_.size() || info.tokenizer_hash != recipe_hash) {
        return nullptr;
      }
      file->verify();
      callbacks_.message(detail::concat({"tokens: ", one_line(path_), ", as they are"}));
      return file;
    } catch (const FormatError& error) {
      callbacks_.warning(detail::concat({error.what(), "; it is made again"}));
      return nullptr;
    }
  }

  /// Makes the file, atomically, and replaces an existing one. Reads the text once. ConfigError if
  /// the file would replace the text itself; DataError if the text changes while it is read.
  std::unique_ptr<TokenFile> make(const TokenRecipe& recipe, const std::string& text_hash) const {
    require_not_input("token-file", path_, split_names(text_.names()));
    const std::string folder = folder_of_file(path_).string();
    make_folder(folder);
    const FolderLock lock(folder);
    remove_leftovers(folder);
    const auto start = std::chrono::steady_clock::now();
    const ObservedText text(text_.source(), callbacks_, "making tokens");
    {
      TokenFileWriter writer(path_, recipe.tokenizer.vocabulary_size());
      encode_documents(recipe.tokenizer, text, recipe.borders, recipe.end,
                       [&](std::span<const Token> some) { writer.add(some); });
      text_.check_unchanged();
      writer.commit({.text_bytes = text.size(),
                     .text_hash = text_hash,
                     .tokenizer_hash = recipe.hash,
                     .text_stamp = stamp_});
    }
    auto file = std::make_unique<TokenFile>(path_);
    file->verify();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const auto speed =
        static_cast<std::size_t>(static_cast<double>(text.size()) / std::max(took.count(), 1e-3));
    callbacks_.message(detail::concat({"tokens: made ", one_line(path_), ", ",
                                       FormattedNumber::fixed(took.count(), 1), " s, ",
                                       readable_bytes(speed), "/s"}));
    return file;
  }

 private:
  /// Removes partly written files of killed processes. The lock guarantees that no other process
  /// writes.
  void remove_leftovers(const std::string& folder) const {
    const std::string start = std::filesystem::path(path_).filename().string() + '.';
    std::error_code ignored;
    for (const std::string& name : list_directory(folder, ignored)) {
      if (name.starts_with(start) && AtomicFile::is_leftover(name)) {
        std::filesystem::remove(std::filesystem::path(folder) / name, ignored);
      }
    }
  }

  std::string path_;
  const CorpusText& text_;
  const RunCallbacks& callbacks_;
  std::string stamp_;  ///< empty: the text is a stream
};

}  // namespace OCTAVO_NAMESPACE
