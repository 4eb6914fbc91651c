// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/checkpoint/json_object.hpp>
#include <octavo/checkpoint/token_table.hpp>
#include <octavo/checkpoint/vocabulary_files.hpp>
#include <octavo/files/byte_source.hpp>

// tokenizer.json of Hugging Face's library tokenizers, for byte-level byte-pair encoding as GPT-2
// has it.
namespace OCTAVO_NAMESPACE {
namespace detail {

/// Reads one; every step refuses what would change how a text is encoded.
class TokenizerJson {
 public:
  using Json = nlohmann::json;

  explicit TokenizerJson(const ByteSource& source) : file_(source, tokenizer_limits) {
    file_.demand("normalizer", nullptr);
    check_byte_level("pre_tokenizer", file_.field("pre_tokenizer"), false);
    check_byte_level("post_processor", file_.field("post_processor"), true);
    check_byte_level("decoder", file_.field("decoder"), true);
    check_model();
    read_tokens();
    read_merges();
    name_kinds();
    require_tokenizer(table_, source.name());
  }

  TokenTable take() { return std::move(table_); }

 private:
  static const Json& of(const Json& object, const char* key) {
    static const Json none;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found == object.end() ? none : *found;
  }

  [[noreturn]] void refuse(const std::string& what, const Json& got,
                           const std::string& expected) const {
    file_.fail(detail::concat({"'", what, "': got ",
                               printable(got.is_string() ? got.get<std::string>() : got.dump()),
                               ", expected ", expected}));
  }

  void check_byte_level(const std::string& name, const Json& part, bool optional) const {
    if (optional && part.is_null()) return;
    if (of(part, "type") != "ByteLevel") refuse(name, part, "one of type 'ByteLevel'");
    if (name != "pre_tokenizer") return;
    const Json& prefix = of(part, "add_prefix_space");
    if (prefix != false) refuse(detail::concat({name, ".add_prefix_space"}), prefix, "false");
    const Json& pattern = of(part, "use_regex");
    if (!pattern.is_null() && pattern != true)
      refuse(detail::concat({name, ".use_regex"}), pattern, "true");
  }

  const Json& model(const char* key) const { return of(file_.field("model"), key); }

  void check_model() const {
    if (!file_.field("model").is_object()) file_.fail("'model' is no object");
    const auto demand = [&](const char* key, const Json& value) {
      if (!model(key).is_null() && model(key) != value) {
        refuse(detail::concat({"model.", key}), model(key), value.dump());
      }
    };
    demand("type", "BPE");
    demand("dropout", 0.0);
    demand("continuing_subword_prefix", "");
    demand("end_of_word_suffix", "");
    demand("fuse_unk", false);
    demand("byte_fallback", false);
    demand("ignore_merges", false);
    if (!model("vocab").is_object()) file_.fail("'model.vocab' is no object");
    if (!model("merges").is_array()) file_.fail("'model.merges' is no list");
    if (!model("unk_token").is_null() && !model("unk_token").is_string()) {
      refuse("model.unk_token", model("unk_token"), "a token or null");
    }
  }

  /// Those of the model and those that were added, some of which may be in both.
  void read_tokens() {
    Json added = Json::object();
    const Json& list = file_.field("added_tokens");
    if (!list.is_null() && !list.is_array()) file_.fail("'added_tokens' is no list");
    for (const Json& token : list) {
      const Json& content = of(token, "content");
      if (!content.is_string()) refuse("added_tokens", token, "tokens, each with a 'content'");
      if (!added.emplace(content.get<std::string>(), of(token, "id")).second) {
        file_.fail(detail::concat(
            {"'added_tokens': token ", printable(content.get<std::string>()), " is there twice"}));
      }
      const bool special = of(token, "special") == true;
      added_.emplace_back(content.get<std::string>(),
                          special ? TokenKind::control : TokenKind::user_defined);
    }
    std::size_t count = model("vocab").size();
    for (const auto& [token, number] : added.items()) count += !model("vocab").contains(token);
    if (count > BpeVocabulary::most_tokens) file_.fail("it has more than 2^18 tokens");
    std::vector<std::optional<std::string>> tokens(count);
    read_numbered(file_, model("vocab"), tokens);
    read_numbered(file_, added, tokens);
    for (std::size_t i = 0; i < count; ++i) {
      if (!tokens[i]) file_.fail(detail::concat({"no token has the number ", i}));
      table_.tokens.push_back(std::move(*tokens[i]));
    }
  }

