// SPDX-License-Identifier: MIT
// Families against the numbers that PyTorch computed: tests/reference/family.
#include <string>

#include <doctest/doctest.h>

#include <octavo/checkpoint/field_metadata.hpp>

#include "transformer/pytorch_reference.hpp"

using namespace octavo;

TEST_CASE_TEMPLATE("logits, gradients and ten losses of each family are PyTorch's", T, float,
                   double) {
  for (const std::string name :
       {"llama_gqa", "smollm_llama3", "wide_heads", "qwen2", "qwen3", "mistral", "gemma1", "gemma2",
        "gemma3", "yarn", "linear", "dynamic", "partial_rotary", "parallel"}) {
    INFO(name);
    const FileSource source(std::string(OCTAVO_TEST_REFERENCE_FOLDER) + "/family/" + name +
                            ".safetensors");
    const SafetensorsReader file(source);
    ModelConfig config;
    for_each_field(config, detail::FieldReader{MetadataReader(file)});
    octavo_test::compare_with_pytorch<T>(file, config,
                                         [](const std::string& tensor) { return tensor; });
  }
}
