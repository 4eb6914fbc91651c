// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// The kind of tokenizer that a text gets where no model brings one.
enum class TokenizerKind {
  characters,  ///< a token for each character of the text
  bytes,       ///< a token for each byte
  byte_pairs,  ///< as GPT-2 has them, learned from the text
};

constexpr std::string_view name_of(TokenizerKind kind) noexcept {
  return kind == TokenizerKind::byte_pairs ? "bpe" : kind == TokenizerKind::bytes ? "byte" : "char";
}
inline TokenizerKind kind_of(const AnyTokenizer& tokenizer) noexcept {
  return tokenizer.get_if<BpeTokenizer>() != nullptr    ? TokenizerKind::byte_pairs
         : tokenizer.get_if<ByteTokenizer>() != nullptr ? TokenizerKind::bytes
                                                        : TokenizerKind::characters;
}

/// What a run is trained on, and how its text becomes tokens.
struct CorpusOptions {
  /// Text files, and folders of them, joined in this order; "-" is standard input; none: the
  /// built-in text.
  std::vector<std::string> data = {};
  /// The same for validation; none: the last tenth of the data, which is not trained on then.
  std::vector<std::string> validation = {};
  /// Where documents end: "file" (each file is one), "line", or "end " and the marker that ends
  /// one; empty: the text is not divided.
  std::string documents = {};
  TokenizerKind tokenizer = TokenizerKind::characters;
  Index vocabulary = 1024;  ///< of byte pairs, at most; one of them ends a text
  bool unknown = true;      ///< characters outside the text have a token
  /// That of the model whose weights the run begins with; null: one is made by `tokenizer`. Must
  /// live while the text is read.
  const AnyTokenizer* given_tokenizer = nullptr;
  /// Bytes of text up to which the tokens are in memory; those of a larger text are in a file.
  std::size_t load_at_most = std::size_t{1} << 26;
  std::string token_file = "tokens.bin";  ///< that file
  std::size_t memory_budget = 0;          ///< bytes for the whole process; 0: any
  std::size_t program_bytes = 0;          ///< of these, for what is not the run's: program, stacks
  bool plan_only = false;                 ///< no file of tokens is made
  bool allow_other_text = false;          ///< a run may go on with another text than it began with
};

/// Several names of files as one text, and back: with a zero byte between them, which no name has.
inline std::string join_names(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) {
    if (!joined.empty()) joined += '\0';
    joined += name;
  }
  return joined;
}
inline std::vector<std::string> split_names(std::string_view joined) {
  std::vector<std::string> names;
  while (!joined.empty()) {
    const std::size_t end = std::min(joined.find('\0'), joined.size());
    names.emplace_back(joined.substr(0, end));
    joined.remove_prefix(std::min(end + 1, joined.size()));
  }
  return names;
}

}  // namespace OCTAVO_NAMESPACE