  /// "a b" or ["a", "b"].
  void read_merges() {
    const Json& list = model("merges");
    if (list.size() > BpeVocabulary::most_merges) file_.fail("it has more than 2^18 merges");
    for (const Json& merge : list) {
      const bool pair =
          merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
      if (!pair && !merge.is_string()) refuse("model.merges", merge, "two tokens");
      table_.merges.push_back(pair ? merge[0].get<std::string>() + ' ' + merge[1].get<std::string>()
                                   : merge.get<std::string>());
    }
  }

  /// What is neither text nor added nor the unknown token is in reserve.
  void name_kinds() {
    const std::vector<bool> text = which_are_text(table_);
    for (std::size_t i = 0; i < text.size(); ++i) {
      table_.kinds.push_back(text[i] ? TokenKind::normal : TokenKind::unused);
    }
    std::unordered_map<std::string_view, std::size_t> number;
    for (std::size_t i = 0; i < text.size(); ++i) number.emplace(table_.tokens[i], i);
    const auto name = [&](const std::string& token, TokenKind kind, const char* where) {
      const auto found = number.find(token);
      if (found == number.end() || text[found->second]) {
        refuse(where, token, "a token that is neither a byte nor made by a merge");
      }
      table_.kinds[found->second] = kind;
    };
    for (const auto& [token, kind] : added_) name(token, kind, "added_tokens");
    if (model("unk_token").is_string()) {
      name(model("unk_token").get<std::string>(), TokenKind::unknown, "model.unk_token");
    }
  }

  JsonObject file_;
  std::vector<std::pair<std::string, TokenKind>> added_;
  TokenTable table_;
};

}  // namespace detail

/// The vocabulary of a tokenizer.json. FormatError, naming the field, if what it does is not what a
/// tokenizer of characters or byte pairs does.
inline TokenTable read_tokenizer_json(const ByteSource& source) {
  return detail::TokenizerJson(source).take();
}

/// A tokenizer.json. Error of code bad_data if a token is no UTF-8.
inline std::string tokenizer_json_text(const TokenTable& table) {
  using detail::json_string;
  std::string added, unknown = "null", merges;
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    const TokenKind kind = table.kinds[i];
    if (kind == TokenKind::unknown) unknown = json_string(table.tokens[i]);
    if (kind != TokenKind::control && kind != TokenKind::user_defined) continue;
    added += (added.empty() ? "\n    " : ",\n    ");
    added += detail::concat(
        {"{\"id\": ", i, ", \"content\": ", json_string(table.tokens[i]),
         ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": ",
         "false, \"special\": ", (kind == TokenKind::control ? "true}" : "false}")});
  }
  for (const std::string& merge : table.merges) {
    merges += (merges.empty() ? "\n      " : ",\n      ") + json_string(merge);
  }
  const std::string byte_level =
      "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "
      "\"use_regex\": true}";
  return detail::concat(
      {"{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
       "  \"added_tokens\": [",
       added, "],\n  \"normalizer\": null,\n  \"pre_tokenizer\": ", byte_level,
       ",\n  \"post_processor\": null,\n  \"decoder\": ", byte_level,
       ",\n  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": ",
       unknown,
       ",\n    \"continuing_subword_prefix\": \"\",\n    \"end_of_word_suffix\": \"\",\n"
       "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"vocab\": ",
       vocabulary_text(table), ",\n    \"merges\": [", merges, "]\n  }\n}\n"});
}

}  // namespace OCTAVO_NAMESPACE
