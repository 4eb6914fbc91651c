// SPDX-License-Identifier: MIT
// Refuses outputs that would replace inputs, under any name, before anything is written.
#pragma once

#include <span>
#include <string>

namespace support {

/// ConfigError if `out` is the folder of the model `from`, or contains its file.
void spare_folder_of(const std::string& from, const std::string& out);

/// ConfigError if one of the texts is a file that a run writes to `out`.
void spare_texts(std::span<const std::string> texts, const std::string& out);

/// ConfigError if `token_file` is the name of another file that a run writes to `out`.
void spare_run(const std::string& token_file, const std::string& out);

}  // namespace support
