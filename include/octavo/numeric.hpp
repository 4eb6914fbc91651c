// SPDX-License-Identifier: MIT
#pragma once

// The door to numeric/: everything in that folder.

#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/float16.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
