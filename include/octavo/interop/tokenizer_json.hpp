// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/token_table.hpp>
#include <octavo/interop/vocabulary_files.hpp>

// tokenizer.json of Hugging Face's library tokenizers, for GPT-2's byte-level byte-pair encoding.
namespace OCTAVO_NAMESPACE {
namespace detail {

/// Reads a tokenizer.json; refuses everything that would change how a text is encoded.
class TokenizerJson {
 public:
  using Json = nlohmann::json;

  TokenizerJson(const ByteSource& source, std::vector<std::string>& notes)
      : file_(source, tokenizer_limits) {
    check_normalizer();
    check_pre_tokenizer();
    check_byte_level("post_processor", file_.field("post_processor"));
    check_byte_level("decoder", file_.field("decoder"));
    check_model();
    read_tokens();
    read_merges();
    name_kinds(notes);
    require_tokenizer(table_, source.name());
  }

  TokenTable take() { return std::move(table_); }

 private:
  [[noreturn]] void refuse(const std::string& what, const Json& got, const std::string& expected,
                           bool text = false) const {
    file_.fail(concat({"'", what, "': got ", JsonObject::shown(got),
                       (got.is_string() && !text ? " (a text)" : ""), ", expected ", expected}));
  }

  /// The parts of a Sequence, or the single part, or none.
  static std::vector<const Json*> parts_of(const Json& part, const char* list) {
    if (part.is_null()) return {};
    const Json& parts = field_of(part, list);
    if (field_of(part, "type") != "Sequence" || !parts.is_array()) return {&part};
    std::vector<const Json*> all;
    for (const Json& one : parts) {
      const auto inner = parts_of(one, list);
      all.insert(all.end(), inner.begin(), inner.end());
    }
    return all;
  }

  void check_normalizer() const {
    for (const Json* const part : parts_of(file_.field("normalizer"), "normalizers")) {
      refuse("normalizer", *part, "null");
    }
  }

  /// ByteLevel with its own pattern, which is GPT-2's, or a Split with that pattern before it.
  void check_pre_tokenizer() const {
    const std::string name = "pre_tokenizer";
    const auto parts = parts_of(file_.field("pre_tokenizer"), "pretokenizers");
    const bool split = parts.size() == 2 && field_of(*parts[0], "type") == "Split";
    if (parts.size() != (split ? 2u : 1u) || field_of(*parts.back(), "type") != "ByteLevel") {
      refuse(name, file_.field("pre_tokenizer"), "one of type 'ByteLevel'");
    }
    if (split) check_split(*parts[0]);
    const Json& prefix = field_of(*parts.back(), "add_prefix_space");
    if (prefix != false) refuse(concat({name, ".add_prefix_space"}), prefix, "false");
    const Json& pattern = field_of(*parts.back(), "use_regex");
    if (split ? pattern != false : !pattern.is_null() && pattern != true) {
      refuse(concat({name, ".use_regex"}), pattern, split ? "false" : "true");
    }
  }

  void check_split(const Json& split) const {
    const Json gpt2 =
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
    const Json other = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
    const Json& pattern = field_of(field_of(split, "pattern"), "Regex");
    if (pattern != gpt2 && pattern != other) {
      refuse("pre_tokenizer.pattern", field_of(split, "pattern"), "GPT-2's");
    }
    if (field_of(split, "behavior") != "Isolated" || field_of(split, "invert") == true) {
      refuse("pre_tokenizer", split, "a Split that is 'Isolated' and not inverted");
    }
  }

  /// Parts that do not change tokens: any number of ByteLevel parts, and a template of only the
  /// text.
  void check_byte_level(const char* name, const Json& part) const {
    for (const Json* const one :
         parts_of(part, name == std::string_view("decoder") ? "decoders" : "processors")) {
      if (field_of(*one, "type") == "ByteLevel" || is_plain_template(*one)) continue;
      refuse(name, *one, "one of type 'ByteLevel'");
    }
  }

  static bool is_plain_template(const Json& part) {
    const Json& single = field_of(part, "single");
    return field_of(part, "type") == "TemplateProcessing" && single.is_array() &&
           single.size() == 1 && field_of(field_of(single[0], "Sequence"), "id") == "A";
  }

