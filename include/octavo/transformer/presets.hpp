// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/transformer/model_config.hpp>

/// Named configurations. The vocabulary depends on the text; the values here are for the built-in
/// sample text and tiny Shakespeare, by character.
namespace OCTAVO_NAMESPACE::presets {

/// `train_full --tiny`.
inline constexpr ModelConfig tiny{.vocabulary = 35,
                                  .context = 128,
                                  .layers = 1,
                                  .width = 64,
                                  .attention = {.heads = 2},
                                  .feed_forward = {.d_ff = 128}};
/// `train_full --small`.
inline constexpr ModelConfig small{.vocabulary = 35,
                                   .context = 128,
                                   .layers = 2,
                                   .width = 128,
                                   .attention = {.heads = 4},
                                   .feed_forward = {.d_ff = 512}};
/// `train_full --medium`.
inline constexpr ModelConfig medium{.vocabulary = 66,
                                    .context = 128,
                                    .layers = 4,
                                    .width = 256,
                                    .attention = {.heads = 8},
                                    .feed_forward = {.d_ff = 512}};
/// `train_full --large`.
inline constexpr ModelConfig large{.vocabulary = 66,
                                   .context = 128,
                                   .layers = 4,
                                   .width = 512,
                                   .attention = {.heads = 16},
                                   .feed_forward = {.d_ff = 1024}};
/// nanoGPT's CPU setting for tiny Shakespeare (its README, "I only have a macbook").
inline constexpr ModelConfig nano{
    .vocabulary = 65,
    .context = 64,
    .layers = 4,
    .width = 128,
    .norm = {.bias = false},
    .attention = {.heads = 4, .bias = false},
    .feed_forward = {.d_ff = 512, .activation = Activation::gelu, .bias = false},
    .head = {.tied = true, .bias = false}};
/// GPT-2, 124M parameters (Radford et al. 2019).
inline constexpr ModelConfig gpt2{
    .vocabulary = 50257,
    .context = 1024,
    .layers = 12,
    .width = 768,
    .attention = {.heads = 12},
    .feed_forward = {.d_ff = 3072, .activation = Activation::gelu_tanh},
    .head = {.tied = true}};

}  // namespace OCTAVO_NAMESPACE::presets
