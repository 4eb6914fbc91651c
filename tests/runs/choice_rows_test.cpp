// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <octavo/runs/choice_rows.hpp>

using namespace octavo;

namespace {

ChoiceRow read(const std::string& text) { return choice_row_of(nlohmann::json::parse(text)); }

void refused(const std::string& text, const std::string& message) {
  INFO(text);
  CHECK_THROWS_WITH_AS(read(text), message.c_str(), DataError);
}

}  // namespace

TEST_CASE("the forms of questions") {
  const ChoiceRow hellaswag =
      read(R"({"ctx": "A man", "endings": ["sits.", "runs."], "label": 1})");
  CHECK(hellaswag == ChoiceRow{"A man", {" sits.", " runs."}, 1});
  CHECK(read(R"({"ctx": "A man", "endings": ["sits.", " runs."], "label": "1"})") == hellaswag);
  CHECK(read(R"({"context": "A man", "choices": ["sits.", "runs."], "answer": "B"})") == hellaswag);
  CHECK(read(R"({"query": "A man", "choices": ["sits.", "runs."], "gold": "runs."})") == hellaswag);
  CHECK(read(R"({"question": "2+2?", "choices": {"text": ["3", "4"], "label": ["1", "2"]},
                "answerKey": "2"})") == ChoiceRow{"Question: 2+2?\nAnswer:", {" 3", " 4"}, 1});
  CHECK(read(R"({"query": "A ", "choices": ["b", "c"], "answer": 0})") ==
        ChoiceRow{"A ", {"b", "c"}, 0});
  CHECK(is_choice_row(nlohmann::json::parse(R"({"endings": 1})")));
  CHECK_FALSE(is_choice_row(nlohmann::json::parse(R"({"text": "a"})")));
}

TEST_CASE("what is no question is refused by field") {
  refused(R"({"endings": ["a", "b"], "label": 0})",
          "it has none of 'ctx', 'context', 'query' and 'question'");
  refused(R"({"ctx": "x", "endings": ["a", "b"]})",
          "it has none of 'label', 'answer', 'gold' and 'answerKey'");
  refused(R"({"ctx": "x", "endings": "a", "label": 0})",
          "'endings': got 'a', expected a list of texts");
  refused(R"({"ctx": "x", "endings": ["a"], "label": 0})",
          "'endings' has 1 choice, expected 2 or more");
  refused(R"({"ctx": "x", "endings": ["a", 3], "label": 0})",
          "'endings', choice 2: got 3, expected a text");
  refused(R"({"ctx": "x", "choices": {"label": ["A"]}, "label": 0})",
          "'choices': 'text' is missing");
  const std::string expected = ", expected a number from 0 to 1, a letter, or one of the choices";
  refused(R"({"ctx": "x", "endings": ["a", "b"], "label": 2})", "'label': got 2" + expected);
  refused(R"({"ctx": "x", "endings": ["a", "b"], "label": "C"})", "'label': got 'C'" + expected);
  refused(R"({"ctx": "x", "endings": ["a", "b"], "label": null})", "'label': got null" + expected);
  refused(R"({"ctx": "", "endings": ["a", "b"], "label": 0})", "'ctx' is empty");
}
