// SPDX-License-Identifier: MIT
#pragma once

// The door to tensor/: everything in that folder.

#include <octavo/tensor/extents.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/parameter_declarations.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/tensor_view.hpp>
