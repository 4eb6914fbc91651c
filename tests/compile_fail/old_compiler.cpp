// SPDX-License-Identifier: MIT
// clang-format off
// refused with -U__GNUC__ -D__GNUC__=11 -U__clang_major__ -D__clang_major__=13: this compiler is older
// refused with -fno-exceptions: Octavo needs exceptions: remove -fno-exceptions
// clang-format on

#include <octavo/base/config.hpp>

int main() {}
