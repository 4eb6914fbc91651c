// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/checkpoint/json_object.hpp>
#include <octavo/checkpoint/token_table.hpp>
#include <octavo/files/byte_source.hpp>

// GPT-2's own two files: vocab.json has each token's number, merges.txt a merge a line.
namespace OCTAVO_NAMESPACE {
namespace detail {

inline constexpr JsonLimits tokenizer_limits{
    .names = 300'000, .values = 1'500'000, .nested = 8, .bytes = 32'000'000};

/// Places tokens by their numbers: each must have one within `tokens` that no other has.
/// FormatError otherwise.
inline void read_numbered(const JsonObject& file, const nlohmann::json& vocabulary,
                          std::vector<std::optional<std::string>>& tokens) {
  for (const auto& [token, value] : vocabulary.items()) {
    const auto fail = [&file, &name = token, &got = value] {
      file.fail(
          detail::concat({"token ", printable(name), ": its number is ", printable(got.dump()),
                          ", expected one of its own from 0 on, and none left out"}));
    };
    if (!value.is_number_unsigned()) fail();
    const auto number = value.get<std::uint64_t>();
    if (number >= tokens.size()) fail();
    auto& place = tokens[static_cast<std::size_t>(number)];
    if (place && *place != token) fail();
    place = token;
  }
}

/// Whether each token is a single byte or what a merge makes.
inline std::vector<bool> which_are_text(const TokenTable& table) {
  std::unordered_set<std::string> made;
  for (std::string merge : table.merges) {
    const std::size_t space = merge.find(' ');
    if (space != merge.npos) made.insert(merge.erase(space, 1));
  }
  std::vector<bool> result;
  for (const std::string& token : table.tokens) {
    const auto bytes = bytes_of_letters(token);
    result.push_back((bytes && bytes->size() == 1) || made.contains(token));
  }
  return result;
}

/// FormatError unless Octavo has such a tokenizer.
inline void require_tokenizer(const TokenTable& table, const std::string& name) {
  try {
    tokenizer_of(table);
  } catch (const ConfigError& error) {
    throw FormatError(detail::concat({"cannot load ", printable(name), ": ", error.what()}));
  }
}

/// A JSON string. Error of code bad_data if it is no UTF-8.
inline std::string json_string(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::bad_data, detail::concat({"cannot write token ", printable(text),
                                                     " in JSON: it is no UTF-8"}));
  }
}

}  // namespace detail

/// The lines of a merges.txt behind "#version", if that is there. FormatError if it is too large.
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
  for (bool first = true; !rest.empty(); first = false) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (first && line.starts_with("#version")) continue;
    if (merges.size() == BpeVocabulary::most_merges) fail("it has more than 2^18 merges");
    merges.emplace_back(line);
  }
  return merges;
}

/// A vocabulary from vocab.json and merges.txt. What is no byte and no merge makes it is a token
/// beside the text: "<unk>" the unknown one, "<unused..." and "[PAD..." reserve, others end a text
/// or the like. FormatError, naming a file, if it is none of characters or byte pairs.
inline TokenTable read_vocabulary_files(const ByteSource& vocabulary, const ByteSource& merges) {
  const JsonObject file(vocabulary, detail::tokenizer_limits);
  const std::size_t count = file.json().size();
  if (count > BpeVocabulary::most_tokens) file.fail("it has more than 2^18 tokens");
  std::vector<std::optional<std::string>> tokens(count);
  detail::read_numbered(file, file.json(), tokens);
  TokenTable table;
  for (auto& token : tokens) table.tokens.push_back(std::move(*token));  // as many as numbers
  table.merges = read_merges_text(merges);
  const std::vector<bool> text = detail::which_are_text(table);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& name = table.tokens[i];
    table.kinds.push_back(text[i]           ? TokenKind::normal
                          : name == "<unk>" ? TokenKind::unknown
                          : name.starts_with("<unused") || name.starts_with("[PAD")
                              ? TokenKind::unused
                              : TokenKind::control);
  }
  detail::require_tokenizer(table, vocabulary.name());
  return table;
}

/// A vocab.json. Error of code bad_data if a token is no UTF-8.
inline std::string vocabulary_text(const TokenTable& table) {
  std::string text = "{";
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    text += detail::concat({(i == 0 ? "" : ","), detail::json_string(table.tokens[i]), ':', i});
  }
  return text += "}";
}

/// A merges.txt.
inline std::string merges_text(const TokenTable& table) {
  std::string text = "#version: 0.2\n";
  for (const std::string& merge : table.merges) text += merge + '\n';
  return text;
}

}  // namespace OCTAVO_NAMESPACE
