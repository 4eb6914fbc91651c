// SPDX-License-Identifier: MIT
// Texts to train on, and what refuses them.
#pragma once

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "examples/micro.hpp"

namespace corpus {

using Words = std::vector<std::string>;

inline const std::string prose = "It was the best of times, it was the worst of times; ";

inline std::string repeated(const std::string& text, std::size_t size) {
  std::string result;
  while (result.size() < size) result += text;
  return result.substr(0, size);
}

/// Refused with exactly this, and nothing made.
inline void refused(const Sandbox& sandbox, const Words& words, int status,
                    const std::string& message, const std::string& hint, const Start& how = {}) {
  INFO(told(words));
  const auto before = names_in(sandbox.path);
  check_error(start(sandbox, words, how), status,
              words[0] + ": error: " + message + (hint.empty() ? "" : "\n  hint: " + hint) + "\n");
  CHECK(names_in(sandbox.path) == before);
}

}  // namespace corpus
