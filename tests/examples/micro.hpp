// SPDX-License-Identifier: MIT
// The smallest runs that there are, for tests of what surrounds them.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <octavo/data/sample_text.hpp>

#include "examples/process.hpp"

inline void write_file(const Sandbox& sandbox, const std::string& name, std::string_view content) {
  std::ofstream file(sandbox / name, std::ios::binary);
  file << content;
  REQUIRE(file.flush());
}

/// train_full with 3,238 parameters and windows of 12 tokens, so quiet and brief that a run takes
/// milliseconds.
inline std::vector<std::string> micro(const std::string& options = "", const char* steps = "2") {
  return words_of(
             "train_full --layers 1 --heads 2 --width 16 --ff 24 --context 16 --sequence 12 "
             "--threads 1 --save-every 0 --log-every 0 --sample-every 0 --eval-every 0 " +
             options) +
         std::vector<std::string>{steps};
}

/// The names below a folder, in order.
inline std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    names.push_back(entry.path().lexically_relative(folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}
