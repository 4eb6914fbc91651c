// SPDX-License-Identifier: MIT
#include "generate/prompts.hpp"

#include <algorithm>
#include <limits>
#include <span>

namespace generate {
namespace {

using octavo::Index;
using octavo::Token;
using support::GenerateOptions;
using support::UnknownPolicy;

const char* const skip_hint = "leave it out, or say --unknown skip";

/// The tokens of a text that has passed its policy.
void note_unknown(const Model& model, const std::string& text, const std::string& what) {
  const octavo::UnknownCount count = octavo::count_unknown(model.tokenizer, text);
  if (count.unknown == 0) return;
  note(what + ": " + std::to_string(count.unknown) + " of " +
       octavo::counted(count.characters, "letter") + (count.unknown == 1 ? " is" : " are") +
       " not in the model's vocabulary: the unknown token stands for them (--unknown skip leaves "
       "them out)");
}

/// Words include the blank before them, so a separate blank is continued as if there were two.
void note_blank(const Model& model, const std::vector<Token>& tokens, const std::string& what) {
  const auto* const bpe = model.tokenizer.get_if<octavo::BpeTokenizer>();
  if (bpe == nullptr || bpe->decode(tokens.back()) != " ") return;
  const auto begins_words = [&](const octavo::BpeMerge& merge) {
    return merge.left == tokens.back();
  };
  if (std::none_of(bpe->merges().begin(), bpe->merges().end(), begins_words)) return;
  note(what +
       ": it ends with a blank, which is a separate token; this model's words begin with a " +
       "blank of their own, so a prompt without it works better");
}

std::vector<Token> beginning_of_a_text(const Model& model) {
  if (!model.end_tokens.empty()) return {model.end_tokens.front()};
  if (octavo::first_unknown(model.tokenizer, "\n") == std::string_view::npos) {
    return model.tokenizer.encode("\n");
  }
  return {0};
}

Prompt of_tokens(const Model& model, const GenerateOptions& options,
                 const std::vector<Token>& tokens) {
  Prompt prompt{"", tokens};
  for (const Token token : tokens) {
    octavo::require(token < model.tokenizer.vocabulary_size(), [&] {
      return "--prompt-tokens: got " + std::to_string(token) + ", the model's tokens are 0 to " +
             std::to_string(model.tokenizer.vocabulary_size() - 1);
    });
    if (options.special || !model.tokenizer.is_special(token)) {
      prompt.text += model.tokenizer.decode(token);
    }
  }
  return prompt;
}

/// Puts the tokens that begin a text before a prompt, unless the prompt spells them out.
void put_before(std::vector<Token>& tokens, const std::vector<Token>& beginning) {
  const bool there = tokens.size() >= beginning.size() &&
                     std::equal(beginning.begin(), beginning.end(), tokens.begin());
  if (!there) tokens.insert(tokens.begin(), beginning.begin(), beginning.end());
}

/// Throws ConfigError or UnknownSymbol as the tokenizer does.
std::vector<Token> encode_by_policy(const Model& model, const GenerateOptions& options,
                                    UnknownPolicy policy, std::string& text) {
  if (policy == UnknownPolicy::refuse) octavo::require_known(model.tokenizer, text);
  if (policy == UnknownPolicy::skip) text = octavo::without_unknown(model.tokenizer, text);
  return model.tokenizer.encode(
      text, options.special ? octavo::SpecialTokens::recognized : octavo::SpecialTokens::as_text);
}

}  // namespace

std::string name_of_prompt(std::size_t i, std::size_t count) {
  return count > 1 ? "prompt " + std::to_string(i + 1) : "prompt";
}

std::vector<Token> encode(const Model& model, const GenerateOptions& options, std::string& text,
                          const std::string& what) {
  try {
    std::vector<Token> tokens = encode_by_policy(model, options, options.unknown, text);
    put_before(tokens, model.tokenizer.frame().before);
    note_unknown(model, text, what);
    return tokens;
  } catch (const octavo::UnknownSymbol& error) {
    throw octavo::DataError(what + ": " + error.what(), skip_hint);
  }
}

Prompt read_prompt(const Model& model, const GenerateOptions& options,
                   const support::GivenPrompt& asked, const std::string& what, Index length) {
  Prompt prompt{asked.text, {}};
  if (asked.tokens) {
    prompt = of_tokens(model, options, *asked.tokens);
  } else {
    prompt.tokens = encode(model, options, prompt.text, what);
  }
  if (prompt.tokens.empty()) {
    prompt.tokens = beginning_of_a_text(model);
  } else {
    note_blank(model, prompt.tokens, what);
  }
  try {
    const std::span<const Token> read = octavo::fit_prompt(prompt.tokens, length, options.too_long);
    if (read.size() < prompt.tokens.size()) prompt.tokens.assign(read.begin(), read.end());
  } catch (const octavo::DataError& error) {
    std::size_t byte = 0;
    for (Index i = 0; i < length; ++i) {
      byte += model.tokenizer.decode(prompt.tokens[static_cast<std::size_t>(i)]).size();
    }
    throw octavo::DataError(what + ": byte " + std::to_string(byte) + ": " + error.what(),
                            "shorten it, or say --too-long slide or --too-long keep-last");
  }
  return prompt;
}

std::vector<octavo::TokenBias> biases_of(const Model& model, const GenerateOptions& options) {
  const Index vocabulary = model.tokenizer.vocabulary_size();
  std::vector<octavo::TokenBias> biases;
  for (const support::GivenBias& bias : options.biases) {
    const std::string what = "--logit-bias " + octavo::printable(bias.given);
    if (bias.text.empty()) {
      octavo::require(bias.token < vocabulary, [&] {
        return what + ": the model's tokens are 0 to " + std::to_string(vocabulary - 1);
      });
      biases.push_back({bias.token, bias.value});
      continue;
    }
    try {
      std::string text = bias.text;
      for (const Token token : encode_by_policy(model, options, UnknownPolicy::refuse, text)) {
        biases.push_back({token, bias.value});
      }
    } catch (const octavo::UnknownSymbol& error) {
      throw octavo::DataError(what + ": " + error.what());
    }
  }
  for (Token token = 0; token < vocabulary; ++token) {
    if (model.tokenizer.is_reserve(token)) {
      biases.push_back({token, -std::numeric_limits<double>::infinity()});
    }
  }
  return biases;
}

}  // namespace generate
