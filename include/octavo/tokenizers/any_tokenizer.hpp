// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/tokenizers/bpe_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// A tokenizer whose kind is known when the program runs: what a file of a model holds.
class AnyTokenizer {
 public:
  AnyTokenizer(CharacterTokenizer tokenizer) : one_(tokenizer) {}
  AnyTokenizer(BpeTokenizer tokenizer) : one_(std::move(tokenizer)) {}

  /// That tokenizer if it is of this type; null otherwise.
  template <typename K>
  const K* get_if() const noexcept {
    return std::get_if<K>(&one_);
  }
  /// What visitor(tokenizer) returns.
  template <typename Visitor>
  decltype(auto) visit(Visitor&& visitor) const {
    return std::visit(std::forward<Visitor>(visitor), one_);
  }

  Index vocabulary_size() const noexcept {
    return visit([](const auto& one) { return one.vocabulary_size(); });
  }
  std::size_t encode(std::string_view text, std::span<Token> out) const {
    return visit([&](const auto& one) { return one.encode(text, out); });
  }
  std::vector<Token> encode(std::string_view text) const { return detail::encoded(*this, text); }
  std::string_view decode(Token token) const {
    return visit([&](const auto& one) { return one.decode(token); });
  }
  bool is_special(Token token) const {
    return visit([&](const auto& one) { return octavo::is_special(one, token); });
  }
  bool is_reserve(Token token) const {
    return visit([&](const auto& one) { return octavo::is_reserve(one, token); });
  }
  std::size_t first_unknown(std::string_view text) const {
    return visit([&](const auto& one) { return octavo::first_unknown(one, text); });
  }
  /// See BpeTokenizer; characters may be cut anywhere.
  std::size_t last_cut(std::string_view text) const noexcept {
    const auto* const bpe = get_if<BpeTokenizer>();
    return bpe != nullptr ? bpe->last_cut(text) : text.size();
  }

  friend bool operator==(const AnyTokenizer&, const AnyTokenizer&) = default;

 private:
  std::variant<CharacterTokenizer, BpeTokenizer> one_;
};

static_assert(Tokenizer<AnyTokenizer>);

}  // namespace OCTAVO_NAMESPACE
