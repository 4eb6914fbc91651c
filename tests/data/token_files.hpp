// SPDX-License-Identifier: MIT
// Token files for tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <octavo/data/token_file_writer.hpp>
#include <octavo/numeric/random.hpp>

#include "checkpoint/fault_files.hpp"

namespace token_files {

using namespace octavo;

inline const TokenFileInfo info{.text_bytes = 1234,
                                .text_hash = std::string(64, 'a'),
                                .tokenizer_hash = "tokenizer",
                                .text_stamp = ""};

inline std::vector<Token> random_tokens(std::size_t count, Index vocabulary) {
  const CounterRandom random(1, RandomStream::sampling);
  std::vector<Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) {
    tokens[i] = static_cast<Token>(random.below(i, static_cast<std::uint64_t>(vocabulary)));
  }
  return tokens;
}

inline void write_tokens(const std::string& path, Index vocabulary,
                         const std::vector<Token>& tokens, octavo_test::FaultFiles& files) {
  TokenFileWriter writer(path, vocabulary, files);
  for (std::size_t at = 0; at < tokens.size(); at += 1000) {
    writer.add(std::span(tokens).subspan(at, std::min<std::size_t>(1000, tokens.size() - at)));
  }
  writer.commit(info);
}

/// Flushing is left out, which is slow.
inline void write_tokens(const std::string& path, Index vocabulary,
                         const std::vector<Token>& tokens) {
  octavo_test::FaultFiles files;
  write_tokens(path, vocabulary, tokens, files);
}

}  // namespace token_files
