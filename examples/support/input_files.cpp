// SPDX-License-Identifier: MIT
#include "support/input_files.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>

#include <octavo/octavo.hpp>

namespace support {
namespace {

namespace fs = std::filesystem;

/// Whether two names lead to the same file or folder, which is there.
bool are_same(const fs::path& a, const fs::path& b) {
  std::error_code unknown;
  return fs::equivalent(a, b, unknown) && !unknown;
}

fs::path folder_of(const fs::path& path) {
  const fs::path folder = path.parent_path();
  return folder.empty() ? "." : folder;
}

/// Where links lead to; empty if there is nothing.
fs::path real_path(const fs::path& path) {
  std::error_code unknown;
  const fs::path found = fs::canonical(path, unknown);
  return unknown ? fs::path() : found;
}

bool lies_below(const fs::path& path, const fs::path& folder) {
  std::error_code unknown;
  if (!fs::is_directory(folder, unknown)) return false;
  const fs::path file = real_path(path), top = real_path(folder);
  return !file.empty() &&
         std::mismatch(top.begin(), top.end(), file.begin(), file.end()).first == top.end();
}

/// The files of a run, but for its checkpoints, that are not added to but replaced.
constexpr std::string_view run_files[] = {"model.safetensors", "best.safetensors", "metrics.csv",
                                          "samples.tsv", "report.html"};

[[noreturn]] void refuse_output(const char* option, const std::string& output,
                                const std::string& input) {
  throw octavo::ConfigError(
      std::string(option) + ": got " + octavo::printable(output) + ", which would replace " +
          (output == input ? "what is read" : "what is read from " + octavo::printable(input)),
      "name another file");
}

}  // namespace

void spare_files(const char* option, const std::string& output,
                 std::span<const std::string> inputs) {
  for (const std::string& input : inputs) {
    if (!input.empty() && are_same(output, input)) refuse_output(option, output, input);
  }
}

void spare_inputs(const char* option, const std::string& output,
                  std::span<const std::string> inputs) {
  spare_files(option, output, inputs);
  for (const std::string& input : inputs) {
    if (!input.empty() && lies_below(output, input)) refuse_output(option, output, input);
  }
}

void spare_folder_of(const std::string& from, const std::string& out) {
  std::error_code unknown;
  bool same = false;
  if (fs::is_directory(from, unknown)) {
    same = are_same(from, out);
  } else {
    same = are_same(folder_of(from), out) || are_same(folder_of(real_path(from)), out);
    for (const char* name : {"model.safetensors", "best.safetensors"}) {
      same = same || are_same(from, fs::path(out) / name);
    }
  }
  if (!same) return;
  throw octavo::ConfigError("--out: got " + octavo::printable(out) +
                                ", the folder of the model of --from, which the run would replace",
                            "name another folder with --out");
}

void spare_texts(std::span<const std::string> texts, const std::string& out) {
  for (const std::string& text : texts) {
    if (out.empty() || !are_same(text, out)) continue;
    throw octavo::ConfigError(
        "--out: got " + octavo::printable(out) + ", a folder of --data, which the run would add to",
        "name another folder with --out, which may lie below that one");
  }
  for (const std::string_view name : run_files) {
    for (const std::string& text : texts) {
      if (!are_same(text, fs::path(out) / name)) continue;
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
  if (fs::weakly_canonical(folder_of(path), unknown) != fs::weakly_canonical(out, unknown)) return;
  const std::string name = path.filename().string();
  const bool is_run =
      std::find(std::begin(run_files), std::end(run_files), name) != std::end(run_files);
  if (!is_run && !name.starts_with("checkpoint-") && name != ".lock") return;
  throw octavo::ConfigError("--token-file: got " + octavo::printable(token_file) +
                                ", the name of another file of the run",
                            "choose another name");
}

}  // namespace support
