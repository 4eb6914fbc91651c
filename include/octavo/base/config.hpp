// SPDX-License-Identifier: MIT
#pragma once

// All macros and build switches of the library are defined here, in abi.hpp, check.hpp or
// numeric/isa.hpp.

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "Octavo needs C++20: compile with -std=c++20"
#endif

#if !defined(__GNUC__)
#error "Octavo needs g++ 12 or clang 14 (or newer): it uses their vector extensions"
#elif defined(__clang__) ? __clang_major__ < 14 : __GNUC__ < 12
#error "Octavo needs g++ 12 or clang 14 (or newer): this compiler is older"
#endif

// Errors are exceptions; a worker's exception is rethrown to the caller of run().
#if !defined(__cpp_exceptions)
#error "Octavo needs exceptions: remove -fno-exceptions"
#endif

// -ffast-math removes the NaN checks that stop a diverged run, and it reorders sums whose order the
// library guarantees.
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ != 0)
#error "Octavo must not be compiled with -ffast-math or -ffinite-math-only: remove the flag"
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <octavo/base/abi.hpp>

/// Forces inlining, for functions that must be inlined into register-blocked loops.
#define OCTAVO_ALWAYS_INLINE [[gnu::always_inline]] inline

/// OCTAVO_ALWAYS_INLINE for a lambda; written after its parameters.
#define OCTAVO_INLINE_LAMBDA __attribute__((always_inline))

/// For what runs once, before the first step, refuses something, or waits for other processes:
/// compiled for size, in a function of its own, which is less to compile as well.
#define OCTAVO_SETUP [[gnu::cold, gnu::noinline]]

/// For what is called often, but not in loops over numbers: one copy, in the place of one for each
/// call.
#define OCTAVO_ONE_COPY [[gnu::noinline]]

/// Unrolls the next loop completely, so that its arrays stay in registers.
#if defined(__clang__)
#define OCTAVO_UNROLL _Pragma("unroll")
#else
#define OCTAVO_UNROLL _Pragma("GCC unroll 32")
#endif

namespace OCTAVO_NAMESPACE {

/// The type of all sizes and subscripts: signed, the same as Eigen::Index where pointers have 64
/// bits.
using Index = std::conditional_t<sizeof(std::ptrdiff_t) == 8, std::ptrdiff_t, std::int64_t>;

/// One symbol of a vocabulary: 0 <= token < vocabulary size. Stored in fewer bytes if possible.
using Token = std::int32_t;
/// A target that counts neither in the loss nor in the gradient. All negative targets are ignored,
/// including PyTorch's -100.
inline constexpr Token ignored_target = -1;

/// The size of an array, computed in a template. (-Wsign-conversion of g++ asks for the cast.)
constexpr std::size_t array_size(Index size) noexcept { return static_cast<std::size_t>(size); }

/// std::bit_cast, which LLVM's C++ library has from version 14 on.
template <typename To, typename From>
constexpr To bit_cast(const From& from) noexcept {
  return __builtin_bit_cast(To, from);
}

/// Every buffer starts at a multiple of this many bytes: one cache line, one AVX-512 register.
inline constexpr std::size_t alignment_bytes = 64;

}  // namespace OCTAVO_NAMESPACE
