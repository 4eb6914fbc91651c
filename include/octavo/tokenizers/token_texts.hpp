// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/tokenizers/piece_cache.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// The bytes of all tokens, one after the other, and a hash table that finds a token by its bytes.
/// The table holds only the tokens that are inserted.
class TokenTexts {
 public:
  static constexpr Token none = -1;

  void add(std::string_view bytes) {
    bytes_ += bytes;
    starts_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  std::size_t count() const noexcept { return starts_.size() - 1; }
  std::size_t bytes() const noexcept { return bytes_.size(); }

  std::string_view view(Token token) const noexcept {
    const auto at = static_cast<std::size_t>(token);
    return {bytes_.data() + starts_[at], starts_[at + 1] - starts_[at]};
  }

  /// Makes an empty table with room for every token.
  void clear_table();
  /// Returns false, and inserts nothing, if a token with these bytes is in the table.
  bool insert(Token token) noexcept;
  /// The token with these bytes; `none` if it is not in the table.
  Token find(std::string_view bytes) const noexcept { return table_[place(bytes)]; }
  std::vector<Token> inserted() const;
  bool empty() const noexcept { return table_.empty(); }

  std::size_t memory_bytes() const noexcept {
    return bytes_.size() + sizeof(std::uint32_t) * starts_.size() + sizeof(Token) * table_.size();
  }

  friend bool operator==(const TokenTexts& a, const TokenTexts& b) noexcept {
    return a.bytes_ == b.bytes_ && a.starts_ == b.starts_;
  }

 private:
  static std::uint64_t hash_of(std::string_view bytes) noexcept;

  /// The slot of these bytes, or the free slot for them.
  std::size_t place(std::string_view bytes) const noexcept {
    auto at = static_cast<std::size_t>(hash_of(bytes) >> shift_);
    while (table_[at] != none && view(table_[at]) != bytes) at = (at + 1) % table_.size();
    return at;
  }

  std::string bytes_;
  std::vector<std::uint32_t> starts_{0};  ///< the start of each token, and the end of the last
  std::vector<Token> table_;
  int shift_ = 0;
};

}  // namespace OCTAVO_NAMESPACE::detail

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE void TokenTexts::clear_table() {
  table_.assign(std::bit_ceil(2 * std::max<std::size_t>(count(), 8)), none);
  shift_ = 64 - std::countr_zero(table_.size());
}

OCTAVO_INLINE bool TokenTexts::insert(Token token) noexcept {
  Token& slot = table_[place(view(token))];
  if (slot != none) return false;
  slot = token;
  return true;
}

OCTAVO_INLINE std::vector<Token> TokenTexts::inserted() const {
  std::vector<Token> tokens;
  for (const Token token : table_) {
    if (token != none) tokens.push_back(token);
  }
  return tokens;
}

OCTAVO_INLINE std::uint64_t TokenTexts::hash_of(std::string_view bytes) noexcept {
  std::uint64_t hash = bytes.size();
  for (std::size_t at = 0; at < bytes.size(); at += ShortKey::most) {
    const std::size_t size = std::min(bytes.size() - at, ShortKey::most);
    hash = (hash ^ ShortKey(bytes, at, size).hash()) * 0x9e3779b97f4a7c15u;
  }
  return hash;
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
