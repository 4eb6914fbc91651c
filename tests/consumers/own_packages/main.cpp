// SPDX-License-Identifier: MIT
#include <octavo/base.hpp>

octavo::Index columns_of_mine();

int main() { return columns_of_mine() == 3 ? 0 : 1; }
