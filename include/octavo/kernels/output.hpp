// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// What becomes of the numbers that a kernel's output holds already: what each sum starts from.
enum class Output {
  overwrite,   ///< zero: what the output holds is lost
  accumulate,  ///< what the output holds: the sum is added to it
  bias,        ///< bias[column]: the output becomes the bias + the sum
};

}  // namespace OCTAVO_NAMESPACE
