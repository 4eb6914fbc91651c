// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/token_table.hpp>

// What stands around the model in a tokenizer.json: how a text is normalized and split before it is
// encoded, which tokens are put around it, and how tokens become text.
namespace OCTAVO_NAMESPACE::detail {

/// Reads these parts into a table; refuses everything that would change how a text is encoded.
class TokenizerParts {
 public:
  using Json = nlohmann::json;

  TokenizerParts(const JsonObject& file, TokenTable& table) : file_(file), table_(table) {
    read_normalizer();
    read_pre_tokenizer();
    for (const Json* const part : parts_of(file_.field("post_processor"), "processors")) {
      read_post_processor(*part);
    }
    for (const Json* const part : parts_of(file_.field("decoder"), "decoders")) read_decoder(*part);
  }

  /// Finds the tokens of the frame by their names; FormatError if a name is not a token.
  void find_frame() {
    const auto number = [&](const std::string& name) {
      const auto found = std::find(table_.tokens.begin(), table_.tokens.end(), name);
      if (found == table_.tokens.end()) {
        file_.fail(concat({"'post_processor': ", printable(name), " is not a token"}));
      }
      return static_cast<Token>(found - table_.tokens.begin());
    };
    for (const std::string& name : before_) table_.frame.before.push_back(number(name));
    for (const std::string& name : after_) table_.frame.after.push_back(number(name));
  }

