// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/token_file.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/files/crc32c.hpp>

namespace OCTAVO_NAMESPACE {

/// Writes a token file from tokens that are added in parts. With commit() the file appears under
/// its name, whole or not at all; see AtomicFile, also for errors.
class TokenFileWriter {
 public:
  TokenFileWriter(const std::string& path, Index vocabulary,
                  FileSystem& files = real_file_system());

  /// Appends tokens, which must lie in the vocabulary.
  void add(std::span<const Token> tokens);

  /// `info` describes the tokens; their number and vocabulary need not be set.
  void commit(const TokenFileInfo& info);

 private:
  static constexpr std::size_t piece_tokens = 16384;

  static detail::TokenFileText field_of(const std::string& text);

  template <typename T>
  void add_as(std::span<const Token> tokens) {
    buffer_.resize(tokens.size() * sizeof(T));
    const std::span stored(reinterpret_cast<T*>(buffer_.data()), tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      detail::check_token(tokens[i], vocabulary_);
      stored[i] = static_cast<T>(tokens[i]);
    }
    sum_ = crc32c(buffer_, sum_);
    file_.write(buffer_);
    tokens_ += tokens.size();
  }

  AtomicFile file_;
  Index vocabulary_;
  std::uint64_t tokens_ = 0;
  std::uint32_t sum_ = 0;
  std::vector<std::byte> buffer_;  ///< tokens as stored
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE TokenFileWriter::TokenFileWriter(const std::string& path, Index vocabulary,
                                               FileSystem& files)
    : file_(path, files), vocabulary_(vocabulary) {
  require(vocabulary > 0, "token file: expected a vocabulary of at least 1");
  file_.write(detail::TokenFileHeader{});  // space for the header, known at the end
}

OCTAVO_INLINE void TokenFileWriter::add(std::span<const Token> tokens) {
  for (std::size_t first = 0; first < tokens.size(); first += piece_tokens) {
    const auto piece = tokens.subspan(first, std::min(piece_tokens, tokens.size() - first));
    switch (token_bytes(vocabulary_)) {
      case 1:
        add_as<std::uint8_t>(piece);
        break;
      case 2:
        add_as<std::uint16_t>(piece);
        break;
      default:
        add_as<std::uint32_t>(piece);
    }
  }
}

OCTAVO_INLINE void TokenFileWriter::commit(const TokenFileInfo& info) {
  detail::TokenFileFields fields;
  fields.token_bytes = static_cast<std::uint32_t>(token_bytes(vocabulary_));
  fields.vocabulary = static_cast<std::uint64_t>(vocabulary_);
  fields.tokens = tokens_;
  fields.text_bytes = info.text_bytes;
  fields.text_hash = field_of(info.text_hash);
  fields.tokenizer_hash = field_of(info.tokenizer_hash);
  fields.text_stamp = field_of(info.text_stamp);
  fields.tokens_sum = sum_;
  file_.rewrite(0, detail::to_header(fields));
  file_.commit();
}

OCTAVO_INLINE detail::TokenFileText TokenFileWriter::field_of(const std::string& text) {
  detail::TokenFileText field{};
  require(text.size() <= field.size() && text.find('\0') == text.npos,
          "token file: expected texts of at most 64 bytes, none of them zero");
  std::copy(text.begin(), text.end(), field.begin());
  return field;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
