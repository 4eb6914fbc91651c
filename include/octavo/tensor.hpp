// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of tensor/: includes everything in that folder.

#include <octavo/tensor/builder.hpp>
#include <octavo/tensor/eigen_map.hpp>
#include <octavo/tensor/line_groups.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/name_patterns.hpp>
#include <octavo/tensor/parameter_block.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/parameter_table.hpp>
#include <octavo/tensor/stored_matrix.hpp>
#include <octavo/tensor/transpose.hpp>
#include <octavo/tensor/weight_source.hpp>
