// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/generation/generate_text.hpp>
#include <octavo/generation/visible_text.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/runs/chat_rows_data.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// Answers rows by the most likely tokens, up to the token that ends the row's own answer or a
/// text, and at most `count` tokens or `length` with the prompt. The answers are in `after`.
template <typename Generator>
std::vector<AnsweredExample> answer_examples(Generator& generator, const AnyTokenizer& tokenizer,
                                             std::span<const ChatExample> examples, Index count,
                                             Index length) {
  const auto text_of = [&](std::span<const Token> tokens) {
    std::string text;
    for (const Token token : tokens) text += tokenizer.decode(token);
    return text;
  };
  const std::vector<Token> ends = detail::end_tokens_of(tokenizer);
  std::vector<AnsweredExample> answered;
  for (const ChatExample& example : examples) {
    const Token last = example.answer.back();
    const auto is_end = [&](Token token) {
      return std::find(ends.begin(), ends.end(), token) != ends.end() ||
             (token == last && is_special(tokenizer, token));
    };
    std::vector<Token> answer;
    const Index most = std::min(count, length - std::ssize(example.prompt));
    generator.generate(example.prompt, most, {.temperature = 0}, 1, [&](Token token) {
      if (is_end(token)) return false;
      answer.push_back(token);
      return true;
    });
    std::span<const Token> expected = example.answer;
    if (is_end(last)) expected = expected.first(expected.size() - 1);
    answered.push_back({text_of(example.prompt), text_of(expected), {}, text_of(answer)});
  }
  return answered;
}

/// Answered rows, for a terminal; a line feed is written as \\n.
inline std::string describe_examples(std::span<const AnsweredExample> examples) {
  std::string text;
  for (const AnsweredExample& one : examples) {
    const auto line = [&](std::string_view name, const std::string& what) {
      text += detail::concat({name, one_line(what), "\n"});
    };
    text += text.empty() ? "\nrows that it was not trained on:\n" : "\n";
    line("prompt  ", one.prompt);
    if (one.before) line("before  ", *one.before);
    line("after   ", one.after);
    line("row     ", one.expected);
  }
  return text;
}

}  // namespace OCTAVO_NAMESPACE
