// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/token_table.hpp>

// GPT-2's two files: vocab.json has the number of each token, merges.txt one merge per line. Tokens
// added later are in other files of the folder: added_tokens.json, special_tokens_map.json,
// tokenizer_config.json.
namespace OCTAVO_NAMESPACE {

/// The lines of a merges.txt, without a "#version" line, a byte order mark, carriage returns and
/// empty lines. FormatError if the file is too large.
inline std::vector<std::string> read_merges_text(const ByteSource& source) {
  const auto fail = [&](const std::string& what) {
    throw FormatError(detail::concat({"cannot load ", printable(source.name()), ": ", what}));
  };
  if (source.size() > detail::tokenizer_limits.bytes) {
    fail(detail::concat({"it has ", counted(source.size(), "byte"), ", expected at most ",
                         detail::tokenizer_limits.bytes}));
  }
  std::string text(source.size(), '\0');
  source.read(0, std::as_writable_bytes(std::span(text)));
  std::vector<std::string> merges;
  std::string_view rest = text;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  for (bool first = true; !rest.empty(); first = false) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (first && line.starts_with("#version"))) continue;
    if (merges.size() == BpeVocabulary::most_merges) fail("it has more than 2^20 merges");
    merges.emplace_back(line);
  }
  return merges;
}

namespace detail {

/// The names in files of special tokens: "bos_token" and so on, each a text or an object with a
/// "content", and "additional_special_tokens", a list of these.
inline std::set<std::string> special_names(const std::vector<const JsonObject*>& files) {
  std::set<std::string> names;
  const auto take = [&](const nlohmann::json& value) {
    const nlohmann::json& content = value.is_object() ? field_of(value, "content") : value;
    if (content.is_string()) names.insert(content.get<std::string>());
  };
  for (const JsonObject* const file : files) {
    if (file == nullptr) continue;
    for (const auto& [key, value] : file->json().items()) {
      if (key.ends_with("_token")) take(value);
      if (key != "additional_special_tokens" || !value.is_array()) continue;
      for (const auto& one : value) take(one);
    }
  }
  return names;
}

/// The kind of a token that does not occur in text, derived from its name.
inline TokenKind kind_of_name(std::string_view name) {
  if (name == "<unk>") return TokenKind::unknown;
  const bool unused = name.starts_with("<unused") || name.starts_with("[PAD");
  return unused ? TokenKind::unused : TokenKind::control;
}

}  // namespace detail

/// The files beside vocab.json; null: missing.
struct VocabularyCompanions {
  const JsonObject* added_tokens = nullptr;
  const JsonObject* special_tokens_map = nullptr;
  const JsonObject* tokenizer_config = nullptr;

  /// The added tokens: from "added_tokens_decoder" of tokenizer_config.json, or else from
  /// added_tokens.json.
  std::vector<detail::AddedToken> added() const {
    using detail::field_of;
    std::vector<detail::AddedToken> all;
    if (tokenizer_config != nullptr &&
        tokenizer_config->field("added_tokens_decoder").is_object()) {
      for (const auto& [id, token] : tokenizer_config->field("added_tokens_decoder").items()) {
        const auto& content = field_of(token, "content");
        Index number = 0;
        if (!content.is_string() || !parse_whole(std::string_view(id), number)) {
          tokenizer_config->fail(
              "'added_tokens_decoder': expected numbers of tokens, each with a "
              "'content'");
        }
        all.push_back(
            detail::added_token(*tokenizer_config, content.get<std::string>(), number, token));
      }
    } else if (added_tokens != nullptr) {
      const auto special = detail::special_names({special_tokens_map, tokenizer_config});
      for (const auto& [content, id] : added_tokens->json().items()) {
        const nlohmann::json flags = {{"special", special.contains(content)}};
        all.push_back(detail::added_token(*added_tokens, content, id, flags));
      }
    }
    return all;
  }
};

/// A vocabulary from vocab.json and merges.txt. A token that is neither a byte nor made by a merge
/// is not text: "<unk>" is the unknown token, "<unused..." and "[PAD..." are reserve, and others
/// are control tokens, unless the companion files say otherwise. FormatError, naming a file, if it
/// is neither of characters nor of byte pairs.
inline TokenTable read_vocabulary_files(const ByteSource& vocabulary, const ByteSource& merges,
                                        const VocabularyCompanions& companions) {
  const JsonObject file(vocabulary, detail::tokenizer_limits);
  const std::vector<detail::AddedToken> added = companions.added();
  detail::NumberedTokens tokens(file);
  tokens.place_all(file.json());
  for (const detail::AddedToken& one : added) tokens.place(one.content, one.id);
  TokenTable table;
  table.tokens = tokens.take();
  table.merges = read_merges_text(merges);
  const std::vector<bool> text = detail::which_are_text(table);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string& name = table.tokens[i];
    table.kinds.push_back(text[i] ? TokenKind::normal : detail::kind_of_name(name));
  }
  detail::name_added(file, table, text, added);
  detail::require_tokenizer(table, vocabulary.name());
  return table;
}

/// The text of a vocab.json. Error of code bad_data if a token is not UTF-8. Where a token need not
/// be made by a merge, tokens in reserve are left out: they would be text.
inline std::string vocabulary_text(const TokenTable& table) {
  const bool all = !table.whole_pieces && !table.sentence_pieces;
  std::string text = "{";
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    const bool unused = table.kinds[i] == TokenKind::unused;
    if (!all && unused && (table.sentence_pieces || bytes_of_letters(table.tokens[i]))) continue;
    text += detail::concat(
        {(text.size() == 1 ? "" : ","), detail::json_string(table.tokens[i]), ':', i});
  }
  return text += "}";
}

/// The text of a merges.txt.
inline std::string merges_text(const TokenTable& table) {
  std::string text = "#version: 0.2\n";
  for (const std::string& merge : table.merges) text += merge + '\n';
  return text;
}

}  // namespace OCTAVO_NAMESPACE
