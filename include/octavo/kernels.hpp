// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of kernels/: includes everything in that folder.

#include <octavo/kernels/activate.hpp>
#include <octavo/kernels/attend.hpp>
#include <octavo/kernels/attention_shape.hpp>
#include <octavo/kernels/convolve.hpp>
#include <octavo/kernels/cross_entropy.hpp>
#include <octavo/kernels/dropout.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/embed.hpp>
#include <octavo/kernels/gate.hpp>
#include <octavo/kernels/group_scales.hpp>
#include <octavo/kernels/lines_of_group.hpp>
#include <octavo/kernels/lines_to_group.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/matmul_block.hpp>
#include <octavo/kernels/matmul_pack.hpp>
#include <octavo/kernels/matmul_stored.hpp>
#include <octavo/kernels/matmul_stream.hpp>
#include <octavo/kernels/matmul_tile.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/kernels/orthogonalize.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/kernels/rotate.hpp>
#include <octavo/kernels/row_positions.hpp>
#include <octavo/kernels/soft_cap.hpp>
#include <octavo/kernels/stored_blocks.hpp>
#include <octavo/kernels/stored_stream.hpp>
#include <octavo/kernels/weight.hpp>
#include <octavo/kernels/word_vectors.hpp>
