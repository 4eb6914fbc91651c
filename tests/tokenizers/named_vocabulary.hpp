// SPDX-License-Identifier: MIT
// Vocabularies with tokens that are found by their names.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <octavo/tokenizers/bpe_vocabulary.hpp>

namespace named_vocabulary {

using namespace octavo;

struct Named {
  std::string name;
  TokenKind kind;
  NameRule rule = {};
};

/// Bytes, "he", "hel" and what is named.
inline BpeVocabulary vocabulary_with(const std::vector<Named>& others) {
  BpeVocabulary vocabulary = byte_vocabulary();
  const auto byte = [&](char symbol) {
    return static_cast<Token>(
        std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(), std::string(1, symbol)) -
        vocabulary.tokens.begin());
  };
  vocabulary.merges = {{byte('h'), byte('e')}, {256, byte('l')}};
  vocabulary.tokens.insert(vocabulary.tokens.end(), {"he", "hel"});
  vocabulary.kinds.resize(vocabulary.tokens.size(), TokenKind::normal);
  for (const Named& other : others) {
    if (other.rule != NameRule{}) {
      vocabulary.rules[static_cast<Token>(vocabulary.tokens.size())] = other.rule;
    }
    vocabulary.tokens.push_back(other.name);
    vocabulary.kinds.push_back(other.kind);
  }
  return vocabulary;
}

}  // namespace named_vocabulary
