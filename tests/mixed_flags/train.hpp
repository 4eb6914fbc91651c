// SPDX-License-Identifier: MIT
// What both files of the program do: train a few steps, and tell the bits.
#pragma once

#include <bit>
#include <cstdint>

#include <octavo/octavo.hpp>

inline constexpr octavo::ModelConfig mixed_shape{.vocabulary = 35,
                                                 .context = 16,
                                                 .layers = 1,
                                                 .width = 32,
                                                 .attention = {.heads = 2},
                                                 .feed_forward = {.d_ff = 48}};

/// FNV-1a over the weights after some steps. A template, so that each file compiles its own.
template <typename T>
std::uint64_t trained_bits(octavo::ThreadPool& threads) {
  const auto tokenizer = octavo::CharacterTokenizer::from_text(octavo::sample_text);
  const octavo::TokenStore tokens = octavo::tokenize(tokenizer, octavo::sample_text);
  octavo::Trainer<T> trainer(mixed_shape, {.steps = 5, .sequence = 16}, threads);
  trainer.run(tokens.view());
  std::uint64_t hash = 14695981039346656037u;
  for (const float weight : trainer.weights()) {
    hash = (hash ^ std::bit_cast<std::uint32_t>(weight)) * 1099511628211u;
  }
  return hash;
}
