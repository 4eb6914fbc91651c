// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/runs/chat_rows.hpp>

// Questions with several answers, of which one is right, in the forms of HellaSwag, ARC, MMLU and
// the like.
namespace OCTAVO_NAMESPACE {

/// One question.
struct ChoiceRow {
  std::string context;               ///< what the model reads
  std::vector<std::string> endings;  ///< each with the blank before it
  Index label = 0;                   ///< the right one

  friend bool operator==(const ChoiceRow&, const ChoiceRow&) = default;
};

namespace detail {

/// The first of these fields that a row has; null: none.
inline const char* first_field(const RowJson& row, std::initializer_list<const char*> keys) {
  for (const char* const key : keys) {
    if (row.contains(key)) return key;
  }
  return nullptr;
}

inline std::vector<std::string> texts_of(const RowJson& list, const char* key) {
  if (!list.is_array()) refuse_row(concat({"'", key, "'"}), list, "a list of texts");
  if (list.size() < 2) {
    throw DataError(
        concat({"'", key, "' has ", counted(std::ssize(list), "choice"), ", expected 2 or more"}));
  }
  std::vector<std::string> texts;
  for (const RowJson& one : list) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty()) {
      refuse_row(concat({"'", key, "', choice ", texts.size() + 1}), one, "a text");
    }
    texts.push_back(one.get<std::string>());
  }
  return texts;
}

/// The right choice: its number from 0 on, its letter or name, or its text.
inline Index label_of(const RowJson& label, const char* key,
                      const std::vector<std::string>& choices,
                      const std::vector<std::string>& names) {
  const auto refuse = [&] {
    refuse_row(concat({"'", key, "'"}), label,
               concat({"a number from 0 to ", choices.size() - 1,
                       ", a letter, or one of the "
                       "choices"}));
  };
  const auto found = [](const std::vector<std::string>& all, const std::string& one) {
    const auto at = std::find(all.begin(), all.end(), one);
    return at == all.end() ? Index{-1} : static_cast<Index>(at - all.begin());
  };
  Index number = -1;
  if (label.is_number_integer()) {
    number = label.get<Index>();
    if (const Index named = found(names, std::to_string(number)); named >= 0) number = named;
  } else if (label.is_string()) {
    const auto text = label.get<std::string>();
    number = found(names, text);
    if (number < 0 && text.size() == 1 && text[0] >= 'A' && text[0] <= 'Z') number = text[0] - 'A';
    if (number < 0 && !parse_whole(text, number)) number = found(choices, text);
  }
  if (number < 0 || number >= std::ssize(choices)) refuse();
  return number;
}

}  // namespace detail

/// Whether a row is a question with choices.
inline bool is_choice_row(const nlohmann::json& json) {
  return json.contains("endings") || json.contains("choices");
}

/// The question that a JSON object is: a context ("ctx", "context" or "query") or a "question",
/// which becomes "Question: ...\nAnswer:"; the choices ("endings", or "choices", which may be an
/// object with lists "text" and "label"); and the right one ("label", "answer", "gold" or
/// "answerKey"): a number from 0 on, a letter, or a choice. DataError, naming the field, for
/// anything else.
inline ChoiceRow choice_row_of(const nlohmann::json& json) {
  using namespace detail;
  ChoiceRow row;
  const char* const context = first_field(json, {"ctx", "context", "query", "question"});
  if (context == nullptr)
    throw DataError("it has none of 'ctx', 'context', 'query' and 'question'");
  row.context = row_text(json, context, "");
  if (context == std::string_view("question")) {
    row.context = concat({"Question: ", row.context, "\nAnswer:"});
  }
  const char* const key = json.contains("endings") ? "endings" : "choices";
  const RowJson* list = &json[key];
  std::vector<std::string> names;
  if (list->is_object()) {
    if (!list->contains("text")) throw DataError(concat({"'", key, "': 'text' is missing"}));
    if (list->contains("label")) names = texts_of((*list)["label"], key);
    list = &(*list)["text"];
  }
  const std::vector<std::string> choices = texts_of(*list, key);
  const char* const label = first_field(json, {"label", "answer", "gold", "answerKey"});
  if (label == nullptr) throw DataError("it has none of 'label', 'answer', 'gold' and 'answerKey'");
  row.label = label_of(json[label], label, choices, names);
  const bool blank = row.context.ends_with(' ') || row.context.ends_with('\n');
  for (const std::string& choice : choices) {
    row.endings.push_back(blank || choice.starts_with(' ') ? choice : concat({" ", choice}));
  }
  return row;
}

}  // namespace OCTAVO_NAMESPACE
