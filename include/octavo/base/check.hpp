// SPDX-License-Identifier: MIT
#pragma once

#include <cassert>
#include <string>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>

/// A check inside loops: there in debug builds, gone under NDEBUG. Never for data from outside.
#define OCTAVO_ASSERT(condition) assert(condition)

namespace OCTAVO_NAMESPACE {

namespace detail {

// Out of line and for size: what composes a message stays out of the code around each check.
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse(const char* message) {
  throw ConfigError(message);
}
template <typename Message>
[[noreturn, gnu::cold, gnu::noinline]] void refuse(const Message& message) {
  throw ConfigError(message());
}

}  // namespace detail

/// A check at the border of the library, in every build: a caller's argument must meet
/// `condition`, otherwise ConfigError. `message` is called only on failure, so that the text costs
/// nothing when all is well.
template <typename Message>
constexpr void require(bool condition, Message&& message) {
  if (!condition) detail::refuse(message);
}

/// The same for a fixed sentence.
constexpr void require(bool condition, const char* message) {
  if (!condition) detail::refuse(message);
}

/// "expected `expected`, got `got`" for a named size.
inline void require_equal(const char* what, Index got, Index expected) {
  if (got == expected) return;
  throw ConfigError(detail::concat({what, ": got ", got, ", expected ", expected}));
}

}  // namespace OCTAVO_NAMESPACE
