// SPDX-License-Identifier: MIT
// Converts the prompts of the command line to tokens of a model.
#pragma once

#include <string>
#include <vector>

#include "generate/model.hpp"
#include "generate/options.hpp"

namespace generate {

/// The start of a text.
struct Prompt {
  std::string text;                   ///< text to print before the generated text
  std::vector<octavo::Token> tokens;  ///< at least one
};

/// The name of prompt `i` of `count` in messages.
std::string name_of_prompt(std::size_t i, std::size_t count);

/// The tokens of a text, `what` in messages, by --unknown and --special; with UnknownPolicy::skip
/// unknown characters are removed from `text` as well. A note on standard error has the number of
/// replaced characters.
std::vector<octavo::Token> encode(const Model& model, const support::GenerateOptions& options,
                                  std::string& text, const std::string& what);

/// A prompt, `what` in messages. An empty prompt starts after the token that ends a text, or,
/// without such a token, after a line end, or after the first token of a vocabulary without line
/// ends. ConfigError for a token number outside the vocabulary; DataError, depending on --too-long,
/// for more than `length` tokens.
Prompt read_prompt(const Model& model, const support::GenerateOptions& options,
                   const support::GivenPrompt& asked, const std::string& what,
                   octavo::Index length);

/// --logit-bias, and minus infinity for tokens in reserve, which stand for nothing.
std::vector<octavo::TokenBias> biases_of(const Model& model,
                                         const support::GenerateOptions& options);

}  // namespace generate
