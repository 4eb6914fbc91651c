// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/token_table.hpp>

// Tokens that Hugging Face's files add to a vocabulary. They are found in a text by their names
// before it is split: always, or, for special tokens, only if these are recognized.
namespace OCTAVO_NAMESPACE::detail {

inline constexpr JsonLimits tokenizer_limits{
    .names = 800'000, .values = 4'000'000, .nested = 8, .bytes = 96'000'000};

/// An added token, as in "added_tokens" of tokenizer.json.
struct AddedToken {
  std::string content;
  nlohmann::json id;
  bool special = false, strip_left = false, strip_right = false, single_word = false;
  bool normalized = false;  ///< searched after the others
};

/// The field of an object; null if it is missing, or if `object` is not an object.
inline const nlohmann::json& field_of(const nlohmann::json& object, const char* key) {
  static const nlohmann::json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return !object.is_object() || found == object.end() ? none : *found;
}

/// An added token from its fields. FormatError if a flag is neither true, false nor missing.
inline AddedToken added_token(const JsonObject& file, std::string content, const nlohmann::json& id,
                              const nlohmann::json& token) {
  const auto flag = [&](const char* key) {
    const auto& value = field_of(token, key);
    if (!value.is_null() && !value.is_boolean()) {
      file.fail(concat({"token ", printable(content), ": '", key, "' is ", JsonObject::shown(value),
                        ", expected true or false"}));
    }
    return value == true;
  };
  return {
      content,           id, flag("special"), flag("lstrip"), flag("rstrip"), flag("single_word"),
      flag("normalized")};
}

/// Places tokens by their numbers, which must be distinct and below 2^19. FormatError otherwise.
class NumberedTokens {
 public:
  explicit NumberedTokens(const JsonObject& file) : file_(file) {}

  void place(const std::string& token, const nlohmann::json& value) {
    const auto number = JsonObject::whole_value(value);
    const auto fail = [&](const std::string& expected) {
      file_.fail(concat({"token ", printable(token), ": its number is ", JsonObject::shown(value),
                         (value.is_string() ? " (a text)" : ""), ", expected ", expected}));
    };
    if (!number || *number < 0 || *number >= Index{BpeVocabulary::most_tokens}) {
      fail(concat({"0 to ", BpeVocabulary::most_tokens - 1}));
    }
    const auto at = static_cast<std::size_t>(*number);
    if (at >= tokens_.size()) tokens_.resize(at + 1);
    if (tokens_[at] && *tokens_[at] != token) {
      fail(concat({"a unique number: it is also that of ", printable(*tokens_[at])}));
    }
    tokens_[at] = token;
  }
  void place_all(const nlohmann::json& vocabulary) {
    for (const auto& [token, number] : vocabulary.items()) place(token, number);
  }

  /// The tokens in order; missing numbers become tokens in reserve.
  std::vector<std::string> take() {
    std::vector<std::string> all;
    for (const auto& token : tokens_) all.push_back(token.value_or(""));
    ReserveNames names(all);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!tokens_[i]) all[i] = names.next(i);
    }
    return all;
  }

 private:
  const JsonObject& file_;
  std::vector<std::optional<std::string>> tokens_;
};

/// For each token, whether it is the result of a merge.
inline std::vector<bool> which_are_made(const TokenTable& table) {
  std::unordered_set<std::string> made;
  for (std::string merge : table.merges) {
    const std::size_t space = merge.find(' ');
    if (space != merge.npos) made.insert(merge.erase(space, 1));
  }
  std::vector<bool> result;
  for (const std::string& token : table.tokens) result.push_back(made.contains(token));
  return result;
}

/// For each token, whether it is a single byte or the result of a merge.
inline std::vector<bool> which_are_text(const TokenTable& table) {
  std::vector<bool> result = which_are_made(table);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto bytes = bytes_of_letters(table.tokens[i]);
    result[i] = result[i] || (bytes && bytes->size() == 1);
  }
  return result;
}

/// Sets the kinds of added tokens in the table. A token of the text that is also found by its name
/// keeps its kind and gets a rule. FormatError if Octavo would find a token at other places.
inline void name_added(const JsonObject& file, TokenTable& table, const std::vector<bool>& is_text,
                       const std::vector<AddedToken>& added) {
  std::unordered_map<std::string_view, std::size_t> number;
  for (std::size_t i = 0; i < table.tokens.size(); ++i) number.emplace(table.tokens[i], i);
  // Where texts are not changed, there is nothing to search for late but between other names.
  const bool late =
      std::any_of(added.begin(), added.end(), [](auto& one) { return one.normalized; });
  const bool changes = table.normalized || table.sentence_pieces;
  const bool early =
      std::any_of(added.begin(), added.end(), [](auto& one) { return !one.normalized; });
  for (const AddedToken& one : added) {
    const std::size_t at = number.at(one.content);
    NameRule rule{.strip_left = one.strip_left,
                  .strip_right = one.strip_right,
                  .late = one.normalized && (changes || (late && early)),
                  .single_word = one.single_word};
    if (!is_text[at]) {
      table.kinds[at] = one.special ? TokenKind::control : TokenKind::user_defined;
    } else if (table.sentence_pieces || bytes_of_letters(one.content) == one.content) {
      (one.special ? rule.recognized : rule.always) = true;
    } else {
      file.fail(concat({"token ", printable(one.content),
                        " was added, but its letters stand for other bytes of the text"}));
    }
    if (rule != NameRule{}) table.rules[static_cast<Token>(at)] = rule;
  }
}

/// FormatError unless Octavo can make a tokenizer of the table.
inline void require_tokenizer(const TokenTable& table, const std::string& name) {
  try {
    tokenizer_of(table);
  } catch (const ConfigError& error) {
    throw FormatError(concat({"cannot load ", printable(name), ": ", error.what()}));
  }
}

/// A text as a JSON string. Error of code bad_data if it is not UTF-8.
inline std::string json_string(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::bad_data,
                concat({"cannot write token ", printable(text), " in JSON: it is not UTF-8"}));
  }
}

/// Whether Hugging Face's files add this token to the vocabulary. SentencePiece's unknown token is
/// found by its name as well.
inline bool is_added(const TokenTable& table, std::size_t i) {
  const auto rule = table.rules.find(static_cast<Token>(i));
  return (table.sentence_pieces && table.kinds[i] == TokenKind::unknown) ||
         table.kinds[i] == TokenKind::control || table.kinds[i] == TokenKind::user_defined ||
         rule != table.rules.end();
}

/// The fields of an added token in Hugging Face's files.
inline std::string added_fields(const TokenTable& table, std::size_t i) {
  const auto found = table.rules.find(static_cast<Token>(i));
  const NameRule rule = found == table.rules.end() ? NameRule{} : found->second;
  const auto truth = [](bool value) { return value ? "true" : "false"; };
  return concat({"\"content\": ", json_string(table.tokens[i]), ", \"single_word\": ",
                 truth(rule.single_word), ", \"lstrip\": ", truth(rule.strip_left),
                 ", \"rstrip\": ", truth(rule.strip_right), ", \"normalized\": ", truth(rule.late),
                 ", \"special\": ",
                 truth(table.kinds[i] == TokenKind::control ||
                       table.kinds[i] == TokenKind::unknown || rule.recognized),
                 "}"});
}

}  // namespace OCTAVO_NAMESPACE::detail
