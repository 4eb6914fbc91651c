// SPDX-License-Identifier: MIT
// A small model, and generate with it.
#pragma once

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "examples/micro.hpp"

namespace generating {

using Words = std::vector<std::string>;

inline const std::string model = "a/model.safetensors";

/// Trains a model into folder "a" (and more, by `options`).
inline void train(const Sandbox& sandbox, const std::string& options = "") {
  write_file(sandbox, "text", std::string(octavo::sample_text) + std::string(octavo::sample_text));
  check_error(start(sandbox, micro("--data text --out a " + options)), 0, "");
}

inline Words written(const std::string& options, const std::string& prompt = "To be") {
  return Words{"generate", model, "--prompt", prompt} + words_of("--threads 1 " + options);
}

/// What is written; the status must be 0 and nothing be on standard error.
inline std::string text_of(const Sandbox& sandbox, const Words& words, const Start& how = {}) {
  INFO(told(words));
  const Outcome got = start(sandbox, words, how);
  check_error(got, 0, "");
  return got.out;
}

inline void refused(const Sandbox& sandbox, const Words& words, int status,
                    const std::string& message, const std::string& hint = "",
                    const Start& how = {}) {
  INFO(told(words));
  const Outcome got = start(sandbox, words, how);
  check_error(got, status,
              "generate: error: " + message + (hint.empty() ? "" : "\n  hint: " + hint) + "\n");
}

}  // namespace generating
