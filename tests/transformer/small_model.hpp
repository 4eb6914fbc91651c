// SPDX-License-Identifier: MIT
// A small model for tests of its pieces. Only these lines name the type of its configuration.
#pragma once

#include <octavo/transformer/transformer.hpp>

namespace octavo_test {

using Config = octavo::ModelConfig;

/// No two sizes are equal except those that must be.
inline constexpr Config small_config{.vocabulary = 11,
                                     .context = 8,
                                     .layers = 3,
                                     .width = 6,
                                     .attention = {.heads = 2},
                                     .feed_forward = {.d_ff = 10}};
inline constexpr octavo::Index small_width = 6;

constexpr octavo::Index layers_of(const Config& config) { return config.layers; }

template <octavo::Scalar T, octavo::BlockPart Part = octavo::FeedForward<T>>
using Model = octavo::Transformer<T, octavo::ModelConfig, Part>;

template <octavo::Scalar T, octavo::BlockPart Part = octavo::FeedForward<T>>
Model<T, Part> model_of(const Config& config) {
  return Model<T, Part>(config);
}

/// The parts of the standard block, as the block makes them.
inline octavo::Norm<double> norm_of(const octavo::Builder<double>& builder) {
  return {builder, small_width};
}
inline octavo::CausalSelfAttention<double> attention_of(const octavo::Builder<double>& builder) {
  return {builder, small_width, small_config.attention};
}

}  // namespace octavo_test
