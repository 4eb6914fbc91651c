// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/sentence_piece_file.hpp>
#include <octavo/interop/token_table.hpp>
#include <octavo/interop/tokenizer_json.hpp>
#include <octavo/interop/tokenizer_json_text.hpp>
#include <octavo/interop/vocabulary_files.hpp>

// The tokenizer of a folder in Hugging Face's format.
namespace OCTAVO_NAMESPACE {

namespace detail {

/// Reads those files of a folder that exist.
class TokenizerFolder {
 public:
  TokenizerFolder(const std::string& path, FileSystem& files) : path_(path), files_(files) {}

  std::optional<TokenTable> read(std::vector<std::string>& notes) const {
    const auto vocabulary = open("vocab.json");
    const auto json = open("tokenizer.json");
    const auto pieces = json || vocabulary ? nullptr : open("tokenizer.model");
    if (!json && !vocabulary && !pieces) return std::nullopt;
    const auto config = object("tokenizer_config.json");
    if (json) {
      TokenTable table = read_tokenizer_json(*json, notes);
      if (config) read_options(*config, true, table, notes);
      return table;
    }
    if (pieces) return with_config(read_sentence_piece_file(*pieces), config);
    const auto added = object("added_tokens.json"), special = object("special_tokens_map.json");
    const auto pointer = [](const auto& file) { return file ? &*file : nullptr; };
    TokenTable table =
        read_vocabulary_files(*vocabulary, FileSource(concat({path_, "/merges.txt"}), files_),
                              {pointer(added), pointer(special), pointer(config)});
    if (config) read_options(*config, false, table, notes);
    return table;
  }

 private:
  /// Checks the options that would add a space or tokens to a text, and sets the tokens around a
  /// text where they decide: the classes of Llama and Gemma make the template of a tokenizer.json
  /// from them, GPT-2's takes add_bos_token. A tokenizer.json says for itself what SentencePiece's
  /// texts begin with.
  static void read_options(const JsonObject& config, bool json, TokenTable& table,
                           std::vector<std::string>& notes) {
    if (!table.sentence_pieces) config.demand("add_prefix_space", false);
    const auto& field = config.field("tokenizer_class");
    const std::string name = field.is_string() ? field.get<std::string>() : "GPT2Tokenizer";
    const bool gpt2 = !json && name.starts_with("GPT2");
    const bool llama = json && (name.starts_with("Llama") || name.starts_with("Gemma"));
    for (const bool before : {true, false}) {
      const char* const key = before ? "add_bos_token" : "add_eos_token";
      std::vector<Token>& tokens = before ? table.frame.before : table.frame.after;
      const auto& flag = config.field(key);
      if (!flag.is_boolean() || flag.get<bool>() != tokens.empty()) continue;
      const auto token = named_token(config, before ? "bos_token" : "eos_token", gpt2, table);
      const bool decides = (llama || (gpt2 && before)) && (!flag.get<bool>() || token);
      if (decides) {
        tokens.clear();
        if (flag.get<bool>()) tokens = {*token};
      } else if (flag.get<bool>() || json) {
        notes.push_back(concat({"'", key, "' of ", printable(config.name()), " is ",
                                JsonObject::shown(flag), " and is set aside: ",
                                (json ? "tokenizer.json says which tokens stand around a text"
                                      : "GPT-2's tokenizer adds no such token")}));
      }
    }
  }

  /// The token whose name is in this field, as a text or as an object's "content".
  static std::optional<Token> named_token(const JsonObject& config, const char* key, bool gpt2,
                                          const TokenTable& table) {
    const auto& field = config.field(key);
    const auto& content = field.is_object() ? field_of(field, "content") : field;
    if (!content.is_string() && !(gpt2 && field.is_null())) return std::nullopt;
    const auto found =
        std::find(table.tokens.begin(), table.tokens.end(),
                  content.is_string() ? content.get<std::string>() : "<|endoftext|>");
    if (found == table.tokens.end()) return std::nullopt;
    return static_cast<Token>(found - table.tokens.begin());
  }

