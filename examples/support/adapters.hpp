// SPDX-License-Identifier: MIT
// LoRA adapters on the command line.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/transformer/lora_adapter.hpp>

namespace support {

/// PATH[:SCALE]
struct GivenAdapter {
  std::string path;
  double strength = 1;
};

/// Adds --lora, which may be given several times.
void add_lora(CLI::App& app, std::vector<GivenAdapter>& adapters, const std::string& help);

/// Adds --base: where the base of a run's adapters is now.
void add_base(CLI::App& app, std::string& base);

/// Reads the adapters, for a base of this configuration. FormatError if one does not fit.
std::vector<octavo::ScaledAdapter> read_adapters(const std::vector<GivenAdapter>& given,
                                                 const octavo::ModelConfig& base);

/// The adapters of a model file or checkpoint, and its head if that trained too: `base` is where
/// the base is, empty: where it was. ConfigError if it has no adapters, or if something else
/// trained.
octavo::LoraAdapter adapter_of_file(const std::string& path, const std::string& base = {});

/// Saves the adapters of a model file or checkpoint as a folder of PEFT's, and says so, or why not.
/// `base`: the model below them.
void save_adapter(const std::string& model, const std::string& folder, const std::string& base);

}  // namespace support
