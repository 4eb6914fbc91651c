// SPDX-License-Identifier: MIT
// Families against the numbers that PyTorch computed: tests/reference/family.
#include <string>

#include <doctest/doctest.h>

#include <octavo/checkpoint/field_metadata.hpp>
#include <octavo/optimizers/muon.hpp>

#include "transformer/pytorch_reference.hpp"

using namespace octavo;

TEST_CASE_TEMPLATE(
    "logits, gradients, ten losses of AdamW and of Muon of each family are PyTorch's", T, float,
    double) {
  for (const std::string name :
       {"llama_gqa", "smollm_llama3", "wide_heads", "qwen2", "qwen3", "mistral", "gemma1", "gemma2",
        "gemma3", "yarn", "linear", "dynamic", "partial_rotary", "parallel", "convolution",
        "parallel_convolution"}) {
    INFO(name);
    const FileSource source(std::string(OCTAVO_TEST_REFERENCE_FOLDER) + "/family/" + name +
                            ".safetensors");
    const SafetensorsReader file(source);
    ModelConfig config;
    for_each_field(config, detail::FieldReader{MetadataReader(file)});
    const auto rename = [](const std::string& tensor) { return tensor; };
    octavo_test::compare_with_pytorch<T>(file, config, rename);
    octavo_test::PytorchReference<T, decltype(rename)> muon(file, config, rename, Muon{});
    for (const double expected : octavo_test::values<double>(file, "muon_losses")) {
      const double loss = muon.step.train(4e-4).loss;
      CHECK(std::abs(loss - expected) <= (std::is_same_v<T, double> ? 1e-9 : 1e-5));
    }
  }
}
