// SPDX-License-Identifier: MIT
// The tokens of a large text, in a file that is made once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <octavo/octavo.hpp>

#include "support/texts.hpp"
#include "support/train_full_options.hpp"

namespace support {

/// By which a token file says what its tokens are: of the tokenizer, and of where documents end.
std::string hash_of(const octavo::AnyTokenizer& tokenizer, const std::string& documents);

/// The tokens of a text of documents; `end` follows each of them.
struct DocumentTokens {
  const octavo::AnyTokenizer& tokenizer;
  const octavo::DocumentBorders& borders;
  octavo::Token end;
  std::string hash;  ///< see hash_of
};

class TokenCache {
 public:
  TokenCache(const FullOptions& options, const Text& text);

  /// The file that is there, if its tokens are those of the text with this tokenizer, whose hash
  /// (see hash_of) is given. Without `text_hash` a text whose files have the stamps that they had
  /// is taken to be the same.
  std::unique_ptr<octavo::TokenFile> find(const std::string& tokenizer_hash,
                                          const std::string& text_hash = "") const;
  std::unique_ptr<octavo::TokenFile> make(const DocumentTokens& tokens,
                                          const std::string& text_hash) const;

 private:
  void remove_leftovers(const std::string& folder) const;

  std::string path_;
  std::vector<std::string> texts_;  ///< as they were named
  const Text& text_;
  std::string stamp_;  ///< empty: the text came through a stream
};

}  // namespace support