  /// What tokenizer_config.json adds to a tokenizer.model: tokens, and which stand around a text.
  static TokenTable with_config(TokenTable table, const std::optional<JsonObject>& config) {
    const auto find = [&](const std::string& name) {
      return static_cast<std::size_t>(std::find(table.tokens.begin(), table.tokens.end(), name) -
                                      table.tokens.begin());
    };
    std::vector<AddedToken> added;
    if (config) added = VocabularyCompanions{nullptr, nullptr, &*config}.added();
    std::erase_if(added,
                  [&](const AddedToken& one) { return find(one.content) < table.tokens.size(); });
    std::sort(added.begin(), added.end(), [](const AddedToken& a, const AddedToken& b) {
      return a.id.get<Index>() < b.id.get<Index>();
    });
    for (const AddedToken& one : added) {
      const Index number = one.id.get<Index>();
      if (number < std::ssize(table.tokens) || number >= Index{BpeVocabulary::most_tokens}) {
        config->fail(concat({"token ", printable(one.content), ": its number is ", number,
                             ", expected a free one: ", table.tokens.size(), " to ",
                             BpeVocabulary::most_tokens - 1}));
      }
      add_reserve(table, number + 1);
      table.tokens.back() = one.content;
    }
    if (config) name_added(*config, table, std::vector<bool>(table.tokens.size()), added);
    for (const bool before : {true, false}) {
      const nlohmann::json& flag =
          config ? config->field(before ? "add_bos_token" : "add_eos_token") : nlohmann::json();
      if (flag.is_null() ? !before : flag != true) continue;
      for (const char* name : before ? std::array{"<s>", "<bos>"} : std::array{"</s>", "<eos>"}) {
        const std::size_t at = find(name);
        if (at == table.tokens.size() || table.kinds[at] != TokenKind::control) continue;
        (before ? table.frame.before : table.frame.after) = {static_cast<Token>(at)};
      }
    }
    require_tokenizer(table, config ? config->name() : "tokenizer.model");
    return table;
  }

  std::unique_ptr<FileSource> open(const char* name) const {
    try {
      return std::make_unique<FileSource>(concat({path_, "/", name}), files_);
    } catch (const IoError& error) {
      if (error.reason() != std::errc::no_such_file_or_directory) throw;
      return nullptr;
    }
  }
  std::optional<JsonObject> object(const char* name) const {
    const auto source = open(name);
    if (!source) return std::nullopt;
    return JsonObject(*source, tokenizer_limits);
  }

