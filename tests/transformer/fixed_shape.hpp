// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/transformer/model_shape.hpp>

namespace octavo_test {

/// A model of two layers whose numbers the tests know; its vocabulary is that of a fixed alphabet.
inline constexpr octavo::ModelShape fixed_shape{
    .vocabulary = 70, .context = 64, .layers = 2, .heads = 4, .width = 128, .d_ff = 256};

}  // namespace octavo_test
