// SPDX-License-Identifier: MIT
#pragma once

// The door to generation/: everything in that folder.

#include <octavo/generation/generator.hpp>
#include <octavo/generation/sampling.hpp>
