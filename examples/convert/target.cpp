// SPDX-License-Identifier: MIT
#include "convert/target.hpp"

#include <filesystem>
#include <system_error>

#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/octavo.hpp>
#include <octavo/runs/run_files.hpp>

namespace convert {
namespace {

/// Whether a folder has other weight files that would stay beside the new ones: shards, their
/// index, checkpoints, PyTorch files.
bool has_other_weights(const std::string& folder) {
  std::error_code unknown;
  for (const std::string& name : octavo::list_directory(folder, unknown)) {
    if (name == "model.safetensors") continue;
    if (name.ends_with(".safetensors") || name.ends_with(".index.json") || name.ends_with(".bin")) {
      return true;
    }
  }
  return false;
}

}  // namespace

Target target_of(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown) || path.ends_with('/')) return Target::folder;
  if (path.ends_with(".gguf")) return Target::gguf;
  if (path.ends_with(".safetensors")) return Target::octavo;
  if (std::filesystem::path(path).extension().empty()) return Target::folder;
  throw octavo::ConfigError(
      "TO: got " + octavo::printable(path) +
          ", expected a name that ends with .gguf or .safetensors, or a folder",
      "write / at the end of a folder's name");
}

std::string plain(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

void spare_source(const std::string& from, const std::string& to, Target target,
                  const std::vector<support::GivenAdapter>& adapters) {
  namespace fs = std::filesystem;
  const std::string output = target == Target::folder ? to + "/model.safetensors" : to;
  std::error_code unknown;
  std::vector<std::string> inputs = {from};
  for (const support::GivenAdapter& one : adapters) {
    if (!fs::is_directory(one.path, unknown)) inputs.push_back(one.path);
  }
  if (fs::is_directory(from, unknown)) {
    if (target == Target::folder) octavo::require_not_input("TO", to, inputs);
    if (fs::exists(from + "/config.json", unknown)) {
      for (const std::string& name : octavo::list_directory(from, unknown)) {
        if (name.ends_with(".safetensors")) inputs.push_back(from + "/" + name);
      }
    } else {
      for (const auto& one : octavo::find_checkpoints(from)) inputs.push_back(one.path);
    }
  }
  octavo::require_not_input("TO", output, inputs);
}

void spare_base(const std::string& base, const std::string& to, Target target) {
  const std::string inputs[] = {base};
  octavo::require_not_input("TO", target == Target::folder ? to + "/model.safetensors" : to, inputs,
                            true);
}

void spare_other_models(const std::string& to, Target target) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  const bool folder = target == Target::folder;
  const fs::path file = folder ? fs::path(to) / "model.safetensors" : fs::path(to);
  if (target == Target::gguf) return;
  if (fs::exists(file, unknown) &&
      fs::exists(file.parent_path() / "config.json", unknown) != folder) {
    throw octavo::Error(octavo::ErrorCode::cannot_create,
                        "cannot write " + octavo::printable(to) + ": " +
                            (folder ? "its model.safetensors is not a Hugging Face model"
                                    : "it is a Hugging Face model"),
                        "name another " + std::string(folder ? "folder" : "file"));
  }
  if (folder && has_other_weights(to)) {
    throw octavo::Error(octavo::ErrorCode::cannot_create,
                        "cannot write " + octavo::printable(to) +
                            ": the folder has other weights, which would be taken for this model's",
                        "name another folder");
  }
}

}  // namespace convert
