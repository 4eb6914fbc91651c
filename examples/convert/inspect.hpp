// SPDX-License-Identifier: MIT
// convert --inspect.
#pragma once

#include <string>

namespace convert {

/// Prints what a model's files hold, without reading its weights: configuration, tokenizer, chat
/// template, tensors by type, and the memory that generation and training would need.
/// `base`: as of generate::load.
void inspect(const std::string& path, const std::string& base);

/// Whether a file begins as a GGUF file does.
bool begins_with_gguf(const std::string& path);

}  // namespace convert
