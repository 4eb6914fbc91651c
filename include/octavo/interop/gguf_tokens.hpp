// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/interop/token_table.hpp>

// The vocabulary of a GGUF file: byte-level byte pairs ("gpt2") or SentencePiece's byte pairs with
// scores ("llama"); llama.cpp, src/llama-vocab.cpp.
namespace OCTAVO_NAMESPACE::detail {

inline constexpr std::size_t most_gguf_tokens = BpeVocabulary::most_tokens;

/// A value of "tokenizer.ggml.pre".
struct GgufSplit {
  std::string_view name;
  SplitPattern split;
  bool begins = false;  ///< a text begins with a token, unless the file says otherwise
};
/// The first of each pattern is the one that is written.
inline constexpr GgufSplit gguf_splits[] = {
    {"gpt-2", SplitPattern::gpt2},
    {"phi-2", SplitPattern::gpt2},
    {"mpt", SplitPattern::gpt2},
    {"olmo", SplitPattern::gpt2},
    {"jais", SplitPattern::gpt2},
    {"trillion", SplitPattern::gpt2},
    {"llama-bpe", SplitPattern::llama3, true},
    {"llama3", SplitPattern::llama3, true},
    {"llama-v3", SplitPattern::llama3, true},
    {"qwen2", SplitPattern::qwen2},
    {"deepseek-r1-qwen", SplitPattern::qwen2},
    {"megrez", SplitPattern::qwen2},
    {"smollm", SplitPattern::smollm},
    {"starcoder", SplitPattern::smollm},
    {"refact", SplitPattern::smollm},
    {"command-r", SplitPattern::smollm},
    {"codeshell", SplitPattern::smollm},
    {"exaone", SplitPattern::smollm},
    {"minerva-7b", SplitPattern::smollm},
    {"tekken", SplitPattern::tekken, true},
};

/// Whether a file has a vocabulary of a kind that Octavo reads.
inline bool has_gguf_tokens(const GgufReader& file) {
  const std::string key = "tokenizer.ggml.model";
  return file.has(key) && (file.text(key) == "gpt2" || file.text(key) == "llama");
}

/// Reads the tokens of a file; those that begin and end texts, and notes, go to the configuration.
class GgufTokensFile {
 public:
  /// The arguments must outlive this object.
  GgufTokensFile(const GgufReader& file, PretrainedConfig& config) : file_(file), config_(config) {}

  /// FormatError if an entry is missing or invalid.
  TokenTable read() {
    table_.sentence_pieces = file_.text("tokenizer.ggml.model") == "llama";
    table_.tokens = file_.texts("tokenizer.ggml.tokens", most_gguf_tokens);
    for (std::size_t i = 0; i < table_.tokens.size(); ++i) {  // llama.cpp's names
      if (table_.tokens[i].empty()) table_.tokens[i] = concat({"[EMPTY_", i, "]"});
    }
    if (const auto twice = table_.twice()) {
      file_.fail(
          concat({"entry 'tokenizer.ggml.tokens': token ", printable(*twice), " occurs twice"}));
    }
    if (table_.sentence_pieces) {
      read_pieces();
    } else {
      read_split();
      table_.merges = file_.texts("tokenizer.ggml.merges", BpeVocabulary::most_merges);
    }
    read_special_tokens();
    read_kinds();
    add_named_ends();
    return std::move(table_);
  }

 private:
  /// SentencePiece's byte pairs: llama.cpp puts a space before a text and after every name.
  void read_pieces() {
    table_.scores = file_.floats("tokenizer.ggml.scores", table_.tokens.size());
    const std::string space = "tokenizer.ggml.add_space_prefix";
    const bool spaced = !file_.has(space) || file_.truth(space);
    table_.prefix = spaced ? SpacePrefix::always : SpacePrefix::never;
    table_.strip_space = spaced;
    table_.fuse_unknown = true;
    begins_ = true;
  }

  /// Sets the pattern by which texts are split; FormatError for an unknown name.
  void read_split() {
    const std::string key = "tokenizer.ggml.pre";
    const std::string name = file_.has(key) ? file_.text(key) : std::string();
    for (const GgufSplit& known : gguf_splits) {
      if (known.name != name) continue;
      table_.split = known.split;
      table_.whole_pieces =
          known.split == SplitPattern::llama3 || known.split == SplitPattern::tekken;
      begins_ = known.begins;
      return;
    }
    if (!name.empty() && name != "default") {
      std::string names;
      for (const GgufSplit& known : gguf_splits) {
        names += concat({(names.empty() ? "'" : ", '"), known.name, "'"});
      }
      file_.refuse(key, concat({"one of ", names}), true);
    }
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
    for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                            "tokenizer.ggml.eom_token_id"}) {
      const auto end = token(key);
      if (end && std::find(ends.begin(), ends.end(), *end) == ends.end()) ends.push_back(*end);
    }
    config_.set_end_tokens(ends);
    const auto added = [&](const std::string& key, bool usual) {
      return file_.has(key) ? file_.truth(key) : usual;
    };
    if (added("tokenizer.ggml.add_bos_token", begins_) && config_.begin_token) {
      table_.frame.before = {*config_.begin_token};
    }
    if (added("tokenizer.ggml.add_eos_token", false) && config_.end_token) {
      table_.frame.after = {*config_.end_token};
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
    if (table_.sentence_pieces) return;
    const std::vector<bool> text = which_are_text(table_);
    for (std::size_t i = 0; i < count; ++i) set_kind(i, text[i]);
  }

