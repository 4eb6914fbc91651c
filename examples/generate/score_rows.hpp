// SPDX-License-Identifier: MIT
// Scores of the rows of a JSONL file.
#pragma once

#include <cstddef>
#include <string>

#include "generate/model.hpp"
#include "generate/options.hpp"

namespace generate {

/// Whether a file has rows, by its name.
bool has_rows(const std::string& name);

/// Prints the scores of the rows; returns the planned bytes. DataError, with file and line, for a
/// bad row beyond those that are skipped.
std::size_t score_rows(const support::GenerateOptions& options, const Model& model,
                       octavo::ThreadPool& threads);

}  // namespace generate
