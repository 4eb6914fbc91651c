// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>

// Which instruction sets kernels are compiled for: the widest that the compiler's flags allow (the
// base), and on x86-64 each wider one that the machine may turn out to have. So a program built
// without any flag runs AVX2 or AVX-512 kernels where it meets them, with the same bits.
//
// A header of kernels is included once as usual and then, by each_isa.inc, once more for every set;
// in these passes OCTAVO_ISA names the namespace that its second half is in:
//
//   #if !defined(OCTAVO_KERNELS_SOMETHING_HPP)
//   #define OCTAVO_KERNELS_SOMETHING_HPP
//   #include ...                                        everything that the second half needs
//   #define OCTAVO_FILE <octavo/kernels/something.hpp>
//   #include <octavo/numeric/each_isa.inc>
//   namespace octavo { void something(...) { OCTAVO_DISPATCH(something(...)) } }
//   #elif defined(OCTAVO_ISA)
//   namespace octavo::OCTAVO_ISA { void something(...) { ... } }
//   #endif
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && \
    defined(__AVX512VL__) && defined(__FMA__)
#define OCTAVO_BASE_ISA avx512
#define OCTAVO_BASE_VECTOR_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__)
#define OCTAVO_BASE_ISA avx2
#define OCTAVO_BASE_VECTOR_BYTES 32
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define OCTAVO_BASE_ISA neon
#define OCTAVO_BASE_VECTOR_BYTES 16
#else
#define OCTAVO_BASE_ISA portable
#define OCTAVO_BASE_VECTOR_BYTES 16
#endif

#if defined(__x86_64__) && OCTAVO_BASE_VECTOR_BYTES < 32
#define OCTAVO_IF_AVX2(...) __VA_ARGS__
#else
#define OCTAVO_IF_AVX2(...)
#endif
#if defined(__x86_64__) && OCTAVO_BASE_VECTOR_BYTES < 64
#define OCTAVO_IF_AVX512(...) __VA_ARGS__
#else
#define OCTAVO_IF_AVX512(...)
#endif

/// Returns what the kernel call gives in the namespace of the instruction set in use.
#define OCTAVO_DISPATCH(...)                                               \
  switch (isa_in_use()) {                                                  \
    OCTAVO_IF_AVX512(case Isa::avx512 : return avx512::__VA_ARGS__;) /* */ \
    OCTAVO_IF_AVX2(case Isa::avx2 : return avx2::__VA_ARGS__;)       /* */ \
    default:                                                               \
      return OCTAVO_BASE_ISA::__VA_ARGS__;                                 \
  }

namespace octavo {

/// Instruction sets that have kernels of their own. `portable` needs nothing, but a fused
/// multiply-add is a library call there, a hundred times slower.
enum class Isa { portable, neon, avx2, avx512 };

constexpr std::string_view name_of(Isa isa) noexcept {
  constexpr std::string_view names[] = {"portable", "neon", "avx2", "avx512"};
  return names[static_cast<int>(isa)];
}

/// Whether kernels for that set are compiled here and can run on this machine.
inline bool supports(Isa isa) noexcept {
  OCTAVO_IF_AVX512(if (isa == Isa::avx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
  })
  OCTAVO_IF_AVX2(if (isa == Isa::avx2) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  })
  return isa == Isa::OCTAVO_BASE_ISA;
}

namespace detail {

inline std::atomic<Isa>& chosen_isa() noexcept {
  static std::atomic<Isa> isa{supports(Isa::avx512) ? Isa::avx512
                              : supports(Isa::avx2) ? Isa::avx2
                                                    : Isa::OCTAVO_BASE_ISA};
  return isa;
}

}  // namespace detail

/// The set whose kernels run: the widest supported one, unless use_isa chose another.
inline Isa isa_in_use() noexcept { return detail::chosen_isa().load(std::memory_order_relaxed); }

/// Runs the kernels of another set from now on, for tests and comparisons: the bits are the same.
/// ConfigError if it is not supported.
inline void use_isa(Isa isa) {
  require(supports(isa), [&] {
    return "instruction set: got " + std::string(name_of(isa)) +
           ", which this program has no kernels for or this machine cannot run";
  });
  detail::chosen_isa().store(isa, std::memory_order_relaxed);
}

}  // namespace octavo
