// SPDX-License-Identifier: MIT
// Compiled with -march=x86-64-v4.
#include "train.hpp"

std::uint64_t bits_of_wide_file() {
  octavo::ThreadPool threads(2);
  return trained_bits<float>(threads);
}
