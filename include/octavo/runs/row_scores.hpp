// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/data/labelled_tokens.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/generation/scorer.hpp>
#include <octavo/generation/utf8_assembler.hpp>
#include <octavo/runs/choice_rows.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>

// Scores of the rows of a file: of documents, and of questions with choices.
namespace OCTAVO_NAMESPACE {

/// The score of a document's targets that count.
template <typename Scorer>
TextScore score_document(Scorer& scorer, const LabelledTokens& document, Index stride) {
  std::vector<Token> tokens = document.inputs;
  if (!document.targets.empty() && document.targets.back() >= 0) {
    tokens.push_back(document.targets.back());
  }
  TextScore result;
  scorer.score(TokenView(std::span<const Token>(tokens)), stride, [&](Index i, double log_p) {
    if (document.targets[static_cast<std::size_t>(i - 1)] >= 0) result.add(-log_p);
  });
  return result;
}

/// How likely each choice of a question is.
struct ChoiceScore {
  Index label = 0;                      ///< the right one
  std::vector<double> log_likelihoods;  ///< [choices], each the sum over its tokens
  std::vector<double> by_length;        ///< [choices], each divided by the characters of its text

  static Index best(const std::vector<double>& of) {
    return static_cast<Index>(std::max_element(of.begin(), of.end()) - of.begin());
  }
  Index likeliest() const { return best(log_likelihoods); }
  Index likeliest_by_length() const { return best(by_length); }
};

/// Scores the choices of a question, each after its context. Where a token crosses the border, the
/// choice's first token is that one, as in lm-evaluation-harness. A context that is too long for
/// the scorer loses its beginning. DataError for a choice that is too long, UnknownSymbol for a
/// text that the tokenizer cannot encode.
template <typename Scorer>
ChoiceScore score_choices(Scorer& scorer, const AnyTokenizer& tokenizer, const ChoiceRow& row) {
  const std::vector<Token>& before = tokenizer.frame().before;
  const auto encoded = [&](const std::string& text) {
    std::vector<Token> tokens = before;
    const auto of_text = tokenizer.encode(text, SpecialTokens::as_text);
    tokens.insert(tokens.end(), of_text.begin(), of_text.end());
    return tokens;
  };
  ChoiceScore result{row.label, {}, {}};
  const Index context = std::ssize(encoded(row.context));
  for (const std::string& ending : row.endings) {
    const std::vector<Token> tokens = encoded(detail::concat({row.context, ending}));
    const Index from = std::max<Index>(1, std::min(context, std::ssize(tokens) - 1));
    const Index first = std::max<Index>(0, std::ssize(tokens) - scorer.length() - 1);
    if (first >= from) {
      throw DataError(detail::concat({"choice ", result.by_length.size() + 1, " has ",
                                      std::ssize(tokens) - from, " tokens, expected at most ",
                                      scorer.length()}));
    }
    double sum = 0;
    scorer.score(TokenView(std::span<const Token>(tokens).subspan(static_cast<std::size_t>(first))),
                 scorer.length(), [&](Index i, double log_p) {
                   if (first + i >= from) sum += log_p;
                 });
    result.log_likelihoods.push_back(sum);
    std::string_view text = ending;
    if (text.starts_with(' ')) text.remove_prefix(1);
    result.by_length.push_back(sum /
                               static_cast<double>(std::max<Index>(utf8_characters(text), 1)));
  }
  return result;
}

}  // namespace OCTAVO_NAMESPACE
