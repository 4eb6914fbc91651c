// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/tokenizers/bpe_vocabulary.hpp>

// Lists in the metadata of Octavo's files: words with single spaces between. Those of tokenizers.
namespace OCTAVO_NAMESPACE::detail {

/// The words of a text, separated by single spaces; none for an empty text.
class SpacedWords {
 public:
  explicit SpacedWords(std::string_view text) : rest_(text), more_(!text.empty()) {}

  std::optional<std::string_view> next() {
    if (!more_) return std::nullopt;
    const std::size_t end = rest_.find(' ');
    const std::string_view word = rest_.substr(0, end);
    more_ = end != rest_.npos;
    rest_.remove_prefix(more_ ? end + 1 : rest_.size());
    return word;
  }

 private:
  std::string_view rest_;
  bool more_;
};

template <typename N>
std::optional<N> whole_word(std::string_view word) {
  N value{};
  if (!parse_whole(word, value)) return std::nullopt;
  return value;
}

/// ConfigError if a tokenizer's entries do not fit into a file's header.
inline void require_room(std::size_t bytes, Index vocabulary) {
  constexpr std::size_t most = 24'000'000;
  require(bytes <= most, [&] {
    return detail::concat({"cannot save a tokenizer of ", vocabulary, " tokens: they need ", bytes,
                           " bytes of the file's header, which has room for ", most});
  });
}

inline std::string merge_words(std::span<const BpeMerge> merges) {
  std::string words;
  for (const BpeMerge& merge : merges) {
    words += detail::concat({(words.empty() ? "" : " "), merge.left, ' ', merge.right});
  }
  return words;
}

/// The merges; nothing if the words are not pairs of tokens, or are too many.
inline std::optional<std::vector<BpeMerge>> parsed_merges(std::string_view text, Index vocabulary) {
  std::vector<BpeMerge> merges;
  SpacedWords words(text);
  const auto token = [&](std::optional<std::string_view> word) -> std::optional<Token> {
    const auto value = word ? whole_word<Token>(*word) : std::nullopt;
    return value && *value >= 0 && *value < vocabulary ? value : std::nullopt;
  };
  while (const auto word = words.next()) {
    const auto left = token(word);
    const auto right = token(words.next());
    if (!left || !right || merges.size() == BpeVocabulary::most_merges) return std::nullopt;
    merges.push_back({*left, *right});
  }
  return merges;
}

inline void write_rules(MetadataWriter& metadata, const std::map<Token, NameRule>& all) {
  std::string rules;
  for (const auto& [token, rule] : all) {
    rules += detail::concat({(rules.empty() ? "" : " "), token, ' ',
                             (rule.strip_left ? 1 : 0) + (rule.strip_right ? 2 : 0) +
                                 (rule.late ? 4 : 0) + (rule.always ? 8 : 0) +
                                 (rule.recognized ? 16 : 0) + (rule.single_word ? 32 : 0)});
  }
  if (!rules.empty()) metadata.text("name_rules", rules);
}

/// The rules; nothing if the words are not pairs of a token and a sum of flags.
inline std::optional<std::map<Token, NameRule>> parsed_rules(std::string_view text) {
  std::map<Token, NameRule> rules;
  SpacedWords words(text);
  while (const auto word = words.next()) {
    const auto token = whole_word<Token>(*word);
    const auto second = words.next();
    const auto flags = second ? whole_word<int>(*second) : std::nullopt;
    if (!token || !flags || *flags < 1 || *flags > 63) return std::nullopt;
    const auto has = [&](int flag) { return (*flags & flag) != 0; };
    if (!rules.emplace(*token, NameRule{has(1), has(2), has(4), has(8), has(16), has(32)}).second) {
      return std::nullopt;
    }
  }
  return rules.empty() ? std::nullopt : std::optional(std::move(rules));
}

/// The rules of the entry "name_rules"; empty if the entry is missing.
inline std::map<Token, NameRule> read_rules(const MetadataReader& metadata) {
  if (!metadata.has("name_rules")) return {};
  auto rules = parsed_rules(metadata.text("name_rules"));
  if (!rules) metadata.refuse("name_rules", "pairs of a token and a number from 1 to 63");
  return std::move(*rules);
}

}  // namespace OCTAVO_NAMESPACE::detail
