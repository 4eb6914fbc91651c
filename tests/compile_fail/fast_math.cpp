// SPDX-License-Identifier: MIT
// refused with -ffast-math: must not be compiled with -ffast-math
// refused with -ffinite-math-only: must not be compiled with -ffast-math or -ffinite-math-only
// refused with -Ofast: remove the flag

#include <octavo/base/config.hpp>

int main() {}
