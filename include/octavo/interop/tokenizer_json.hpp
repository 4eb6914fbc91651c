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
#include <octavo/base/utf8.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/token_table.hpp>
#include <octavo/interop/tokenizer_json_parts.hpp>

// tokenizer.json of Hugging Face's library tokenizers, for byte-pair encodings: byte-level ones
// (GPT-2, Llama 3, Qwen2, SmolLM, Mistral-Nemo) and SentencePiece's (Llama 2, Mistral, Gemma).
namespace OCTAVO_NAMESPACE {
namespace detail {

/// Reads a tokenizer.json; refuses everything that would change how a text is encoded.
class TokenizerJson {
 public:
  using Json = nlohmann::json;

  TokenizerJson(const ByteSource& source, std::vector<std::string>& notes)
      : file_(source, tokenizer_limits) {
    TokenizerParts parts(file_, table_);
    check_model();
    read_tokens();
    read_merges();
    if (table_.sentence_pieces) {
      name_pieces(notes);
    } else {
      name_kinds();
    }
    parts.find_frame();
    require_tokenizer(table_, source.name());
  }

  TokenTable take() { return std::move(table_); }

 private:
  [[noreturn]] void refuse(const std::string& what, const Json& got, const std::string& expected,
                           bool text = false) const {
    file_.fail(concat({"'", what, "': got ", JsonObject::shown(got),
                       (got.is_string() && !text ? " (a text)" : ""), ", expected ", expected}));
  }

  const Json& model(const char* key) const { return field_of(file_.field("model"), key); }

  void check_model() {
    if (!file_.field("model").is_object()) file_.fail("'model' is not an object");
    const auto demand = [&](const char* key, const Json& value) {
      if (!model(key).is_null() && model(key) != value) {
        refuse(concat({"model.", key}), model(key), JsonObject::shown(value), value.is_string());
      }
    };
    const auto flag = [&](const char* key) {
      const Json& value = model(key);
      if (!value.is_null() && !value.is_boolean()) {
        refuse(concat({"model.", key}), value, "true or false");
      }
      return value == true;
    };
    demand("type", "BPE");
    demand("dropout", 0.0);
    demand("continuing_subword_prefix", "");
    demand("end_of_word_suffix", "");
    if (table_.sentence_pieces) {
      demand("ignore_merges", false);
      table_.fuse_unknown = flag("fuse_unk");
      byte_fallback_ = flag("byte_fallback");
    } else {
      demand("fuse_unk", false);
      demand("byte_fallback", false);
      table_.whole_pieces = flag("ignore_merges");
    }
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
    if (list.size() > BpeVocabulary::most_merges) file_.fail("it has more than 2^20 merges");
    for (const Json& merge : list) {
      const bool pair =
          merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
      if (!pair && !merge.is_string()) refuse("model.merges", merge, "two tokens");
      table_.merges.push_back(pair ? merge[0].get<std::string>() + ' ' + merge[1].get<std::string>()
                                   : merge.get<std::string>());
    }
  }

  /// The place of the unknown token in the table, or its end.
  std::size_t unknown_at() const {
    if (!model("unk_token").is_string()) return table_.tokens.size();
    const auto found = std::find(table_.tokens.begin(), table_.tokens.end(),
                                 model("unk_token").get<std::string>());
    return static_cast<std::size_t>(found - table_.tokens.begin());
  }

  bool in_model(const std::string& token) const { return model("vocab").contains(token); }

  /// Tokens that are neither text nor added nor unknown are in reserve.
  void name_kinds() {
    std::vector<bool> text = which_are_text(table_);
    if (table_.whole_pieces) {  // a token need not be the result of a merge
      std::set<std::string_view> others;
      for (const AddedToken& one : added_) others.insert(one.content);
      for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string& token = table_.tokens[i];
        text[i] = text[i] || (in_model(token) && !others.contains(token) &&
                              bytes_of_letters(token).has_value());
      }
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
      table_.kinds.push_back(text[i] ? TokenKind::normal : TokenKind::unused);
    }
    name_added(file_, table_, text, added_);
    if (!model("unk_token").is_string()) return;
    const std::size_t at = unknown_at();
    if (at == table_.tokens.size() || text[at]) {
      refuse("model.unk_token", model("unk_token"),
             "a token that is neither a byte nor made by a merge", true);
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

  /// Every token of the model is text, unless it is a byte, unknown or added.
  void name_pieces(std::vector<std::string>& notes) {
    const std::vector<bool> made = which_are_made(table_);
    std::vector<bool> text;
    for (std::size_t i = 0; i < table_.tokens.size(); ++i) {
      const std::string& token = table_.tokens[i];
      const bool byte = byte_fallback_ && byte_of_token_name(token) >= 0;
      text.push_back(!byte && (made[i] || utf8_length(token) == token.size()));
      table_.kinds.push_back(byte              ? TokenKind::byte
                             : in_model(token) ? TokenKind::normal
                                               : TokenKind::unused);
    }
    const std::size_t unknown = unknown_at();
    if (model("unk_token").is_string() && (unknown == text.size() || text[unknown])) {
      refuse("model.unk_token", model("unk_token"), "a token that is not part of a text", true);
    }
    std::erase_if(added_, [&](const AddedToken& one) {
      if (table_.kinds[static_cast<std::size_t>(one.id.get<Index>())] != TokenKind::byte) {
        return false;
      }
      notes.push_back(concat({"token ", printable(one.content), " of ", printable(file_.name()),
                              " was added, and is set aside: it is a byte's"}));
      return true;
    });
    name_added(file_, table_, text, added_);
    if (unknown == text.size()) return;
    table_.kinds[unknown] = TokenKind::unknown;
  }

  JsonObject file_;
  std::vector<AddedToken> added_;
  TokenTable table_;
  bool byte_fallback_ = false;
};

}  // namespace detail

/// The vocabulary of a tokenizer.json. FormatError, naming the field, if Octavo's tokenizers would
/// give other tokens.
inline TokenTable read_tokenizer_json(const ByteSource& source, std::vector<std::string>& notes) {
  return detail::TokenizerJson(source, notes).take();
}

}  // namespace OCTAVO_NAMESPACE
