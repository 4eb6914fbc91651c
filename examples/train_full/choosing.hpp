// SPDX-License-Identifier: MIT
// Chooses what a command line leaves open: the model and the training options by the text's size
// and the time, the number of steps by the time of a step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <octavo/octavo.hpp>
#include <octavo/runs.hpp>

#include "train_full/options.hpp"

namespace support {

/// The recipe for a text, with the given options; nothing if the command line names a model.
/// Measures this machine's speed unless the number of steps is given. `options`: the resolved
/// command line.
std::optional<octavo::Recipe> recipe_for(const FullCommandLine& line, FullOptions options,
                                         std::size_t text_bytes);

/// The command line with all that is chosen; prints it. `options`: the resolved `line`; `words`:
/// its arguments. Measures a step of the run unless the number of steps is given.
FullCommandLine with_choices(const FullCommandLine& line, const std::vector<std::string>& words,
                             FullOptions options, std::optional<octavo::Recipe> recipe,
                             const octavo::Corpus& corpus);

/// The command line of a run on rows for fine-tuning, with their length, the batch, the steps of
/// its epochs and the evaluations, two in an epoch; prints it.
FullCommandLine with_row_choices(const FullCommandLine& line, const std::vector<std::string>& words,
                                 const FullOptions& options, const octavo::Corpus& corpus);

}  // namespace support
