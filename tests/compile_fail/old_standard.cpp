// SPDX-License-Identifier: MIT
// refused with -std=c++17: Octavo needs C\+\+20: compile with -std=c\+\+20

#include <octavo/base/config.hpp>

int main() {}
