// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of base/: includes everything in that folder.

#include <octavo/base/abi.hpp>
#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/duration.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/field.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/base/read_lines.hpp>
#include <octavo/base/small_vector.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/base/version.hpp>
#include <octavo/base/write_number.hpp>
