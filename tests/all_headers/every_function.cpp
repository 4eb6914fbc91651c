// SPDX-License-Identifier: MIT
// Every umbrella header. Compiled with -O3 -Wall -Wextra -Werror -fkeep-inline-functions: what
// g++'s optimiser finds in functions that no test of ours calls, it says to those who call them.
#include <octavo/checkpoint.hpp>
#include <octavo/data.hpp>
#include <octavo/files.hpp>
#include <octavo/formats.hpp>
#include <octavo/generation.hpp>
#include <octavo/interop.hpp>
#include <octavo/octavo.hpp>
#include <octavo/report.hpp>
#include <octavo/runs.hpp>
#include <octavo/testing/gradient_check.hpp>
#include <octavo/tokenizers.hpp>
