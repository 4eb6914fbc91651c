// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/interop/token_table.hpp>

// The vocabulary of a GGUF file, of kind "gpt2" (llama.cpp, src/llama-vocab.cpp).
namespace OCTAVO_NAMESPACE::detail {

inline constexpr std::size_t most_gguf_tokens = std::size_t{1} << 18;

/// Whether a file has a vocabulary of the kind that Octavo reads.
inline bool has_gguf_tokens(const GgufReader& file) {
  const std::string key = "tokenizer.ggml.model";
  return file.has(key) && file.text(key) == "gpt2";
}

/// Reads the tokens of a file; those that begin and end texts, and notes, go to the configuration.
class GgufTokensFile {
 public:
  /// The arguments must outlive this object.
  GgufTokensFile(const GgufReader& file, PretrainedConfig& config) : file_(file), config_(config) {}

  /// FormatError if an entry is missing or invalid.
  TokenTable read() {
    check_split();
    table_.tokens = file_.texts("tokenizer.ggml.tokens", most_gguf_tokens);
    if (const auto twice = table_.twice()) {
      file_.fail(
          concat({"entry 'tokenizer.ggml.tokens': token ", printable(*twice), " occurs twice"}));
    }
    table_.merges = file_.texts("tokenizer.ggml.merges", most_gguf_tokens);
    read_special_tokens();
    read_kinds();
    return std::move(table_);
  }

 private:
  /// FormatError unless texts are split as GPT-2 does; llama.cpp has several names for this.
  void check_split() {
    const std::string key = "tokenizer.ggml.pre";
    const std::string name = file_.has(key) ? file_.text(key) : std::string();
    constexpr std::array<std::string_view, 6> same{"gpt-2", "phi-2", "mpt",
                                                   "olmo",  "jais",  "trillion"};
    if (std::find(same.begin(), same.end(), name) != same.end()) return;
    if (!name.empty() && name != "default") file_.refuse(key, "'gpt-2'", true);
    config_.notes.push_back(
        "'tokenizer.ggml.pre' is " + std::string(name.empty() ? "missing" : "'default'") +
        ": texts are split as GPT-2's are, with which such models were trained (llama.cpp takes a "
        "pattern of its own there, which splits digits and punctuation otherwise, and warns)");
  }

  void read_special_tokens() {
    const auto token = [&](const char* key) -> std::optional<Token> {
      if (!file_.has(key)) return std::nullopt;
      const auto value = file_.any_whole(key);
      const Index most = std::ssize(table_.tokens) - 1;
      if (!value) file_.refuse(key, "a token's number");
      if (*value >= 0 && *value <= most) return static_cast<Token>(*value);
      config_.notes.push_back(concat(
          {"'", key, "' is ", *value, ", which no token has (0 to ", most, "): it is set aside"}));
      return std::nullopt;
    };
    config_.begin_token = token("tokenizer.ggml.bos_token_id");
    std::vector<Token> ends;
    for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
      const auto end = token(key);
      if (end && std::find(ends.begin(), ends.end(), *end) == ends.end()) ends.push_back(*end);
    }
    config_.set_end_tokens(ends);
    for (const char* key : {"tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token"}) {
      if (!file_.truth(key)) continue;
      config_.notes.push_back(
          concat({"'", key, "' is set aside: Octavo adds no tokens to a text"}));
    }
  }

  void read_kinds() {
    const std::size_t count = table_.tokens.size();
    table_.kinds.assign(count, TokenKind::normal);
    const std::string key = "tokenizer.ggml.token_type";
    if (file_.has(key)) {
      const auto numbers = file_.wholes(key, most_gguf_tokens);
      if (numbers.size() != count) file_.refuse(key, concat({"one for each of ", count}));
      for (std::size_t i = 0; i < count; ++i) {
        if (numbers[i] < 0 || numbers[i] > 6) {
          file_.fail(concat({"entry 'tokenizer.ggml.token_type': token ", i, " is of type ",
                             numbers[i], ", expected 0 to 6"}));
        }
        if (numbers[i] > 0) table_.kinds[i] = static_cast<TokenKind>(numbers[i]);
      }
    }
    const std::vector<bool> text = which_are_text(table_);
    for (std::size_t i = 0; i < count; ++i) set_kind(i, text[i]);
  }

  /// Sets a token's kind as llama.cpp treats it: a token that the merges make is text, whatever its
  /// stated kind; any other token occurs in a text only if its name is found.
  void set_kind(std::size_t i, bool text) {
    const std::string& name = table_.tokens[i];
    TokenKind& kind = table_.kinds[i];
    if (text && kind != TokenKind::normal) {
      if (has_name(kind) && bytes_of_letters(name) != name) return;
      if (kind == TokenKind::user_defined) table_.rules[static_cast<Token>(i)].always = true;
      if (kind == TokenKind::control) table_.rules[static_cast<Token>(i)].recognized = true;
      kind = TokenKind::normal;
    } else if (!text && kind == TokenKind::normal) {
      const bool special = (name.starts_with("<|") && name.ends_with("|>")) ||
                           config_.begin_token == static_cast<Token>(i) ||
                           config_.end_token == static_cast<Token>(i);
      const bool unknown = name == "<unk>" || file_.any_whole("tokenizer.ggml.unknown_token_id") ==
                                                  static_cast<Index>(i);
      kind = unknown ? TokenKind::unknown : special ? TokenKind::control : TokenKind::unused;
    }
  }

  const GgufReader& file_;
  PretrainedConfig& config_;
  TokenTable table_;
};

/// Adds the entries of a vocabulary, and of the tokens that begin and end texts.
inline void add_gguf_tokens(const PretrainedConfig& config, const TokenTable& tokens,
                            GgufEntries& entries) {
  const auto whole = [&](std::string_view key, Index value) {
    entries.whole(key, static_cast<std::uint32_t>(value));
  };
  entries.text("tokenizer.ggml.model", "gpt2");
  entries.text("tokenizer.ggml.pre", "gpt-2");
  entries.texts("tokenizer.ggml.tokens", tokens.tokens);
  std::vector<std::int32_t> kinds;
  for (std::size_t i = 0; i < tokens.kinds.size(); ++i) {
    const auto rule = tokens.rules.find(static_cast<Token>(i));
    TokenKind kind = tokens.kinds[i];
    if (rule != tokens.rules.end() && rule->second.always) kind = TokenKind::user_defined;
    if (rule != tokens.rules.end() && rule->second.recognized) kind = TokenKind::control;
    kinds.push_back(static_cast<std::int32_t>(kind));
  }
  entries.numbers("tokenizer.ggml.token_type", kinds);
  entries.texts("tokenizer.ggml.merges", tokens.merges);
  whole("tokenizer.ggml.bos_token_id", *config.begin_token);
  whole("tokenizer.ggml.eos_token_id", *config.end_token);
  if (!config.other_end_tokens.empty()) {
    whole("tokenizer.ggml.eot_token_id", config.other_end_tokens.front());
  }
  const auto unknown = std::find(tokens.kinds.begin(), tokens.kinds.end(), TokenKind::unknown);
  if (unknown != tokens.kinds.end()) {
    whole("tokenizer.ggml.unknown_token_id", unknown - tokens.kinds.begin());
  }
  entries.truth("tokenizer.ggml.add_bos_token", false);
}

}  // namespace OCTAVO_NAMESPACE::detail
