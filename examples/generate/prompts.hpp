// SPDX-License-Identifier: MIT
// From what is asked on a command line to tokens of a model.
#pragma once

#include <string>
#include <vector>

#include "generate/model.hpp"
#include "generate/options.hpp"

namespace generate {

/// The beginning of a text.
struct Prompt {
  std::string text;                   ///< as it is written before what the model adds
  std::vector<octavo::Token> tokens;  ///< at least one
};

/// How messages call prompt `i` of `count`.
std::string name_of_prompt(std::size_t i, std::size_t count);

/// The tokens of a text, `what` in messages, by --unknown and --special; with UnknownPolicy::skip
/// unknown characters leave `text` too. Notes on standard error how many are replaced.
std::vector<octavo::Token> encode(const Model& model, const support::GenerateOptions& options,
                                  std::string& text, const std::string& what);

/// A prompt, `what` in messages. An empty one begins after the token that ends a text; where there
/// is none after a line end, or the first token of a vocabulary without line ends. ConfigError on a
/// number of a token that the model does not have; DataError, by --too-long, on more tokens than
/// `length`.
Prompt read_prompt(const Model& model, const support::GenerateOptions& options,
                   const support::AskedPrompt& asked, const std::string& what,
                   octavo::Index length);

/// --logit-bias, and minus infinity for tokens in reserve, which stand for nothing.
std::vector<octavo::TokenBias> biases_of(const Model& model,
                                         const support::GenerateOptions& options);

}  // namespace generate
