// SPDX-License-Identifier: MIT
#pragma once

#include <cassert>
#include <string>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>

/// A check for inner loops: active in debug builds, removed by NDEBUG. Never for input data.
#define OCTAVO_ASSERT(condition) assert(condition)

namespace OCTAVO_NAMESPACE {

namespace detail {

// Out of line and optimised for size: composing a message must not bloat the code around a check.
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse(const char* message) {
  throw ConfigError(message);
}
template <typename Message>
[[noreturn, gnu::cold, gnu::noinline]] void refuse(const Message& message) {
  throw ConfigError(message());
}

}  // namespace detail

/// A check of a caller's argument, active in every build: throws ConfigError if `condition` is
/// false. `message` is called only on failure, so the text costs nothing otherwise.
template <typename Message>
constexpr void require(bool condition, Message&& message) {
  if (!condition) detail::refuse(message);
}

/// As above, with a fixed message.
constexpr void require(bool condition, const char* message) {
  if (!condition) detail::refuse(message);
}

/// Throws ConfigError "`what`: got `got`, expected `expected`" if the two sizes differ.
inline void require_equal(const char* what, Index got, Index expected) {
  if (got == expected) return;
  throw ConfigError(detail::concat({what, ": got ", got, ", expected ", expected}));
}

}  // namespace OCTAVO_NAMESPACE
