// SPDX-License-Identifier: MIT
#include "support/adapters.hpp"

#include <cmath>
#include <cstdio>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/generation/visible_text.hpp>
#include <octavo/interop/gguf_adapter.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/transformer/extract_adapter.hpp>

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

void add_base(CLI::App& app, std::string& base) {
  add_name(app, "--base", base,
           "The model on which the adapters of a run were trained, if it was moved (where it was)")
      ->type_name("PATH");
}

std::vector<octavo::ScaledAdapter> read_adapters(const std::vector<GivenAdapter>& given,
                                                 const octavo::ModelConfig& base) {
  std::vector<octavo::ScaledAdapter> adapters;
  for (const GivenAdapter& one : given) {
    adapters.push_back({octavo::read_lora_adapter(one.path, base), one.strength});
  }
  return adapters;
}

octavo::LoraAdapter adapter_of_file(const std::string& path, const std::string& base) {
  const octavo::FileSource source(path);
  const octavo::ModelFile file(source);
  octavo::LoraAdapter adapter =
      octavo::extract_adapter(file.config(), octavo::Transformer<float>(file.config()).parameters(),
                              [&](const octavo::ParameterBlock& block, std::span<float> numbers) {
                                file.read<float>(block, numbers);
                              });
  if (!file.base().exists()) return adapter;
  for (const octavo::Parameter& own : file.parameters()) {
    if (own.outside || octavo::is_adapter(own.name)) continue;
    if (own.name != "head.weight") {
      throw octavo::ConfigError(octavo::printable(path) + ": " + octavo::printable(own.name) +
                                    " trained too, which an adapter cannot hold",
                                "convert the whole model instead, with --merge");
    }
    const octavo::ModelSource both(path, {}, {}, octavo::real_file_system(), base);
    both.check_sums();
    const octavo::ModelSource below(both.base_path());
    const octavo::Transformer<float> model(below.config());
    std::vector<float> trained(static_cast<std::size_t>(own.count())), before(trained.size());
    file.read<float>(own, trained);
    below.read(model.parameters().find(own.name), std::span(before));
    octavo::add_trained_head(adapter, trained, before);
  }
  return adapter;
}

void save_adapter(const std::string& model, const std::string& folder, const std::string& base) {
  std::optional<octavo::LoraAdapter> adapter;
  try {
    adapter.emplace(adapter_of_file(model));
  } catch (const octavo::ConfigError& error) {
    std::printf("No adapter for PEFT is written: %s\n", error.what());
    return;
  }
  try {
    octavo::PretrainedConfig config;
    config.model = adapter->base();
    config.trained_length = config.model.context;
    (void)hf_config_text(config, octavo::StoredType::f32, "cannot write");
    octavo::save_peft_adapter(folder, *adapter, base);
    std::printf("The adapter of %s, for PEFT: %s; for llama.cpp: %s %s NAME.gguf --adapter\n",
                octavo::one_line(model).c_str(), octavo::one_line(folder).c_str(),
                command_of("convert").c_str(), shell_word(model).c_str());
  } catch (const octavo::IoError&) {
    throw;
  } catch (const octavo::Error&) {
    // No class of transformers has such a base, so that PEFT has no use for the adapter.
  }
}

}  // namespace support
