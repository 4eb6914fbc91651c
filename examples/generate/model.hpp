// SPDX-License-Identifier: MIT
// The model that generate works with.
#pragma once

#include <string>
#include <vector>

#include <octavo/interop/model_source.hpp>
#include <octavo/octavo.hpp>

namespace generate {

/// A model of any format that Octavo reads, with the tokens that end a text.
struct Model : octavo::LoadedModel<float> {
  std::vector<octavo::Token> end_tokens;
};

/// Tells on standard error what was skipped or set aside. FormatError if it has no tokenizer.
Model load(const std::string& path);

/// One line on standard error.
void note(const std::string& text);

}  // namespace generate
