// SPDX-License-Identifier: MIT
#include "support/token_cache.hpp"

#include <cstdio>
#include <filesystem>
#include <span>
#include <system_error>

#include <octavo/checkpoint/tokenizer_metadata.hpp>

#include "support/input_files.hpp"
#include "support/program.hpp"
#include "support/run_saver.hpp"
#include "support/sample.hpp"
#include "support/sha256.hpp"

namespace support {

using octavo::printable;
using octavo::readable_bytes;

std::string hash_of(const octavo::AnyTokenizer& tokenizer, const std::string& documents) {
  octavo::MetadataWriter metadata;
  octavo::detail::write_tokenizer(metadata, tokenizer);
  Sha256 hash;
  for (const auto& [key, value] : metadata.entries()) {
    hash.add(key + '=' + value + '\n');
  }
  if (!documents.empty()) hash.add("documents=" + documents + '\n');
  return hash.digest();
}

TokenCache::TokenCache(const FullOptions& options, const Text& text)
    : path_(options.token_file.empty()
                ? (std::filesystem::path(options.saving.out) / "tokens.bin").string()
                : options.token_file),
      texts_(options.data),
      text_(text),
      stamp_(text.files->has_streams() ? "" : sha256(text.files->stamp())) {}

std::unique_ptr<octavo::TokenFile> TokenCache::find(const std::string& tokenizer_hash,
                                                    const std::string& text_hash) const {
  std::error_code unknown;
  if (!std::filesystem::exists(path_, unknown)) return nullptr;
  if (!octavo::TokenFile::has_magic(octavo::FileSource(path_))) {
    throw octavo::ConfigError(printable(path_) + " is not a token file, and is left as it is",
                              "name another with --token-file");
  }
  try {
    auto file = std::make_unique<octavo::TokenFile>(path_);
    const octavo::TokenFileInfo& info = file->info();
    const bool same_text = text_hash.empty() ? !stamp_.empty() && info.text_stamp == stamp_
                                             : info.text_hash == text_hash;
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

std::unique_ptr<octavo::TokenFile> TokenCache::make(const DocumentTokens& tokens,
                                                    const std::string& text_hash) const {
  spare_files("--token-file", path_, texts_);
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  if (!folder.empty()) make_folder(folder);
  const octavo::FolderLock lock(folder.empty() ? "." : folder);
  remove_leftovers(folder.empty() ? "." : folder);
  const WatchedText text(*text_.source, "making tokens");
  {
    octavo::TokenFileWriter writer(path_, tokens.tokenizer.vocabulary_size());
    octavo::encode_documents(tokens.tokenizer, text, tokens.borders, tokens.end,
                             [&](std::span<const octavo::Token> some) { writer.add(some); });
    text_.files->check_unchanged();
    writer.commit({.text_bytes = text.size(),
                   .text_hash = text_hash,
                   .tokenizer_hash = tokens.hash,
                   .text_stamp = stamp_});
  }
  auto file = std::make_unique<octavo::TokenFile>(path_);
  file->verify();
  std::printf("tokens: made %s, %.1f s, %s/s\n", one_line(path_).c_str(), text.seconds(),
              readable_bytes(text.speed(text.size())).c_str());
  return file;
}

/// What processes that were killed have left half-written. The lock says that nobody writes.
void TokenCache::remove_leftovers(const std::string& folder) const {
  const std::string start = std::filesystem::path(path_).filename().string() + '.';
  std::error_code ignored;
  for (const std::string& name : octavo::folder_names(folder, ignored)) {
    if (name.starts_with(start) && octavo::AtomicFile::is_leftover(name)) {
      std::filesystem::remove(folder + "/" + name, ignored);
    }
  }
}

}  // namespace support