  std::string path_;
  FileSystem& files_;
};

}  // namespace detail

/// The vocabulary of tokenizer.json, or, if it is missing, of vocab.json, merges.txt and the files
/// beside them, or of tokenizer.model; nothing if there is none of these. FormatError if a file is
/// invalid. `notes` gets a line for each thing that is ignored.
inline std::optional<TokenTable> read_tokenizer_folder(const std::string& path,
                                                       std::vector<std::string>& notes,
                                                       FileSystem& files = real_file_system()) {
  return detail::TokenizerFolder(path, files).read(notes);
}
inline std::optional<TokenTable> read_tokenizer_folder(const std::string& path) {
  std::vector<std::string> notes;
  return read_tokenizer_folder(path, notes);
}

/// As above, for a model with `vocabulary` tokens: missing tokens are added in reserve; names
/// beyond the model's vocabulary (which a program added to the tokenizer only) are ignored.
/// FormatError if text needs one of these names.
inline std::optional<TokenTable> read_tokenizer_folder(const std::string& path, Index vocabulary,
                                                       std::vector<std::string>& notes,
                                                       FileSystem& files = real_file_system()) {
  auto table = read_tokenizer_folder(path, notes, files);
  if (!table) return table;
  const auto most = static_cast<std::size_t>(vocabulary);
  const std::size_t count = table->tokens.size();
  for (std::size_t i = most; i < count; ++i) {
    if (table->kinds[i] != TokenKind::normal) continue;
    throw FormatError(detail::concat({"cannot load ", printable(path), ": its tokenizer has ",
                                      count, " tokens, config.json's vocab_size is ", vocabulary}));
  }
  if (count > most) {
    notes.push_back(detail::concat(
        {"tokens ", most, " to ", count - 1, " of the tokenizer are set aside, from ",
         printable(table->tokens[most]), " on: the model has none of these numbers"}));
    table->tokens.resize(most);
    table->kinds.resize(most);
    table->rules.erase(table->rules.lower_bound(static_cast<Token>(most)), table->rules.end());
    if (!table->scores.empty()) table->scores.resize(most);
    for (auto* const tokens : {&table->frame.before, &table->frame.after}) {
      std::erase_if(*tokens, [&](Token token) { return token >= static_cast<Token>(most); });
    }
  }
  add_reserve(*table, vocabulary);
  return table;
}

namespace detail {

/// The rules of names that vocab.json and merges.txt cannot express; empty if there are none.
inline std::string added_tokens_decoder(const TokenTable& table) {
  bool plain = table.rules.empty();
  for (std::size_t i = 0; plain && i < table.tokens.size(); ++i) {
    plain = !is_added(table, i) || kind_of_name(table.tokens[i]) == table.kinds[i];
  }
  if (plain) return {};
  std::string text;
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    if (!is_added(table, i)) continue;
    text += concat({(text.empty() ? "" : ","), "\n    \"", i, "\": {", added_fields(table, i)});
  }
  return concat({",\n  \"added_tokens_decoder\": {", text, "\n  }"});
}

inline std::string tokenizer_config_text(const TokenTable& table) {
  std::string text =
      "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n"
      "  \"clean_up_tokenization_spaces\": false";
  const auto name = [&](const char* role, TokenKind kind) {
    const auto found = std::find(table.kinds.begin(), table.kinds.end(), kind);
    if (found == table.kinds.end()) return;
    const std::string& token = table.tokens[static_cast<std::size_t>(found - table.kinds.begin())];
    text += detail::concat({",\n  \"", role, "\": ", json_string(token)});
  };
  const auto of_frame = [&](const char* role, const std::vector<Token>& tokens) {
    if (tokens.empty()) return name(role, TokenKind::control);
    text += detail::concat({",\n  \"", role, "\": ",
                            json_string(table.tokens[static_cast<std::size_t>(tokens.front())])});
  };
  of_frame("bos_token", table.frame.before);
  of_frame("eos_token", table.frame.after);
  name("unk_token", TokenKind::unknown);
  text += added_tokens_decoder(table);
  return detail::concat({text, "\n}\n"});
}

}  // namespace detail

/// Saves a vocabulary as tokenizer.json and tokenizer_config.json, and vocab.json and merges.txt if
/// it is split and merged as GPT-2's, in a folder, which is created if necessary; each file appears
/// whole or not at all. Error of code bad_data if a token is not UTF-8.
inline void save_tokenizer_folder(const std::string& path, const TokenTable& table,
                                  FileSystem& files = real_file_system()) {
  std::vector<std::pair<const char*, std::string>> texts = {
      {"tokenizer.json", tokenizer_json_text(table)},
      {"tokenizer_config.json", detail::tokenizer_config_text(table)}};
  if (table.is_as_gpt2()) {
    texts.emplace_back("vocab.json", vocabulary_text(table));
    texts.emplace_back("merges.txt", merges_text(table));
  }
  if (files.mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    throw IoError(ErrorCode::cannot_create,
                  detail::concat({"cannot create folder ", printable(path)}), detail::last_error(),
                  "check that the folder above it exists and can be written");
  }
  for (const auto& [name, text] : texts) {
    AtomicFile file(detail::concat({path, "/", name}), files);
    file.write(text);
    file.commit();
  }
}

}  // namespace OCTAVO_NAMESPACE
