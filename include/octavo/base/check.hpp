// SPDX-License-Identifier: MIT
#pragma once

#include <cassert>
#include <string>

#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>

/// A check inside loops: there in debug builds, gone under NDEBUG. Never for data from outside.
#define OCTAVO_ASSERT(condition) assert(condition)

namespace octavo {

/// A check at the border of the library, in every build: a caller's argument must meet
/// `condition`, otherwise ConfigError. `message` is called only on failure, so that the text costs
/// nothing when all is well.
template <typename Message>
constexpr void require(bool condition, Message&& message) {
  if (!condition) throw ConfigError(message());
}

/// The same for a fixed sentence.
constexpr void require(bool condition, const char* message) {
  if (!condition) throw ConfigError(std::string(message));
}

/// "expected `expected`, got `got`" for a named size.
inline void require_equal(const char* what, Index got, Index expected) {
  if (got == expected) return;
  throw ConfigError(std::string(what) + ": got " + std::to_string(got) + ", expected " +
                    std::to_string(expected));
}

}  // namespace octavo
