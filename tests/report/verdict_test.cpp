// SPDX-License-Identifier: MIT
// Courses that are made up, and what a page says of them.
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include <octavo/report/verdict.hpp>

using octavo::Index;
using octavo::RunHistory;
using octavo::RunReport;
using octavo::Trend;
using Stage = octavo::RunReport::Stage;

namespace {

constexpr octavo::ReferenceLosses shakespeare{4.190, 3.309, 2.452};

/// A run of 1000 steps with so many evaluations; losses of the share of it that is done.
RunHistory history_of(Index evaluations, const std::function<double(double)>& loss) {
  RunHistory history;
  for (Index step = 1; step <= 1000; ++step) {
    const double share = static_cast<double>(step) / 1000;
    history.add(octavo::HistoryPoint{step, 1, loss(share), 1e-3, 1, 0.001});
    if (evaluations > 0 && step % (1000 / evaluations) == 0) {
      history.add(octavo::EvaluationPoint{step, loss(share), loss(share)});
    }
  }
  return history;
}

octavo::Verdict verdict(const RunReport& run, const RunHistory& history) {
  return octavo::judge(run, history, octavo::diagnose(history, run.references, run.steps));
}

/// A run that has reached this loss in its best evaluation, or without one.
RunReport run_of(Stage stage, double loss, Index best_step = 500) {
  RunReport run;
  run.references = shakespeare;
  run.stage = stage;
  run.step = run.steps = 1000;
  run.loss = run.best_validation = loss;
  run.best_step = best_step;
  return run;
}

double falling(double share) { return 4.0 - 2 * share; }
double settling(double share) { return 1.5 + 2 * std::exp(-20 * share); }
double turning(double share) { return 2.0 + 2 * std::abs(share - 0.4); }

}  // namespace

TEST_CASE("verdict: where the loss is heading, by evaluations or by training") {
  for (const Index evaluations : {0, 2, 10, 20}) {
    CAPTURE(evaluations);
    CHECK(octavo::course_of(history_of(evaluations, falling)).trend == Trend::falling);
    const octavo::Course flat = octavo::course_of(history_of(evaluations, settling));
    CHECK(flat.trend == Trend::flat);
    CHECK(flat.since >= 240);
    CHECK(flat.since <= 340);
    const octavo::Course rising = octavo::course_of(history_of(evaluations, turning));
    CHECK(rising.trend == Trend::rising);
    CHECK(std::abs(static_cast<double>(rising.since - 400)) <= 42);
  }
  CHECK(octavo::course_of(RunHistory()).trend == Trend::unknown);
  RunHistory odd = history_of(10, [](double) { return std::nan(""); });
  CHECK(octavo::course_of(odd).trend == Trend::unknown);
}

TEST_CASE("verdict: the health of a run in a few words") {
  const auto health = [](Stage stage, const RunHistory& history) {
    return verdict(run_of(stage, 1.9), history).health;
  };
  CHECK(health(Stage::finished, history_of(10, falling)) == "Still improving when it ended");
  CHECK(health(Stage::running, history_of(10, falling)) == "Improving");
  CHECK(health(Stage::finished, history_of(10, settling)) == "Flat since step 300");
  CHECK(health(Stage::diverged, history_of(10, falling)) ==
        "Diverged after step 1,000: the loss or a gradient was not a finite number");
  CHECK(health(Stage::running, RunHistory()) == "Too early to say where it is heading");
  CHECK(health(Stage::finished, RunHistory()) == "A short run");
  const RunHistory blown = history_of(0, [](double share) { return 2 + 6 * share; });
  CHECK(health(Stage::running, blown) == "Diverging");
  RunReport begun = run_of(Stage::running, 1.9);
  CHECK(verdict(begun, history_of(10, settling)).health == "Flat since step 300");
  begun.steps = 4000;  // a healthy run may rest at first
  CHECK(verdict(begun, history_of(10, settling)).health == "Too early to say where it is heading");
  CHECK(verdict(begun, history_of(10, falling)).health == "Improving");
  RunHistory overfitting = history_of(0, falling);
  for (const Index step : {200, 400, 600, 800, 1000}) {
    const double share = static_cast<double>(step) / 1000;
    overfitting.add(octavo::EvaluationPoint{step, falling(share), turning(share)});
  }
  RunReport run = run_of(Stage::running, 2.0, 400);
  CHECK(verdict(run, overfitting).health == "Overfitting since step 400");
  CHECK(health(Stage::running, history_of(10, [](double share) {
                 return share < 0.5 ? 2 - share : 1.75;
               })) == "No longer improving since step 400");
}

TEST_CASE("verdict: what was reached, beside what is known of the text") {
  const auto reached = [](const RunReport& run) { return verdict(run, RunHistory()).reached; };
  RunReport run = run_of(Stage::finished, 1.932, 9500);
  run.tokens_per_character = 1;
  CHECK(reached(run) ==
        "The best validation loss is 1.932 nats per token, 2.787 bits per character, perplexity "
        "6.903, at step 9,500, below the text\u2019s bigram entropy (2.452): the model uses more "
        "than the previous token.");
  run = run_of(Stage::finished, 2.8, 0);
  CHECK(reached(run) ==
        "The mean training loss of the last steps is 2.800 nats per token, perplexity 16.44, below "
        "the text\u2019s unigram entropy (3.309), not yet below its bigram entropy (2.452): it "
        "predicts less well than a table of token pairs.");
  const auto says = [&](double loss, const char* words) {
    const std::string text = reached(run_of(Stage::running, loss));
    CHECK_MESSAGE(text.find(words) != text.npos, text);
  };
  says(3.5, "not yet below the text\u2019s unigram entropy (3.309)");
  says(4.5, "no better than blind guessing (4.190)");
  says(8, "perplexity 2,981");
  CHECK(reached(run_of(Stage::running, 900)).find("perplexity") == std::string::npos);
  CHECK(reached(run_of(Stage::running, std::nan(""), 0)) == "No loss has been measured yet.");
}
