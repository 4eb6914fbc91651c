// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/list_directory.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// A hint for a folder without a model that Octavo can read, based on the files in it; `otherwise`
/// if they are unknown.
inline std::string folder_hint(const std::string& folder, std::string otherwise) {
  std::error_code unknown;
  std::vector<std::string> names = list_directory(folder, unknown);
  std::sort(names.begin(), names.end());
  const auto ending = [&](std::string_view end) {
    return std::find_if(names.begin(), names.end(),
                        [&](const std::string& name) { return name.ends_with(end); });
  };
  const auto path = [&](const std::string& name) {
    return printable(concat({folder, folder.ends_with('/') ? "" : "/", name}));
  };
  if (const auto gguf = ending(".gguf"); gguf != names.end()) {
    return concat({"name the file: ", path(*gguf)});
  }
  if (std::find(names.begin(), names.end(), "model.safetensors") != names.end()) {
    return concat({"name the file, if it is Octavo's: ", path("model.safetensors"),
                   "; Hugging Face's needs its config.json"});
  }
  for (const char* end : {".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack"}) {
    if (const auto file = ending(end); file != names.end()) {
      return concat({"its weights are in ", printable(*file),
                     ": load them with transformers and save them as safetensors "
                     "(model.save_pretrained(folder))"});
    }
  }
  return otherwise;
}

}  // namespace OCTAVO_NAMESPACE::detail
