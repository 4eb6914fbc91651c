// SPDX-License-Identifier: MIT
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/row_scores.hpp>

#include "runs/chat_tokenizer.hpp"

using namespace octavo;

namespace {

/// Knows how likely each token is: token t has the log-probability -t / 100.
struct KnownScorer {
  std::vector<Index> lengths;
  Index length() const { return 12; }
  template <typename Receive>
  TextScore score(TokenView tokens, Index, Receive&& receive) {
    lengths.push_back(tokens.size());
    for (Index i = 1; i < tokens.size(); ++i) receive(i, -tokens[i] / 100.0);
    return {};
  }
};

}  // namespace

TEST_CASE("only the targets of a document that count are scored") {
  KnownScorer scorer;
  const TextScore score = score_document(scorer, {{5, 6, 7}, {-1, 7, 50}}, 12);
  CHECK(score.tokens == 2);
  CHECK(score.nats == doctest::Approx(0.57));
  CHECK(scorer.lengths.back() == 4);
  CHECK(score_document(scorer, {{5, 6, 7}, {-1, 7, -1}}, 12).tokens == 1);
  CHECK(scorer.lengths.back() == 3);
}

TEST_CASE("choices by their sum, and by their sum for each character") {
  KnownScorer scorer;
  const AnyTokenizer tokenizer = octavo_test::chat_tokenizer();
  const ChoiceScore score = score_choices(scorer, tokenizer, {"a", {" c", " bb"}, 1});
  const auto known = [&](const std::string& text) {
    double sum = 0;
    for (const Token token : tokenizer.encode(text)) sum -= token / 100.0;
    return sum;
  };
  CHECK(score.log_likelihoods[0] == doctest::Approx(known(" c")));
  CHECK(score.log_likelihoods[1] == doctest::Approx(known(" bb")));
  CHECK(score.by_length[1] == doctest::Approx(known(" bb") / 2));
  CHECK(score.likeliest() == 0);
  CHECK(score.likeliest_by_length() == 1);
  // A long context loses its beginning, a choice nothing.
  const ChoiceScore late =
      score_choices(scorer, tokenizer, {std::string(40, 'a'), {" c", " bb"}, 1});
  CHECK(late.log_likelihoods == score.log_likelihoods);
  CHECK(scorer.lengths.back() == 13);
  CHECK_THROWS_WITH_AS(score_choices(scorer, tokenizer, {"a", {" c", std::string(20, 'b')}, 1}),
                       "choice 2 has 20 tokens, expected at most 12", DataError);
}
