// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/abi.hpp>

// The only place that defines the version; CMakeLists.txt reads these lines.
#define OCTAVO_VERSION_MAJOR 0
#define OCTAVO_VERSION_MINOR 1
#define OCTAVO_VERSION_PATCH 0

namespace OCTAVO_NAMESPACE {

inline constexpr int version_major = OCTAVO_VERSION_MAJOR;
inline constexpr int version_minor = OCTAVO_VERSION_MINOR;
inline constexpr int version_patch = OCTAVO_VERSION_PATCH;
/// "major.minor.patch", as in files and in messages.
inline constexpr const char* version_string = "0.1.0";

}  // namespace OCTAVO_NAMESPACE
