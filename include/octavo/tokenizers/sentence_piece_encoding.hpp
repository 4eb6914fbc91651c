// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/tokenizers/sentence_piece_tokenizer.hpp>

// How a SentencePieceTokenizer encodes and decodes.
#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::size_t SentencePieceTokenizer::encode_from(std::string_view text,
                                                              std::span<Token> out,
                                                              SpecialTokens special,
                                                              bool at_start) const {
  require(!pieces_.empty(), "encode: the tokenizer has been moved from, and knows no tokens");
  require(out.size() >= most_tokens(text.size()), "encode: the output is shorter than the text");
  return detail::encode_names(names_, text, out, special, [&](auto rest, auto rest_out) {
    const bool start = at_start && rest.data() == text.data();
    if (!late_names_.has(special)) return encode_text(rest, rest_out, puts_space(rest, start));
    if (prefix_ >= SpacePrefix::first_spared) {
      return detail::encode_names(late_names_, rest, rest_out, special,
                                  [&](auto part, auto part_out) {
                                    const bool first = start && part.data() == text.data();
                                    return encode_text(part, part_out, puts_space(part, first));
                                  });
    }
    const std::string changed = (puts_space(rest, start) ? " " : "") + spaces_of_marks(rest);
    return detail::encode_names(
        late_names_, std::string_view(changed), rest_out, special,
        [&](auto part, auto part_out) { return encode_text(part, part_out, false); });
  });
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::word_end(std::string_view text,
                                                           std::size_t begin) const noexcept {
  detail::PieceCharacter left = detail::piece_character(text, begin);
  std::size_t at = begin + left.size;
  while (at < text.size()) {
    const detail::PieceCharacter right = detail::piece_character(text, at);
    if (!within_.contains(left.code, right.code)) break;
    left = right;
    at += right.size;
  }
  return at;
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::encode_text(std::string_view text,
                                                              std::span<Token> out,
                                                              bool prefix) const {
  if (text.empty()) return 0;
  std::size_t count = 0, begin = 0;
  if (prefix) {
    const bool joins = within_.contains(' ', detail::piece_character(text, 0).code);
    begin = joins ? word_end(text, 0) : 0;
    count = merge_characters(text.substr(0, begin), out, true);
  }
  if (text.size() < 4096) {  // a longer text repeats many words
    for (std::size_t end = 0; begin < text.size(); begin = end) {
      end = word_end(text, begin);
      count += encode_word(text.substr(begin, end - begin), out.subspan(count));
    }
  } else {
    count = encode_remembering(text, begin, out, count);
  }
  return fuse_unknown_ && !has_bytes_ ? fused(out.first(count)) : count;
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::encode_remembering(std::string_view text,
                                                                     std::size_t begin,
                                                                     std::span<Token> out,
                                                                     std::size_t count) const {
  detail::PieceCache cache;
  for (std::size_t end = 0; begin < text.size(); begin = end) {
    end = word_end(text, begin);
    const std::size_t size = end - begin;
    if (size > detail::ShortKey::most) {
      count += encode_word(text.substr(begin, size), out.subspan(count));
      continue;
    }
    const detail::ShortKey key(text, begin, size);
    bool known = false;
    detail::PieceCache::Entry& entry = cache.at(key, known);
    if (!known) {
      const std::size_t tokens = encode_word(text.substr(begin, size), out.subspan(count));
      entry = {key.words, key.size, static_cast<std::uint32_t>(tokens), count};
      count += tokens;
      continue;
    }
    for (std::size_t i = 0; i < entry.count; ++i) out[count++] = out[entry.first + i];
  }
  return count;
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::append_character(
    std::string_view character, std::uint32_t code, std::span<Token> out) const noexcept {
  const Token token = code < ascii_.size() ? ascii_[code] : texts_.find(character);
  if (token != no_token) {
    out[0] = token;
    return 1;
  }
  if (code == ' ') character = space_mark;
  if (const auto found = hidden_.find(character); found != hidden_.end()) {
    out[0] = found->second;
    return 1;
  }
  return append_bytes(character, out);
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::append_bytes(
    std::string_view character, std::span<Token> out) const noexcept {
  if (!has_bytes_) {
    out[0] = unknown_;
    return 1;
  }
  for (std::size_t i = 0; i < character.size(); ++i) {
    out[i] = token_of_byte_[static_cast<unsigned char>(character[i])];
  }
  return character.size();
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::merge_characters(std::string_view word,
                                                                   std::span<Token> out,
                                                                   bool prefix) const {
  std::size_t count = prefix ? append_character(" ", ' ', out) : 0;
  for (std::size_t at = 0; at < word.size();) {
    const detail::PieceCharacter next = detail::piece_character(word, at);
    count += append_character(word.substr(at, next.size), next.code, out.subspan(count));
    at += next.size;
  }
  count = pairs_.merge(out.first(count));
  return hidden_.empty() ? count : without_hidden(out, count);
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::without_hidden(std::span<Token> out,
                                                                 std::size_t count) const {
  const auto is_hidden = [&](Token token) { return token >= vocabulary_size(); };
  if (std::none_of(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), is_hidden)) {
    return count;
  }
  const std::vector<Token> symbols(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count));
  count = 0;
  for (const Token symbol : symbols) {
    if (!is_hidden(symbol)) {
      out[count++] = symbol;
      continue;
    }
    const auto number = static_cast<std::size_t>(symbol) - kinds_.size();
    count += append_bytes(hidden_texts_[number], out.subspan(count));
  }
  return count;
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::fused(std::span<Token> tokens) const noexcept {
  const auto both_unknown = [this](Token a, Token b) { return a == unknown_ && b == unknown_; };
  return static_cast<std::size_t>(std::unique(tokens.begin(), tokens.end(), both_unknown) -
                                  tokens.begin());
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::first_unknown(
    std::string_view text) const noexcept {
  for (std::size_t at = 0; !has_bytes_ && at < text.size();) {
    const detail::PieceCharacter next = detail::piece_character(text, at);
    const Token token =
        next.code < ascii_.size() ? ascii_[next.code] : texts_.find(text.substr(at, next.size));
    if (token == no_token) return at;
    at += next.size;
  }
  return std::string_view::npos;
}

OCTAVO_INLINE std::size_t SentencePieceTokenizer::last_cut(std::string_view text) const noexcept {
  for (std::size_t at = utf8_last_cut(text); at-- > 1;) {
    if ((text[at] & 0xc0) == 0x80) continue;
    std::size_t before = at - 1;
    while (before > 0 && at - before < 4 && (text[before] & 0xc0) == 0x80) --before;
    const detail::PieceCharacter left = detail::piece_character(text, before);
    const detail::PieceCharacter right = detail::piece_character(text, at);
    if (left.size != at - before || within_.contains(left.code, right.code)) continue;
    if (!has_bytes_ && first_unknown(text.substr(before, at - before)) == 0) continue;
    if (!names_.crosses(text, at) && !late_names_.crosses(text, at)) return at;
  }
  return 0;
}

// --- Decoding -----------------------------------------------------------------------------------

OCTAVO_INLINE std::string SentencePieceTokenizer::decode_text(std::span<const Token> tokens,
                                                              bool with_special) const {
  std::string text, bytes;
  const auto finish_bytes = [&] {
    bool sound = true;
    for (std::size_t at = 0; sound && at < bytes.size();) {
      const std::size_t size = utf8_length(std::string_view(bytes).substr(at));
      sound = size > 0;
      at += size;
    }
    for (std::size_t i = 0; !sound && i < bytes.size(); ++i) text += "\xef\xbf\xbd";
    if (sound) text += bytes;
    bytes.clear();
  };
  for (const Token token : tokens) {
    if (is_special(token) && !with_special) continue;
    if (kind(token) == TokenKind::byte) {
      bytes += decode(token);
      continue;
    }
    finish_bytes();
    text += decode(token);
  }
  finish_bytes();
  if (strip_space_ && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

OCTAVO_INLINE std::optional<Token> SentencePieceTokenizer::end_token() const {
  std::optional<Token> only;
  Index controls = 0;
  for (Token token = 0; token < vocabulary_size(); ++token) {
    if (kind(token) != TokenKind::control) continue;
    for (const char* name : {"</s>", "<eos>", "<|endoftext|>", "<|end_of_text|>"}) {
      if (pieces_.view(token) == name) return token;
    }
    only = token;
    ++controls;
  }
  return controls == 1 ? only : std::nullopt;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
