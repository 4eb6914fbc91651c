// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/transformer/model_shape.hpp>

/// Named shapes. The vocabulary follows from the text; the values here are those of Hamlet's
/// soliloquy and of tiny Shakespeare, by character.
namespace OCTAVO_NAMESPACE::presets {

inline constexpr ModelShape tiny{
    .vocabulary = 35, .context = 128, .layers = 1, .heads = 2, .width = 64, .d_ff = 128};
inline constexpr ModelShape small{
    .vocabulary = 35, .context = 128, .layers = 2, .heads = 4, .width = 128, .d_ff = 512};
inline constexpr ModelShape medium{
    .vocabulary = 66, .context = 128, .layers = 4, .heads = 8, .width = 256, .d_ff = 512};
inline constexpr ModelShape large{
    .vocabulary = 66, .context = 128, .layers = 4, .heads = 16, .width = 512, .d_ff = 1024};
/// nanoGPT's CPU setting for tiny Shakespeare (its README, "I only have a macbook").
inline constexpr ModelShape nano{.vocabulary = 65,
                                 .context = 64,
                                 .layers = 4,
                                 .heads = 4,
                                 .width = 128,
                                 .d_ff = 512,
                                 .activation = Activation::gelu,
                                 .bias = false,
                                 .tied = true};
/// GPT-2, 124M parameters (Radford et al. 2019).
inline constexpr ModelShape gpt2{.vocabulary = 50257,
                                 .context = 1024,
                                 .layers = 12,
                                 .heads = 12,
                                 .width = 768,
                                 .d_ff = 3072,
                                 .activation = Activation::gelu_tanh,
                                 .tied = true};

}  // namespace OCTAVO_NAMESPACE::presets