  /// As llama.cpp does, stops also at control tokens that end a text or a turn by their name,
  /// whatever the entries say.
  void add_named_ends() {
    constexpr std::array<std::string_view, 14> names{"<|eot_id|>",
                                                     "<|im_end|>",
                                                     "<|end|>",
                                                     "<end_of_turn>",
                                                     "<|endoftext|>",
                                                     "<|eom_id|>",
                                                     "<EOT>",
                                                     "_<EOT>",
                                                     "[EOT]",
                                                     "[EOS]",
                                                     "<|return|>",
                                                     "<|end_of_text|>",
                                                     "<end_of_utterance>",
                                                     "<eos>"};
    std::vector<Token> ends = config_.end_tokens();
    for (std::size_t i = 0; i < table_.tokens.size(); ++i) {
      const auto token = static_cast<Token>(i);
      if (table_.kinds[i] == TokenKind::control &&
          std::find(names.begin(), names.end(), table_.tokens[i]) != names.end() &&
          std::find(ends.begin(), ends.end(), token) == ends.end()) {
        ends.push_back(token);
      }
    }
    config_.set_end_tokens(ends);
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
  bool begins_ = false;  ///< a text begins with a token where the file does not say
};

/// The score of each token that has none: merges come in the order of the tokens that they make.
inline std::vector<float> gguf_scores(const TokenTable& table) {
  if (!table.scores.empty()) return table.scores;
  std::unordered_map<std::string, float> first;
  for (std::size_t i = 0; i < table.merges.size(); ++i) {
    const std::string& merge = table.merges[i];
    const std::size_t space = merge.find(' ');
    first.emplace(merge.substr(0, space) + merge.substr(space + 1), -static_cast<float>(i));
  }
  std::vector<float> scores;
  const auto least = -static_cast<float>(table.merges.size() + 1);
  for (const std::string& token : table.tokens) {
    const auto found = first.find(token);
    scores.push_back(found == first.end() ? least : found->second);
  }
  return scores;
}

inline void add_gguf_pieces(const TokenTable& tokens, GgufEntries& entries) {
  entries.text("tokenizer.ggml.model", "llama");
  entries.text("tokenizer.ggml.pre", "default");
  entries.texts("tokenizer.ggml.tokens", tokens.tokens);
  entries.numbers("tokenizer.ggml.scores", std::span<const float>(gguf_scores(tokens)));
  entries.truth("tokenizer.ggml.add_space_prefix", tokens.prefix != SpacePrefix::never);
}

/// Adds the entries of a vocabulary, and of the tokens that begin and end texts.
inline void add_gguf_tokens(const PretrainedConfig& config, const TokenTable& tokens,
                            GgufEntries& entries) {
  const auto whole = [&](std::string_view key, Index value) {
    entries.whole(key, static_cast<std::uint32_t>(value));
  };
  if (tokens.sentence_pieces) {
    add_gguf_pieces(tokens, entries);
  } else {
    const auto split =
        std::find_if(std::begin(gguf_splits), std::end(gguf_splits),
                     [&](const GgufSplit& known) { return known.split == tokens.split; });
    entries.text("tokenizer.ggml.model", "gpt2");
    entries.text("tokenizer.ggml.pre", split->name);
    entries.texts("tokenizer.ggml.tokens", tokens.tokens);
    entries.texts("tokenizer.ggml.merges", tokens.merges);
  }
  std::vector<std::int32_t> kinds;
  for (std::size_t i = 0; i < tokens.kinds.size(); ++i) {
    const auto rule = tokens.rules.find(static_cast<Token>(i));
    TokenKind kind = tokens.kinds[i];
    if (rule != tokens.rules.end() && rule->second.always) kind = TokenKind::user_defined;
    if (rule != tokens.rules.end() && rule->second.recognized) kind = TokenKind::control;
    kinds.push_back(static_cast<std::int32_t>(kind));
  }
  entries.numbers("tokenizer.ggml.token_type", std::span<const std::int32_t>(kinds));
  whole("tokenizer.ggml.bos_token_id", *config.begin_token);
  whole("tokenizer.ggml.eos_token_id", *config.end_token);
  const std::vector<Token>& more = config.other_end_tokens;
  if (!more.empty()) whole("tokenizer.ggml.eot_token_id", more[0]);
  if (more.size() > 1) whole("tokenizer.ggml.eom_token_id", more[1]);
  const auto unknown = std::find(tokens.kinds.begin(), tokens.kinds.end(), TokenKind::unknown);
  if (unknown != tokens.kinds.end()) {
    whole("tokenizer.ggml.unknown_token_id", unknown - tokens.kinds.begin());
  }
  entries.truth("tokenizer.ggml.add_bos_token", !tokens.frame.before.empty());
  entries.truth("tokenizer.ggml.add_eos_token", !tokens.frame.after.empty());
}

}  // namespace OCTAVO_NAMESPACE::detail
