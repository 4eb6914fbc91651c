// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// One token per byte value: 256 tokens, any text, nothing to learn.
class ByteTokenizer {
 public:
  constexpr Index vocabulary_size() const noexcept { return 256; }

  constexpr std::size_t encode(std::string_view text, std::span<Token> out) const {
    require(out.size() >= text.size(), "encode: the output is shorter than the text");
    for (std::size_t i = 0; i < text.size(); ++i) {
      out[i] = static_cast<Token>(static_cast<unsigned char>(text[i]));
    }
    return text.size();
  }
  std::vector<Token> encode(std::string_view text) const { return detail::encoded(*this, text); }

  constexpr std::string_view decode(Token token) const {
    require(token >= 0 && token < 256, "decode: expected a token from 0 to 255");
    return {&bytes_[static_cast<std::size_t>(token)], 1};
  }

 private:
  static constexpr std::array<char, 256> bytes_ = [] {
    std::array<char, 256> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>(static_cast<unsigned char>(i));
    }
    return bytes;
  }();
};

}  // namespace OCTAVO_NAMESPACE
