// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of layers/: includes everything in that folder.

#include <octavo/layers/causal_convolution.hpp>
#include <octavo/layers/causal_self_attention.hpp>
#include <octavo/layers/convolution_cache.hpp>
#include <octavo/layers/dropout.hpp>
#include <octavo/layers/embedding.hpp>
#include <octavo/layers/feed_forward.hpp>
#include <octavo/layers/gradient_consumer.hpp>
#include <octavo/layers/key_value_cache.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/layer_configs.hpp>
#include <octavo/layers/linear.hpp>
#include <octavo/layers/low_rank_adapter.hpp>
#include <octavo/layers/norm.hpp>
#include <octavo/layers/output_head.hpp>
#include <octavo/layers/pass.hpp>
#include <octavo/layers/rotary_frequencies.hpp>
#include <octavo/layers/transformer_block.hpp>
