// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/transformer/model_config.hpp>

namespace octavo_test {

/// A model of two layers whose numbers the tests know; its vocabulary is that of a fixed alphabet.
inline constexpr octavo::ModelConfig fixed_shape{.vocabulary = 70,
                                                 .context = 64,
                                                 .layers = 2,
                                                 .width = 128,
                                                 .attention = {.heads = 4},
                                                 .feed_forward = {.d_ff = 256}};

}  // namespace octavo_test
