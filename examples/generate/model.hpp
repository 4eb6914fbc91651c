// SPDX-License-Identifier: MIT
// The model of generate.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <octavo/generation/chat_template.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/octavo.hpp>

#include "support/adapters.hpp"

namespace generate {

/// A model of any format that Octavo reads, with the tokens that end a text.
struct Model {
  octavo::ModelConfig config;
  octavo::Index trained_length;
  octavo::AnyTokenizer tokenizer;
  octavo::StoredWeights<float> weights;
  std::vector<octavo::Token> end_tokens;
  std::optional<octavo::ChatTemplate> chat{};
  std::string chat_failure{};  ///< why its chat template cannot be used
};

/// Opens a model and adds adapters to its weights, or, if `mapped`, leaves these in the file; notes
/// on standard error list what is skipped or ignored. FormatError if it has no tokenizer.
/// `base`: where the base of a file of adapters is; empty: where it was.
Model load(const std::string& path, const std::vector<support::GivenAdapter>& adapters = {},
           bool mapped = false, const std::string& base = {});

/// Writes one line on standard error.
void note(const std::string& text);

}  // namespace generate
