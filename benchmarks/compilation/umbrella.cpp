// SPDX-License-Identifier: MIT
// The library's umbrella header and nothing else, for compile_time.py.
#include <octavo/octavo.hpp>
