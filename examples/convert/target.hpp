// SPDX-License-Identifier: MIT
// Where a conversion goes, and what it must not replace.
#pragma once

#include <string>
#include <vector>

#include "support/adapters.hpp"

namespace convert {

enum class Target { octavo, folder, gguf };

/// Recognises the format by name: .safetensors, .gguf, or a folder, which exists, ends with / or
/// has no extension.
Target target_of(const std::string& path);

/// A folder's name without the / at its end.
std::string plain(std::string path);

/// Refuses to replace the input: a file by its conversion, under any name, or the files of a
/// folder.
void spare_source(const std::string& from, const std::string& to, Target target,
                  const std::vector<support::GivenAdapter>& adapters);

/// Refuses to replace the base of FROM's adapters.
void spare_base(const std::string& base, const std::string& to, Target target);

/// A model.safetensors is Octavo's, or, beside a config.json, Hugging Face's. Refuses to replace
/// one kind with the other.
void spare_other_models(const std::string& to, Target target);

}  // namespace convert
