// SPDX-License-Identifier: MIT
#pragma once

// All that trains and generates. Not part of it: formats/, checkpoint/ and interop/ (which need
// nlohmann_json), report/ (which not every program needs, and every compilation would pay for) and
// testing/ (for authors of layers).
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
#if defined(OCTAVO_COMPILED)
#include <octavo/compiled.hpp>
#endif
