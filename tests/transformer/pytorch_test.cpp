// SPDX-License-Identifier: MIT
// GPT-2 against the numbers that PyTorch computed: tests/reference.
#include <string>

#include <doctest/doctest.h>

#include <octavo/transformer/gpt2_names.hpp>

#include "transformer/pytorch_reference.hpp"

using namespace octavo;

namespace {

constexpr ModelConfig relu_bias_untied{.vocabulary = 19,
                                       .context = 16,
                                       .layers = 2,
                                       .width = 16,
                                       .attention = {.heads = 2},
                                       .feed_forward = {.d_ff = 32}};
constexpr ModelConfig gelu_nobias_tied{
    .vocabulary = 19,
    .context = 16,
    .layers = 2,
    .width = 24,
    .norm = {.bias = false},
    .attention = {.heads = 4, .bias = false},
    .feed_forward = {.d_ff = 48, .activation = Activation::gelu, .bias = false},
    .head = {.tied = true, .bias = false}};

template <Scalar T>
void compare(const std::string& name, const ModelConfig& config) {
  const FileSource source(std::string(OCTAVO_TEST_REFERENCE_FOLDER) + "/" + name);
  octavo_test::compare_with_pytorch<T>(SafetensorsReader(source), config,
                                       [](const std::string& tensor) { return gpt2_name(tensor); });
}

}  // namespace

TEST_CASE_TEMPLATE("ReLU, biases, untied head, an ignored target", T, float, double) {
  compare<T>("relu_bias_untied.safetensors", relu_bias_untied);
}

TEST_CASE_TEMPLATE("exact GELU, no biases, tied head", T, float, double) {
  compare<T>("gelu_nobias_tied.safetensors", gelu_nobias_tied);
}
