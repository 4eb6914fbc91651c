// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>

// The instruction sets that kernels are compiled for. On x86-64: only AVX-512 if the compiler's
// flags allow it, else both AVX2 with FMA and AVX-512, and the program chooses when it runs. A
// program built without flags thus has fast kernels, with the same bits. Elsewhere: NEON, or
// portable code.
//
// The files of one program may be compiled with different processor flags: see base/abi.hpp.
//
// A header of kernels is included once as usual and then, by each_isa.inc, once more for every set;
// in these passes OCTAVO_ISA names the namespace that its second half is in:
//
//   #if !defined(OCTAVO_KERNELS_SOMETHING_HPP)
//   #define OCTAVO_KERNELS_SOMETHING_HPP
//   #include ...                                        everything that the second half needs
//   #define OCTAVO_FILE "octavo/kernels/something.hpp"
//   #include <octavo/numeric/each_isa.inc>
//   namespace OCTAVO_NAMESPACE { void something(...) { OCTAVO_DISPATCH(something(...)) } }
//   #elif defined(OCTAVO_ISA)
//   namespace OCTAVO_NAMESPACE::OCTAVO_ISA { void something(...) { ... } }
//   #endif
#if defined(OCTAVO_PORTABLE_KERNELS)  // for tests, and for other processors
#define OCTAVO_BASE_ISA portable
#define OCTAVO_BASE_VECTOR_BYTES 16
#elif defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && \
    defined(__AVX512VL__) && defined(__FMA__)
#define OCTAVO_BASE_ISA avx512
#define OCTAVO_BASE_VECTOR_BYTES 64
#elif defined(__x86_64__)
#define OCTAVO_BASE_ISA avx2
#define OCTAVO_BASE_VECTOR_BYTES 32
#define OCTAVO_CHOOSES_ISA
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define OCTAVO_BASE_ISA neon
#define OCTAVO_HAS_NEON
#define OCTAVO_BASE_VECTOR_BYTES 16
#else
#define OCTAVO_BASE_ISA portable
#define OCTAVO_BASE_VECTOR_BYTES 16
#endif

/// Calls the kernel in the namespace of the instruction set in use and returns its result.
#if defined(OCTAVO_CHOOSES_ISA)
#define OCTAVO_DISPATCH(...)                                   \
  if (isa_in_use() == Isa::avx512) return avx512::__VA_ARGS__; \
  return avx2::__VA_ARGS__;
#else
#define OCTAVO_DISPATCH(...) return OCTAVO_BASE_ISA::__VA_ARGS__;
#endif

/// The body of a kernel of the library, which is called only with float or double. In programs that
/// use octavo::compiled (see compiled.hpp) only the declaration remains.
#if defined(OCTAVO_COMPILED) && !defined(OCTAVO_COMPILING)
#define OCTAVO_KERNEL(...)
#else
#define OCTAVO_KERNEL(...) \
  { OCTAVO_DISPATCH(__VA_ARGS__) }
#endif

namespace OCTAVO_NAMESPACE {

/// Instruction sets with their own kernels. `portable` runs on every machine; without a fused
/// multiply-add instruction each one is a library call, a hundred times slower.
enum class Isa { portable, neon, avx2, avx512 };

constexpr std::string_view name_of(Isa isa) noexcept {
  constexpr std::string_view names[] = {"portable", "neon", "avx2", "avx512"};
  return names[static_cast<int>(isa)];
}

/// Whether kernels for this set are compiled into the program and can run on this machine.
inline bool supports(Isa isa) noexcept {
#if defined(__x86_64__)
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (isa == Isa::avx512 && !has_avx512) return false;
  if (isa == Isa::avx2 && !has_avx2) return false;
#endif
#if defined(OCTAVO_CHOOSES_ISA)
  return isa == Isa::avx2 || isa == Isa::avx512;
#else
  return isa == Isa::OCTAVO_BASE_ISA;
#endif
}

namespace detail {

inline std::atomic<Isa>& chosen_isa() noexcept {
  static std::atomic<Isa> isa{supports(Isa::avx512) ? Isa::avx512 : Isa::OCTAVO_BASE_ISA};
  return isa;
}

}  // namespace detail

/// The set whose kernels run: the widest supported one, unless use_isa chose another.
inline Isa isa_in_use() noexcept { return detail::chosen_isa().load(std::memory_order_relaxed); }

namespace detail {

inline void require_isa(Isa isa) {
  require(supports(isa), [&] {
    return detail::concat({"instruction set: got ", name_of(isa),
                           ", which this program has no kernels for or this machine cannot run"});
  });
}

}  // namespace detail

/// Selects the kernels of another set, for tests and comparisons; results have the same bits.
/// ConfigError if the set is not supported.
inline void use_isa(Isa isa) {
  detail::require_isa(isa);
  detail::chosen_isa().store(isa, std::memory_order_relaxed);
}

/// ConfigError on a machine that cannot run any of the compiled kernels: x86-64 without AVX2 and
/// FMA. Every class that owns the memory of a run calls this first.
inline void require_kernels() { detail::require_isa(isa_in_use()); }

}  // namespace OCTAVO_NAMESPACE
