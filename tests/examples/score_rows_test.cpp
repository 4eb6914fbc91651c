// SPDX-License-Identifier: MIT
// generate --score NAME.jsonl: rows.
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "examples/micro.hpp"

namespace {

using Words = std::vector<std::string>;

/// A model in "g" that has learned a few lines.
struct Scored : Sandbox {
  Scored() {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "to be or not\nthat is it\n";
    write_file(*this, "text", text);
    check_error(start(*this, micro("--documents line --data text --lr 1e-2 --out g", "200")), 0,
                "");
  }
  Words scoring(const std::string& rows, const std::string& options = "") const {
    write_file(*this, "rows.jsonl", rows);
    return words_of("generate g/model.safetensors --threads 1 --score rows.jsonl " + options);
  }
  nlohmann::json json(const std::string& rows, const std::string& options = "") const {
    const Outcome got = start(*this, scoring(rows, "--json " + options));
    check_error(got, 0, "");
    return nlohmann::json::parse(got.out);
  }
  void refused(const std::string& rows, const std::string& message) const {
    check_error(start(*this, scoring(rows)), 65,
                "generate: error: 'rows.jsonl', " + message + "\n");
  }
};

const std::string two = R"({"prompt": "to be ", "completion": "or not"}

{"text": "that is it"}
)";

const std::string questions = R"({"ctx": "to be", "endings": ["that", "or not"], "label": 1}
{"context": "that", "endings": ["not", "is it", "be"], "label": "1"}
{"query": "to be ", "choices": {"text": ["or", "is"], "label": ["A", "B"]}, "answerKey": "B"}
)";

}  // namespace

TEST_CASE("rows are scored one by one, and together") {
  const Scored model;
  const auto json = model.json(two);
  CHECK(json["documents"] == 2);
  REQUIRE(json["rows"].size() == 2);
  CHECK(json["rows"][0]["line"] == 1);
  CHECK(json["rows"][1]["line"] == 3);
  CHECK(json["rows"][0]["tokens"] == 7);   // "or not", and the end
  CHECK(json["rows"][1]["tokens"] == 10);  // nothing comes before the first character
  const double first = json["rows"][0]["loss"], second = json["rows"][1]["loss"];
  CHECK(first < 0.5);
  CHECK(json["tokens"] == 17);
  CHECK(json["loss"].get<double>() == doctest::Approx((7 * first + 10 * second) / 17));
  CHECK(json["loss_of_documents"].get<double>() == doctest::Approx((first + second) / 2));
  const std::string told = start(model, model.scoring(two)).out;
  CHECK(told.starts_with("line\ttokens\tnats per token\n1\t7\t0."));
  CHECK(told.find("\n2 documents, 17 tokens scored\nmean negative log-likelihood ") !=
        std::string::npos);
  // One text alone has the loss that the file of the text has.
  const auto alone = model.json("{\"text\": \"that is it\"}\n");
  CHECK(alone["loss"] == json["rows"][1]["loss"]);
}

TEST_CASE("questions with choices: the likeliest, and the likeliest by length") {
  const Scored model;
  const auto json = model.json(questions);
  CHECK(json["questions"] == 3);
  CHECK(json["rows"][0]["likeliest"] == 1);
  CHECK(json["rows"][1]["likeliest_by_length"] == 1);
  CHECK(json["rows"][2]["label"] == 1);
  CHECK(json["rows"][2]["likeliest"] == 0);
  CHECK(json["rows"][1]["log_likelihoods"].size() == 3);
  CHECK(json["accuracy_by_length"].get<double>() == doctest::Approx(2.0 / 3));
  const std::string told = start(model, model.scoring(questions)).out;
  CHECK(told.starts_with("line\tright\tlikeliest\tlikeliest by length\n1\t1\t1\t1\n"));
  CHECK(told.find("\n3 questions\naccuracy 0.") != std::string::npos);
}

TEST_CASE("bad rows are told with their line, and skipped if asked") {
  const Scored model;
  model.refused("{\"text\": 3}\n", "line 1: 'text': got 3, expected a text");
  model.refused("{\"ctx\": \"to\", \"endings\": [\"be\", \"or\"], \"label\": 2}\n",
                "line 1: 'label': got 2, expected a number from 0 to 1, a letter, or one of the "
                "choices");
  model.refused(questions + two, "line 4: it has no choices, unlike the rows before it");
  const Outcome got = start(model, model.scoring("nothing\n" + two, "--skip-bad 1"));
  CHECK(got.status == 0);
  CHECK(got.err.starts_with("generate: warning: 'rows.jsonl', line 1: it is not JSON from byte "));
  CHECK(got.out.find("\n2 documents") != std::string::npos);
  check_error(start(model, model.scoring("\n")), 65,
              "generate: error: 'rows.jsonl' has no row to score\n");
  check_error(start(model, model.scoring(two, "--per-token")), 64,
              "generate: error: --per-token: not for the rows of a .jsonl file\n");
  check_error(start(model, words_of("generate g/model.safetensors --json")), 64,
              "generate: error: --json, --skip-bad: they need --score\n");
}

TEST_CASE("the score of a text as JSON") {
  const Scored model;
  write_file(model, "line", "that is it");
  const Outcome got =
      start(model, words_of("generate g/model.safetensors --threads 1 --score line --json"));
  check_error(got, 0, "");
  const auto json = nlohmann::json::parse(got.out);
  CHECK(json["tokens"] == 9);
  CHECK(json["loss"].get<double>() > 0);
  CHECK(json["perplexity"].get<double>() == doctest::Approx(std::exp(json["loss"].get<double>())));
}
