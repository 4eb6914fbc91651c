// SPDX-License-Identifier: MIT
// GGUF files to read and to spoil.
#pragma once

#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/files/read_file.hpp>
#include <octavo/interop/gguf_model.hpp>

#include "checkpoint/forged_file.hpp"
#include "interop/gpt2_folder.hpp"

namespace octavo_test {

/// A vocabulary of characters and one of byte pairs, both for gpt2_shape.
inline const octavo::TokenTable& character_tokens() {
  static const octavo::TokenTable table = token_table_of(
      octavo::CharacterTokenizer("ab \n\xc3\xa9", octavo::UnknownToken::included, 11));
  return table;
}
inline octavo::TokenTable pair_tokens() {
  using octavo::TokenKind;
  octavo::TokenTable table{
      {"a", "b", "c", "\u0120", "ab", "\u0120a", "abc", "d", "e", "f", "<|end|>"},
      std::vector<TokenKind>(11, TokenKind::normal),
      {"a b", "\u0120 a", "ab c"}};
  table.kinds.back() = TokenKind::control;
  return table;
}

inline octavo::MemorySource source_of(const std::string& bytes) {
  return octavo::MemorySource("x", std::as_bytes(std::span(bytes)));
}

/// The bytes of a file of ours.
template <octavo::Scalar T>
std::string gguf_bytes(const octavo::PretrainedConfig& config, const octavo::TokenTable& tokens,
                       std::span<const T> weights,
                       octavo::StoredType type = octavo::StoredType::f32) {
  return saved_bytes([&](const std::string& path, octavo::FileSystem& files) {
    octavo::save_gguf<T>(path, octavo::standard_model(config.model), config, tokens, weights, type,
                         files);
  });
}

/// A small file whose parts can be replaced.
class GgufFile {
 public:
  std::string bytes;

  GgufFile()
      : bytes(gguf_bytes<float>({gpt2_shape, 3, 1, 10}, pair_tokens(), gpt2_weights<float>())) {}

  /// Bytes from `offset` behind the first place where the text stands become those of `number`.
  template <typename Number>
  GgufFile& put(std::string_view text, std::size_t offset, Number number) {
    std::memcpy(&bytes.at(find(text) + text.size() + offset), &number, sizeof(number));
    return *this;
  }
  /// The value of an entry that is one number of four bytes.
  template <typename Number>
  GgufFile& set(std::string_view key, Number number) {
    static_assert(sizeof(number) == 4);
    return put(key, 4, number);
  }
  template <typename Number>
  GgufFile& put_at(std::size_t offset, Number number) {
    std::memcpy(&bytes.at(offset), &number, sizeof(number));
    return *this;
  }
  /// The first place where `from` stands gets `to`, of the same length.
  GgufFile& replace(std::string_view from, std::string_view to) {
    if (from.size() != to.size()) throw std::logic_error("another length");
    to.copy(&bytes[find(from)], to.size());
    return *this;
  }

  std::size_t find(std::string_view text) const {
    const std::size_t at = bytes.find(text);
    if (at == bytes.npos) throw std::logic_error("no " + std::string(text));
    return at;
  }

  /// What is said about the file behind "cannot load 'x': "; empty if it loads. Whatever is no
  /// FormatError goes on to doctest.
  std::string failure() const {
    try {
      const auto source = source_of(bytes);
      octavo::GgufModel(source).verify();
      return {};
    } catch (const octavo::FormatError& error) {
      constexpr std::string_view start = "cannot load 'x': ";
      if (!std::string_view(error.what()).starts_with(start)) return "the file is not named";
      return error.what() + start.size();
    }
  }
};

}  // namespace octavo_test
