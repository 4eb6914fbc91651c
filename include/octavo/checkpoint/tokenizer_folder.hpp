// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/checkpoint/token_table.hpp>
#include <octavo/checkpoint/tokenizer_json.hpp>
#include <octavo/checkpoint/vocabulary_files.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/files/byte_source.hpp>

// The tokenizer of a folder of Hugging Face's format.
namespace OCTAVO_NAMESPACE {

/// The vocabulary of tokenizer.json, or where that is missing of vocab.json and merges.txt; nothing
/// if all of them are missing. FormatError says what is wrong with a file.
inline std::optional<TokenTable> read_tokenizer_folder(const std::string& path,
                                                       FileSystem& files = real_file_system()) {
  std::optional<FileSource> source;
  const auto open = [&](const char* name) {
    try {
      source.emplace(detail::concat({path, "/", name}), files);
    } catch (const IoError& error) {
      if (error.reason() != std::errc::no_such_file_or_directory) throw;
    }
    return source.has_value();
  };
  if (open("tokenizer.json")) return read_tokenizer_json(*source);
  if (!open("vocab.json")) return std::nullopt;
  return read_vocabulary_files(*source, FileSource(detail::concat({path, "/merges.txt"}), files));
}

namespace detail {

inline std::string tokenizer_config_text(const TokenTable& table) {
  std::string text =
      "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n"
      "  \"clean_up_tokenization_spaces\": false";
  const auto name = [&](const char* role, TokenKind kind) {
    const auto found = std::find(table.kinds.begin(), table.kinds.end(), kind);
    if (found == table.kinds.end()) return;
    const std::string& token = table.tokens[static_cast<std::size_t>(found - table.kinds.begin())];
    text += detail::concat({",\n  \"", role, "\": ", json_string(token)});
  };
  name("bos_token", TokenKind::control);
  name("eos_token", TokenKind::control);
  name("unk_token", TokenKind::unknown);
  return detail::concat({text, "\n}\n"});
}

}  // namespace detail

/// Saves a vocabulary as tokenizer.json, tokenizer_config.json, vocab.json and merges.txt of a
/// folder, which is made if it is not there; each appears whole or not at all. Error of code
/// bad_data if a token is no UTF-8.
inline void save_tokenizer_folder(const std::string& path, const TokenTable& table,
                                  FileSystem& files = real_file_system()) {
  const std::pair<const char*, std::string> texts[] = {
      {"tokenizer.json", tokenizer_json_text(table)},
      {"tokenizer_config.json", detail::tokenizer_config_text(table)},
      {"vocab.json", vocabulary_text(table)},
      {"merges.txt", merges_text(table)}};
  if (files.mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    throw IoError(ErrorCode::cannot_create,
                  detail::concat({"cannot create folder ", printable(path)}), detail::last_error(),
                  "check that the folder above it exists and can be written");
  }
  for (const auto& [name, text] : texts) {
    AtomicFile file(detail::concat({path, "/", name}), files);
    file.write(text);
    file.commit();
  }
}

}  // namespace OCTAVO_NAMESPACE
