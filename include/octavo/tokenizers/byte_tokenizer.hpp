// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tokenizers/special_tokens.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// One token per byte value: 256 tokens, for any text, without learning. with_end_token() adds
/// token 256, which ends a text.
class ByteTokenizer {
 public:
  /// The name of the token that ends a text.
  static constexpr std::string_view end_name = "<|endoftext|>";

  /// This tokenizer with a token that ends a text, which never results from text.
  constexpr ByteTokenizer with_end_token() const noexcept {
    ByteTokenizer result;
    result.has_end_ = true;
    return result;
  }

  constexpr Index vocabulary_size() const noexcept { return has_end_ ? 257 : 256; }
  /// The token that ends a text; nothing if there is none.
  constexpr std::optional<Token> end_token() const noexcept {
    return has_end_ ? std::optional<Token>(256) : std::nullopt;
  }
  constexpr bool is_special(Token token) const noexcept { return has_end_ && token == 256; }

  constexpr std::size_t encode(std::string_view text, std::span<Token> out) const {
    require(out.size() >= text.size(), "encode: the output is shorter than the text");
    for (std::size_t i = 0; i < text.size(); ++i) {
      out[i] = static_cast<Token>(static_cast<unsigned char>(text[i]));
    }
    return text.size();
  }
  /// As above; if special tokens are recognized, the name of the token that ends a text becomes
  /// that token.
  constexpr std::size_t encode(std::string_view text, std::span<Token> out,
                               SpecialTokens special) const {
    if (special == SpecialTokens::as_text || !has_end_) return encode(text, out);
    require(out.size() >= text.size(), "encode: the output is shorter than the text");
    std::size_t count = 0;
    for (;;) {
      const std::size_t at = std::min(text.find(end_name), text.size());
      count += encode(text.substr(0, at), out.subspan(count));
      if (at == text.size()) return count;
      out[count++] = 256;
      text.remove_prefix(at + end_name.size());
    }
  }
  std::vector<Token> encode(std::string_view text,
                            SpecialTokens special = SpecialTokens::as_text) const;

  constexpr std::string_view decode(Token token) const {
    require(token >= 0 && token < vocabulary_size(), [&] {
      return detail::concat({"decode: expected a token from 0 to ", vocabulary_size() - 1});
    });
    return token == 256 ? end_name : std::string_view(&bytes_[static_cast<std::size_t>(token)], 1);
  }

  /// All bytes in increasing order.
  static constexpr std::string_view bytes() noexcept { return {bytes_.data(), bytes_.size()}; }

  friend constexpr bool operator==(const ByteTokenizer&, const ByteTokenizer&) = default;

 private:
  static constexpr std::array<char, 256> bytes_ = [] {
    std::array<char, 256> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>(static_cast<unsigned char>(i));
    }
    return bytes;
  }();

  bool has_end_ = false;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::vector<Token> ByteTokenizer::encode(std::string_view text,
                                                       SpecialTokens special) const {
  return detail::encoded(*this, text, special);
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
