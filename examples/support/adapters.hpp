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

/// Reads the adapters, for a base of this configuration. FormatError if one does not fit.
std::vector<octavo::ScaledAdapter> read_adapters(const std::vector<GivenAdapter>& given,
                                                 const octavo::ModelConfig& base);

}  // namespace support
