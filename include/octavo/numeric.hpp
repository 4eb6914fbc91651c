// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of numeric/: includes everything in that folder.

#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/exact_fma.hpp>
#include <octavo/numeric/float16.hpp>
#include <octavo/numeric/hyperbolic.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/quantized_blocks.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/numeric/stored_type.hpp>
#include <octavo/numeric/x86_instructions.hpp>
