// SPDX-License-Identifier: MIT
// Low-rank adapters against the numbers that PyTorch computed: tests/reference/lora.
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/checkpoint/field_metadata.hpp>

#include "transformer/pytorch_reference.hpp"

using namespace octavo;
using octavo_test::values;

TEST_CASE_TEMPLATE("twenty losses of AdamW, and then adapters and logits, are PyTorch's", T, float,
                   double) {
  constexpr bool exact = std::is_same_v<T, double>;
  for (const std::string name : {"llama", "llama_qv", "gpt2"}) {
    INFO(name);
    const FileSource source(std::string(OCTAVO_TEST_REFERENCE_FOLDER) + "/lora/" + name +
                            ".safetensors");
    const SafetensorsReader file(source);
    ModelConfig config;
    for_each_field(config, detail::FieldReader{MetadataReader(file)});
    REQUIRE(config.lora.rank > 0);
    const auto same = [](const std::string& tensor) { return std::string_view(tensor); };
    octavo_test::PytorchReference<T, decltype(same)> reference(file, config, same);
    const auto losses = values<double>(file, "adamw_losses");
    CHECK(losses.size() == 20);
    for (const double expected : losses) {
      CHECK(std::abs(reference.step.train(5e-3).loss - expected) <= (exact ? 1e-9 : 1e-4));
    }
    const auto close = [&](auto got, const std::vector<double>& expected) {
      double worst = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected[i]));
      }
      return worst <= (exact ? 1e-9 : 1e-3);
    };
    CHECK(close(reference.logits(), values<double>(file, "logits_after")));
    std::size_t adapters = 0;
    for (const Parameter& tensor : reference.step.parameters()) {
      if (!is_adapter(tensor.name)) continue;
      ++adapters;
      INFO(tensor.name);
      CHECK(close(reference.step.weights().data() + tensor.offset,
                  values<double>(file, "after." + tensor.name)));
    }
    CHECK(adapters == (name == "llama_qv" ? 4u : 16u));
  }
}
