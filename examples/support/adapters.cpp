// SPDX-License-Identifier: MIT
#include "support/adapters.hpp"

#include <cmath>
#include <string_view>

#include <octavo/interop/gguf_adapter.hpp>

#include "support/program.hpp"

namespace support {
namespace {

/// What follows the last colon is a scale if it is a number.
GivenAdapter parse_adapter(const std::string& given) {
  GivenAdapter adapter{given};
  const std::size_t colon = given.rfind(':');
  if (colon != std::string::npos &&
      octavo::parse_whole(std::string_view(given).substr(colon + 1), adapter.strength)) {
    adapter.path = given.substr(0, colon);
  }
  if (adapter.path.empty() || !std::isfinite(adapter.strength)) {
    throw octavo::ConfigError("--lora: got " + octavo::printable(given) +
                              ", expected PATH[:SCALE], such as adapter.gguf or adapter:0.5");
  }
  return adapter;
}

}  // namespace

void add_lora(CLI::App& app, std::vector<GivenAdapter>& adapters, const std::string& help) {
  add_repeatable(
      app, "--lora",
      [&adapters](const std::string& text) { adapters.push_back(parse_adapter(text)); }, help)
      ->type_name("PATH[:SCALE]");
}

std::vector<octavo::ScaledAdapter> read_adapters(const std::vector<GivenAdapter>& given,
                                                 const octavo::ModelConfig& base) {
  std::vector<octavo::ScaledAdapter> adapters;
  for (const GivenAdapter& one : given) {
    adapters.push_back({octavo::read_lora_adapter(one.path, base), one.strength});
  }
  return adapters;
}

}  // namespace support
