// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// The start of each sum in a kernel's output, as beta in BLAS.
enum class Output {
  overwrite,   ///< zero: the output is overwritten
  accumulate,  ///< the output's number: the sum is added to it
  bias,        ///< bias[column]: the output becomes bias + sum
};

}  // namespace OCTAVO_NAMESPACE
