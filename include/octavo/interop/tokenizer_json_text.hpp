// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/token_table.hpp>
#include <octavo/interop/vocabulary_files.hpp>

// How a tokenizer.json is written.
namespace OCTAVO_NAMESPACE {
namespace detail {

/// The parts of a tokenizer.json around its model.
class TokenizerJsonText {
 public:
  explicit TokenizerJsonText(const TokenTable& table) : table_(table) {}

  std::string normalizer() const {
    const std::string replace = concat({R"({"type": "Replace", "pattern": {"String": " "}, )",
                                        R"("content": ")", space_mark, "\"}"});
    if (table_.normalized) return R"({"type": "NFC"})";
    if (!table_.sentence_pieces || is_metaspace()) return "null";
    if (table_.prefix == SpacePrefix::never) return replace;
    return concat({R"({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": ")",
                   space_mark, "\"}, ", replace, "]}"});
  }

  std::string pre_tokenizer() const {
    if (is_metaspace()) {
      const bool first =
          table_.prefix == SpacePrefix::first || table_.prefix == SpacePrefix::first_spared;
      return concat({R"({"type": "Metaspace", "replacement": ")", space_mark,
                     R"(", "prepend_scheme": ")", (first ? "first" : "always"),
                     R"(", "split": false})"});
    }
    if (table_.sentence_pieces) return "null";
    if (table_.split == SplitPattern::gpt2) return byte_level(true);
    const std::string first = table_.split == SplitPattern::smollm
                                  ? R"({"type": "Digits", "individual_digits": true})"
                                  : concat({R"({"type": "Split", "pattern": {"Regex": )",
                                            json_string(std::string(split_regex(table_.split))),
                                            R"(}, "behavior": "Isolated", "invert": false})"});
    return concat({R"({"type": "Sequence", "pretokenizers": [)", first, ", ",
                   byte_level(table_.split == SplitPattern::smollm), "]}"});
  }

  /// The tokens around a text, which are also listed with their numbers.
  std::string post_processor() const {
    if (table_.frame == TextFrame{}) return "null";
    std::string single, tokens;
    const auto add = [&](const std::string& part) {
      single += (single.empty() ? "" : ", ") + part;
    };
    const auto add_token = [&](Token token) {
      const std::string name = json_string(table_.tokens[static_cast<std::size_t>(token)]);
      add(concat({R"({"SpecialToken": {"id": )", name, R"(, "type_id": 0}})"}));
      const std::string entry = concat(
          {name, R"(: {"id": )", name, R"(, "ids": [)", token, R"(], "tokens": [)", name, "]}"});
      if (tokens.find(entry) == tokens.npos) tokens += (tokens.empty() ? "" : ", ") + entry;
    };
    for (const Token token : table_.frame.before) add_token(token);
    add(R"({"Sequence": {"id": "A", "type_id": 0}})");
    for (const Token token : table_.frame.after) add_token(token);
    return concat({R"({"type": "TemplateProcessing", "single": [)", single,
                   R"(], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, )",
                   R"({"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {)", tokens,
                   "}}"});
  }

  std::string decoder() const {
    if (!table_.sentence_pieces) return byte_level(true);
    return concat(
        {R"({"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": ")",
         space_mark, R"("}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"})",
         (table_.strip_space ? R"(, {"type": "Strip", "content": " ", "start": 1, "stop": 0})"
                             : ""),
         "]}"});
  }

 private:
  /// SentencePiece's own rule, a space before the first text only, has no closer expression.
  bool is_metaspace() const {
    return table_.sentence_pieces && table_.prefix != SpacePrefix::never &&
           table_.prefix != SpacePrefix::always;
  }
  static std::string byte_level(bool pattern) {
    return concat({R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, )",
                   R"("use_regex": )", (pattern ? "true" : "false"), "}"});
  }

  const TokenTable& table_;
};

}  // namespace detail

/// The text of a tokenizer.json. A table with scores gets merges, as Hugging Face's converter makes
/// them. Error of code bad_data if a token is not UTF-8.
inline std::string tokenizer_json_text(const TokenTable& table) {
  using detail::json_string;
  std::string added, unknown = "null", merges;
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    if (table.kinds[i] == TokenKind::unknown) unknown = json_string(table.tokens[i]);
    if (!detail::is_added(table, i)) continue;
    added += (added.empty() ? "\n    " : ",\n    ");
    added += detail::concat({"{\"id\": ", i, ", ", detail::added_fields(table, i)});
  }
  for (const std::string& merge : table.scores.empty() ? table.merges : merges_of_scores(table)) {
    merges += (merges.empty() ? "\n      " : ",\n      ") + json_string(merge);
  }
  const bool bytes =
      std::find(table.kinds.begin(), table.kinds.end(), TokenKind::byte) != table.kinds.end();
  const auto truth = [](bool value) { return value ? "true" : "false"; };
  const detail::TokenizerJsonText parts(table);
  return detail::concat(
      {"{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
       "  \"added_tokens\": [",
       added,
       "],\n  \"normalizer\": ",
       parts.normalizer(),
       ",\n  \"pre_tokenizer\": ",
       parts.pre_tokenizer(),
       ",\n  \"post_processor\": ",
       parts.post_processor(),
       ",\n  \"decoder\": ",
       parts.decoder(),
       ",\n  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": ",
       unknown,
       ",\n    \"continuing_subword_prefix\": \"\",\n    \"end_of_word_suffix\": \"\",\n"
       "    \"fuse_unk\": ",
       truth(table.sentence_pieces && table.fuse_unknown),
       ",\n    \"byte_fallback\": ",
       truth(bytes),
       (table.whole_pieces ? ",\n    \"ignore_merges\": true" : ""),
       ",\n    \"vocab\": ",
       vocabulary_text(table),
       ",\n    \"merges\": [",
       merges,
       "]\n  }\n}\n"});
}

}  // namespace OCTAVO_NAMESPACE
