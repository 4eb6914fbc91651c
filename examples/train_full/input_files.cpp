// SPDX-License-Identifier: MIT
#include "train_full/input_files.hpp"

#include <filesystem>
#include <string_view>
#include <system_error>

#include <octavo/octavo.hpp>
#include <octavo/runs/run_files.hpp>

namespace support {
namespace fs = std::filesystem;

void spare_folder_of(const std::string& from, const std::string& out) {
  std::error_code unknown;
  bool same = false;
  if (fs::is_directory(from, unknown)) {
    same = octavo::are_same_file(from, out);
  } else {
    const fs::path real = fs::canonical(from, unknown);
    same = octavo::are_same_file(octavo::folder_of_file(from), out) ||
           (!unknown && octavo::are_same_file(octavo::folder_of_file(real), out));
    for (const char* name : {"model.safetensors", "best.safetensors"}) {
      same = same || octavo::are_same_file(from, fs::path(out) / name);
    }
  }
  if (!same) return;
  throw octavo::ConfigError("--out: got " + octavo::printable(out) +
                                ", the folder of the model of --from, which the run would replace",
                            "name another folder with --out");
}

void spare_texts(std::span<const std::string> texts, const std::string& out) {
  for (const std::string& text : texts) {
    if (out.empty() || !octavo::are_same_file(text, out)) continue;
    throw octavo::ConfigError(
        "--out: got " + octavo::printable(out) + ", a folder of --data, which the run would add to",
        "name another folder with --out, which may lie below that one");
  }
  for (const std::string_view name : octavo::replaced_run_files) {
    for (const std::string& text : texts) {
      if (!octavo::are_same_file(text, fs::path(out) / name)) continue;
      throw octavo::ConfigError(
          "--data: got " + octavo::printable(text) + ", a file that the run would replace",
          "name another folder with --out");
    }
  }
}

void spare_run(const std::string& token_file, const std::string& out) {
  if (token_file.empty()) return;
  std::error_code unknown;
  const fs::path path = token_file;
  if (fs::weakly_canonical(octavo::folder_of_file(path), unknown) !=
      fs::weakly_canonical(out, unknown))
    return;
  if (!octavo::is_run_file(path.filename().string())) return;
  throw octavo::ConfigError("--token-file: got " + octavo::printable(token_file) +
                                ", the name of another file of the run",
                            "choose another name");
}

}  // namespace support