 private:
  [[noreturn]] void refuse(const std::string& what, const Json& got,
                           const std::string& expected) const {
    file_.fail(concat({"'", what, "': got ", JsonObject::shown(got),
                       (got.is_string() ? " (a text)" : ""), ", expected ", expected}));
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

  static bool is_replace(const Json& part, std::string_view from, std::string_view to) {
    return field_of(part, "type") == "Replace" && field_of(part, "content") == to &&
           field_of(field_of(part, "pattern"), "String") == from;
  }

  // --- Before the model -------------------------------------------------------------------------

  void read_normalizer() {
    const auto parts = parts_of(file_.field("normalizer"), "normalizers");
    const auto is = [&](std::size_t i, const char* type) {
      return i < parts.size() && field_of(*parts[i], "type") == type;
    };
    const bool prepends = is(0, "Prepend") && field_of(*parts[0], "prepend") == space_mark;
    const std::size_t replace = prepends ? 1 : 0;
    if (parts.empty()) return;
    if (is(0, "NFC") && parts.size() == 1) {
      table_.normalized = true;
    } else if (parts.size() == replace + 1 && is_replace(*parts[replace], " ", space_mark)) {
      table_.sentence_pieces = true;
      table_.prefix = prepends ? SpacePrefix::always : SpacePrefix::never;
    } else {
      refuse("normalizer", file_.field("normalizer"),
             "null, NFC, or ' ' replaced by U+2581, with one before the text or not");
    }
  }

  void read_pre_tokenizer() {
    const Json& whole = file_.field("pre_tokenizer");
    const auto parts = parts_of(whole, "pretokenizers");
    const auto type = [&](std::size_t i) -> const Json& { return field_of(*parts[i], "type"); };
    if (table_.sentence_pieces) {
      const bool nothing = parts.size() == 1 && type(0) == "Split" &&  // no spaces are left
                           field_of(field_of(*parts[0], "pattern"), "String") == " ";
      if (!parts.empty() && !nothing) refuse("pre_tokenizer", whole, "null");
    } else if (parts.size() == 1 && type(0) == "Metaspace") {
      read_metaspace(*parts[0]);
    } else if (parts.size() == 1 && type(0) == "ByteLevel") {
      check_byte_level(*parts[0], true);
    } else if (parts.size() == 2 && type(0) == "Split" && type(1) == "ByteLevel") {
      read_split(*parts[0]);
      check_byte_level(*parts[1], false);
    } else if (parts.size() == 2 && type(0) == "Digits" && type(1) == "ByteLevel") {
      const Json& single = field_of(*parts[0], "individual_digits");
      if (single != true) refuse("pre_tokenizer.individual_digits", single, "true");
      table_.split = SplitPattern::smollm;
      check_byte_level(*parts[1], true);
    } else {
      refuse("pre_tokenizer", whole, "one of type 'ByteLevel'");
    }
  }

  void check_byte_level(const Json& part, bool with_pattern) const {
    const Json& prefix = field_of(part, "add_prefix_space");
    if (prefix != false) refuse("pre_tokenizer.add_prefix_space", prefix, "false");
    const Json& pattern = field_of(part, "use_regex");
    if (with_pattern ? !pattern.is_null() && pattern != true : pattern != false) {
      refuse("pre_tokenizer.use_regex", pattern, with_pattern ? "true" : "false");
    }
  }

  void read_split(const Json& split) {
    constexpr std::string_view other =
        R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
    const Json& pattern = field_of(field_of(split, "pattern"), "Regex");
    std::optional<SplitPattern> found;
    for (const auto known :
         {SplitPattern::gpt2, SplitPattern::llama3, SplitPattern::qwen2, SplitPattern::tekken}) {
      if (pattern == split_regex(known)) found = known;
    }
    if (pattern == other) found = SplitPattern::gpt2;
    if (!found) {
      // The whole pattern: it says which tokenizer this is.
      file_.fail(concat({"'pre_tokenizer.pattern': got ", field_of(split, "pattern").dump(),
                         ", expected that of GPT-2, Llama 3, Qwen2 or Mistral-Nemo"}));
    }
    if (field_of(split, "behavior") != "Isolated" || field_of(split, "invert") == true) {
      refuse("pre_tokenizer", split, "a Split that is 'Isolated' and not inverted");
    }
    table_.split = *found;
  }

  void read_metaspace(const Json& part) {
    const Json& mark = field_of(part, "replacement");
    if (mark != space_mark) refuse("pre_tokenizer.replacement", mark, "U+2581");
    const Json& split = field_of(part, "split");
    if (split != false) refuse("pre_tokenizer.split", split, "false");
    const Json& scheme = field_of(part, "prepend_scheme");
    const Json& old = field_of(part, "add_prefix_space");
    table_.sentence_pieces = true;
    if (scheme == "first") {
      table_.prefix = SpacePrefix::first_spared;
    } else if (scheme == "always" || (scheme.is_null() && old == true)) {
      table_.prefix = SpacePrefix::always_spared;
    } else if (scheme == "never") {
      table_.prefix = SpacePrefix::never;
    } else {
      refuse("pre_tokenizer.prepend_scheme", scheme, "'first', 'always' or 'never'");
    }
  }

  // --- After the model --------------------------------------------------------------------------

  void read_post_processor(const Json& part) {
    if (field_of(part, "type") == "ByteLevel") return;
    const Json& single = field_of(part, "single");
    bool sound = field_of(part, "type") == "TemplateProcessing" && single.is_array() &&
                 before_.empty() && after_.empty();
    std::size_t texts = 0;
    for (const Json& one : sound ? single : Json::array()) {
      const Json& token = field_of(field_of(one, "SpecialToken"), "id");
      if (token.is_string()) {
        (texts == 0 ? before_ : after_).push_back(token.get<std::string>());
      } else {
        sound = sound && field_of(field_of(one, "Sequence"), "id") == "A";
        ++texts;
      }
    }
    if (!sound || texts != 1) {
      refuse("post_processor", part,
             table_.sentence_pieces ? "a template of tokens around one text"
                                    : "one of type 'ByteLevel', or tokens around one text");
    }
  }

  void read_decoder(const Json& part) {
    const Json& type = field_of(part, "type");
    if (!table_.sentence_pieces) {
      if (type != "ByteLevel") refuse("decoder", part, "one of type 'ByteLevel'");
      return;
    }
    if (type == "ByteFallback" || type == "Fuse" || is_replace(part, space_mark, " ")) return;
    const bool strips = type == "Strip" && field_of(part, "content") == " " &&
                        field_of(part, "start") == 1 && field_of(part, "stop") == 0;
    const bool spaces = type == "Metaspace" && field_of(part, "replacement") == space_mark;
    if (!strips && !spaces) {
      refuse("decoder", part, "Replace, ByteFallback, Fuse, Strip of one space, or Metaspace");
    }
    table_.strip_space |= strips || field_of(part, "prepend_scheme") != "never";
  }

  const JsonObject& file_;
  TokenTable& table_;
  std::vector<std::string> before_, after_;
};

}  // namespace OCTAVO_NAMESPACE::detail
