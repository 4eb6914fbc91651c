// SPDX-License-Identifier: MIT
#include "generate/score_rows.hpp"

#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>

#include <nlohmann/json.hpp>

#include <octavo/runs.hpp>

#include "support/program.hpp"

namespace generate {
namespace {

using octavo::Index;
using Json = nlohmann::ordered_json;

/// What all rows come to: documents, or questions with choices.
struct Totals {
  Index rows = 0;
  octavo::TextScore tokens{};
  double of_documents = 0;  ///< sum of the documents' means
  Index right = 0, right_by_length = 0;
  Json all = Json::array();
};

class RowScores {
 public:
  RowScores(const support::GenerateOptions& options, const Model& model,
            octavo::Scorer<float>& scorer)
      : options_(options),
        model_(model),
        scorer_(scorer),
        documents_(model.tokenizer, model.chat,
                   model.tokenizer.frame().before.empty()
                       ? std::nullopt
                       : std::optional(model.tokenizer.frame().before.front())) {}

  /// Scores the row of a line. DataError, UnknownSymbol or ConfigError if it is a bad one.
  void add(const nlohmann::json& json, Index line) {
    const bool choices = octavo::is_choice_row(json);
    if (choices_ && *choices_ != choices) {
      throw octavo::DataError(std::string("it has ") + (choices ? "" : "no ") +
                              "choices, unlike the rows before it");
    }
    if (choices) {
      add_choices(octavo::choice_row_of(json), line);
    } else {
      add_document(documents_(octavo::chat_row_of(json)), line);
    }
    choices_ = choices;
    ++totals_.rows;
  }

  void print_totals() const {
    if (options_.json) return support::print(as_json().dump(2) + "\n");
    const auto rows = static_cast<double>(totals_.rows);
    if (choices_.value_or(false)) {
      std::printf("%td questions\naccuracy %.6f\naccuracy by length %.6f\n", totals_.rows,
                  static_cast<double>(totals_.right) / rows,
                  static_cast<double>(totals_.right_by_length) / rows);
      return;
    }
    std::printf(
        "%td documents, %td tokens scored\nmean negative log-likelihood %.6f nats per token\n"
        "mean of the documents' means %.6f\nperplexity %.6f\n",
        totals_.rows, totals_.tokens.tokens, totals_.tokens.mean(), totals_.of_documents / rows,
        totals_.tokens.perplexity());
  }

  Index rows() const { return totals_.rows; }

 private:
  void begin(const char* columns) {
    if (totals_.rows == 0 && !options_.json) support::print(columns);
  }

  void add_document(const octavo::LabelledTokens& document, Index line) {
    const octavo::TextScore score = octavo::score_document(
        scorer_, document, options_.stride == 0 ? scorer_.length() : options_.stride);
    begin("line\ttokens\tnats per token\n");
    totals_.tokens.nats += score.nats;
    totals_.tokens.tokens += score.tokens;
    totals_.of_documents += score.mean();
    if (options_.json) {
      totals_.all.push_back({{"line", line}, {"tokens", score.tokens}, {"loss", score.mean()}});
    } else {
      std::printf("%td\t%td\t%.6f\n", line, score.tokens, score.mean());
    }
  }

  void add_choices(const octavo::ChoiceRow& row, Index line) {
    const octavo::ChoiceScore score = octavo::score_choices(scorer_, model_.tokenizer, row);
    begin("line\tright\tlikeliest\tlikeliest by length\n");
    totals_.right += score.likeliest() == score.label ? 1 : 0;
    totals_.right_by_length += score.likeliest_by_length() == score.label ? 1 : 0;
    if (options_.json) {
      totals_.all.push_back({{"line", line},
                             {"label", score.label},
                             {"likeliest", score.likeliest()},
                             {"likeliest_by_length", score.likeliest_by_length()},
                             {"log_likelihoods", score.log_likelihoods}});
    } else {
      std::printf("%td\t%td\t%td\t%td\n", line, score.label, score.likeliest(),
                  score.likeliest_by_length());
    }
  }

  Json as_json() const {
    const auto rows = static_cast<double>(totals_.rows);
    if (choices_.value_or(false)) {
      return {{"questions", totals_.rows},
              {"accuracy", static_cast<double>(totals_.right) / rows},
              {"accuracy_by_length", static_cast<double>(totals_.right_by_length) / rows},
              {"rows", totals_.all}};
    }
    return {{"documents", totals_.rows},
            {"tokens", totals_.tokens.tokens},
            {"loss", totals_.tokens.mean()},
            {"loss_of_documents", totals_.of_documents / rows},
            {"perplexity", totals_.tokens.perplexity()},
            {"rows", totals_.all}};
  }

  const support::GenerateOptions& options_;
  const Model& model_;
  octavo::Scorer<float>& scorer_;
  octavo::ChatDocuments documents_;
  std::optional<bool> choices_;
  Totals totals_;
};

}  // namespace

bool has_rows(const std::string& name) {
  return name.ends_with(".jsonl") || name.ends_with(".ndjson");
}

std::size_t score_rows(const support::GenerateOptions& options, const Model& model,
                       octavo::ThreadPool& threads) {
  octavo::require(!options.per_token, "--per-token: not for the rows of a .jsonl file");
  const octavo::FileSource source(options.score);
  octavo::Scorer<float> scorer(octavo::Transformer<float>(model.config), model.weights,
                               model.trained_length, threads);
  report_plan(options.memory_report, scorer.plan(), 0, "generate --score");
  RowScores scores(options, model, scorer);
  octavo::JsonLines lines(source);
  Index bad = 0;
  while (true) {
    try {
      const auto json = lines.next();
      if (!json) break;
      scores.add(*json, lines.line());
    } catch (const octavo::Error& error) {
      using octavo::ErrorCode;
      if (error.code() != ErrorCode::bad_data && error.code() != ErrorCode::usage) throw;
      const octavo::DataError told(octavo::printable(options.score) + ", line " +
                                       std::to_string(lines.line()) + ": " + error.what(),
                                   error.hint());
      if (bad++ == options.skip_bad) throw told;
      support::warn(told.what(), told.hint());
    }
  }
  if (scores.rows() == 0) {
    throw octavo::DataError(octavo::printable(options.score) + " has no row to score");
  }
  scores.print_totals();
  return scorer.plan().total_bytes();
}

}  // namespace generate
