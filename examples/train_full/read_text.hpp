// SPDX-License-Identifier: MIT
// The text of a run, read from its files.
#pragma once

#include <optional>
#include <string>

#include <octavo/runs/corpus.hpp>
#include <octavo/runs/recipe.hpp>
#include <octavo/runs/resumed_run.hpp>

#include "train_full/options.hpp"

namespace support {

/// Checks that the run does not replace files that it reads.
void spare_what_is_read(const FullOptions& options, const std::string& from,
                        const octavo::ResumedRun* resumed);

/// The text, and the recipe if one is chosen for it.
struct Text {
  std::optional<octavo::Recipe> recipe;
  octavo::Corpus corpus;
};

Text read_text(const FullCommandLine& command_line, const FullOptions& options,
               const octavo::ResumedRun* resumed);

}  // namespace support