  const Json& model(const char* key) const { return field_of(file_.field("model"), key); }

  void check_model() const {
    if (!file_.field("model").is_object()) file_.fail("'model' is not an object");
    const auto demand = [&](const char* key, const Json& value) {
      if (!model(key).is_null() && model(key) != value) {
        refuse(concat({"model.", key}), model(key), JsonObject::shown(value), value.is_string());
      }
    };
    demand("type", "BPE");
    demand("dropout", 0.0);
    demand("continuing_subword_prefix", "");
    demand("end_of_word_suffix", "");
    demand("fuse_unk", false);
    demand("byte_fallback", false);
    demand("ignore_merges", false);
    if (!model("vocab").is_object()) file_.fail("'model.vocab' is not an object");
    if (!model("merges").is_array()) file_.fail("'model.merges' is not a list");
    if (!model("unk_token").is_null() && !model("unk_token").is_string()) {
      refuse("model.unk_token", model("unk_token"), "a token or null");
    }
  }

  /// Tokens of the model and added tokens; some may be in both. Missing numbers become tokens in
  /// reserve.
  void read_tokens() {
    const Json& list = file_.field("added_tokens");
    if (!list.is_null() && !list.is_array()) file_.fail("'added_tokens' is not a list");
    std::set<std::string> contents;
    NumberedTokens tokens(file_);
    tokens.place_all(model("vocab"));
    for (const Json& token : list) {
      const Json& content = field_of(token, "content");
      if (!content.is_string()) refuse("added_tokens", token, "tokens, each with a 'content'");
      const std::string name = content.get<std::string>();
      if (!contents.insert(name).second) {
        file_.fail(concat({"'added_tokens': token ", printable(name), " occurs twice"}));
      }
      added_.push_back(added_token(file_, name, field_of(token, "id"), token));
      tokens.place(name, added_.back().id);
    }
    table_.tokens = tokens.take();
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

  /// Tokens that are neither text nor added nor unknown are in reserve.
  void name_kinds(std::vector<std::string>& notes) {
    const std::vector<bool> text = which_are_text(table_);
    for (std::size_t i = 0; i < text.size(); ++i) {
      table_.kinds.push_back(text[i] ? TokenKind::normal : TokenKind::unused);
    }
    name_added(file_, table_, text, added_, notes);
    if (!model("unk_token").is_string()) return;
    const std::string unknown = model("unk_token").get<std::string>();
    const auto found = std::find(table_.tokens.begin(), table_.tokens.end(), unknown);
    const auto at = static_cast<std::size_t>(found - table_.tokens.begin());
    if (found == table_.tokens.end() || text[at]) {
      refuse("model.unk_token", unknown, "a token that is neither a byte nor made by a merge",
             true);
    }
    // A tokenizer that knows every byte never uses the unknown token; it then keeps the kind that
    // it was added with.
    const auto is_byte = [](const std::string& token) {
      const auto bytes = bytes_of_letters(token);
      return bytes && bytes->size() == 1;
    };
    const auto bytes = std::count_if(table_.tokens.begin(), table_.tokens.end(), is_byte);
    if (bytes == 256 && table_.kinds[at] != TokenKind::unused) return;
    table_.kinds[at] = TokenKind::unknown;
    table_.rules.erase(static_cast<Token>(at));
  }

  JsonObject file_;
  std::vector<AddedToken> added_;
  TokenTable table_;
};

}  // namespace detail

/// The vocabulary of a tokenizer.json. FormatError, naming the field, if Octavo's tokenizers would
/// give other tokens.
inline TokenTable read_tokenizer_json(const ByteSource& source, std::vector<std::string>& notes) {
  return detail::TokenizerJson(source, notes).take();
}

/// The text of a tokenizer.json. Error of code bad_data if a token is not UTF-8.
inline std::string tokenizer_json_text(const TokenTable& table) {
  using detail::json_string;
  std::string added, unknown = "null", merges;
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    if (table.kinds[i] == TokenKind::unknown) unknown = json_string(table.tokens[i]);
    if (!detail::is_added(table, i)) continue;
    added += (added.empty() ? "\n    " : ",\n    ");
    added += detail::concat({"{\"id\": ", i, ", ", detail::added_fields(table, i)});
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
