// SPDX-License-Identifier: MIT
#pragma once

// All of Octavo but checkpoint/ (which needs nlohmann_json) and testing/ (for tests).
#include <octavo/base.hpp>
#include <octavo/data.hpp>
#include <octavo/files.hpp>
#include <octavo/generation.hpp>
#include <octavo/kernels.hpp>
#include <octavo/layers.hpp>
#include <octavo/memory.hpp>
#include <octavo/numeric.hpp>
#include <octavo/optimizers.hpp>
#include <octavo/parallel.hpp>
#include <octavo/tensor.hpp>
#include <octavo/tokenizers.hpp>
#include <octavo/training.hpp>
#include <octavo/transformer.hpp>
