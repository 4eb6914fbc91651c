// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// The kind of tokenizer made from a text, if no model provides one.
enum class TokenizerKind {
  characters,  ///< a token for each character of the text
  bytes,       ///< a token for each byte
  byte_pairs,  ///< GPT-2's kind, learned from the text
};

constexpr std::array<std::string_view, 3> choice_names(TokenizerKind) noexcept {
  return {"char", "byte", "bpe"};
}
inline TokenizerKind kind_of(const AnyTokenizer& tokenizer) noexcept {
  return tokenizer.get_if<BpeTokenizer>() != nullptr    ? TokenizerKind::byte_pairs
         : tokenizer.get_if<ByteTokenizer>() != nullptr ? TokenizerKind::bytes
                                                        : TokenizerKind::characters;
}

/// The text of a run, and how it is tokenized.
struct CorpusOptions {
  /// Text files and folders, joined in this order; "-" is standard input; empty: the built-in text.
  std::vector<std::string> data = {};
  /// Text files and folders for validation; empty: the last tenth of the data, which is then not
  /// used for training.
  std::vector<std::string> validation = {};
  /// Where documents end: "file" (each file is a document), "line", or "end " followed by the
  /// marker; empty: the text is not divided.
  std::string documents = {};
  TokenizerKind tokenizer = TokenizerKind::characters;
  Index vocabulary = 1024;  ///< the most byte-pair tokens, including one that ends a text
  bool unknown = true;      ///< a token for characters outside the text
  /// The tokenizer of the model that the run starts from; null: one is made, see `tokenizer`. Must
  /// exist while the text is read.
  const AnyTokenizer* given_tokenizer = nullptr;
  /// The tokens of a text of up to this many bytes are in memory, those of a larger text in a file.
  std::size_t load_at_most = std::size_t{1} << 26;
  std::string token_file = "tokens.bin";  ///< the name of that file
  std::size_t memory_budget = 0;          ///< bytes for the whole process; 0: no limit
  std::size_t program_bytes = 0;          ///< part of the budget for the program and its stacks
  bool plan_only = false;                 ///< do not make a token file
  bool allow_other_text = false;          ///< a resumed run may use another text
};

/// Joins several file names with zero bytes, which names cannot contain, and splits them again.
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
