// SPDX-License-Identifier: MIT
#pragma once

// Everything in the library lives in one inline namespace:
//
//   namespace OCTAVO_NAMESPACE { ... }            namespace octavo::inline x86_abcf5 { ... }
//   namespace OCTAVO_NAMESPACE::detail { ... }
//
// Inline functions and templates are compiled in every file that uses them, and the linker keeps
// one copy of each name. If a program's files are compiled with different processor flags (-march),
// the linker could keep a copy that the machine cannot run. The namespace's name therefore has a
// letter for each instruction set that the compiler may use on its own, so that such copies have
// different names.

#if defined(OCTAVO_PORTABLE_KERNELS)
#define OCTAVO_ABI_KERNELS portable_
#else
#define OCTAVO_ABI_KERNELS
#endif

#if defined(__SSE4_2__) || defined(__ARM_FEATURE_DOTPROD)
#define OCTAVO_ABI_A a
#else
#define OCTAVO_ABI_A
#endif
#if defined(__AVX__) || defined(__ARM_FEATURE_ATOMICS)
#define OCTAVO_ABI_B b
#else
#define OCTAVO_ABI_B
#endif
#if defined(__AVX2__) || defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
#define OCTAVO_ABI_C c
#else
#define OCTAVO_ABI_C
#endif
#if defined(__BMI2__) || defined(__LZCNT__) || defined(__ARM_FEATURE_SVE)
#define OCTAVO_ABI_D d
#else
#define OCTAVO_ABI_D
#endif
#if defined(__F16C__) || defined(__ARM_FEATURE_SVE2)
#define OCTAVO_ABI_E e
#else
#define OCTAVO_ABI_E
#endif
#if defined(__FMA__) || defined(__ARM_FEATURE_BF16)
#define OCTAVO_ABI_F f
#else
#define OCTAVO_ABI_F
#endif
#if defined(__FMA4__) || defined(__XOP__) || defined(__SSE4A__) || \
    defined(__ARM_FEATURE_MATMUL_INT8)
#define OCTAVO_ABI_G g
#else
#define OCTAVO_ABI_G
#endif
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define OCTAVO_ABI_H h
#elif defined(__AVX512F__)
#define OCTAVO_ABI_H i
#else
#define OCTAVO_ABI_H
#endif
#if defined(__AVX512VBMI__) || defined(__AVX512VBMI2__) || defined(__AVX512BITALG__)
#define OCTAVO_ABI_J j
#else
#define OCTAVO_ABI_J
#endif
#if defined(__AVX512VNNI__) || defined(__AVX512IFMA__)
#define OCTAVO_ABI_K k
#else
#define OCTAVO_ABI_K
#endif
#if defined(__AVX512BF16__)
#define OCTAVO_ABI_L l
#else
#define OCTAVO_ABI_L
#endif
#if defined(__AVX512FP16__)
#define OCTAVO_ABI_M m
#else
#define OCTAVO_ABI_M
#endif
#if defined(__AVXVNNI__) || defined(__AVXIFMA__) || defined(__AVXNECONVERT__)
#define OCTAVO_ABI_N n
#else
#define OCTAVO_ABI_N
#endif
#if defined(__GFNI__) || defined(__VAES__) || defined(__VPCLMULQDQ__)
#define OCTAVO_ABI_O o
#else
#define OCTAVO_ABI_O
#endif

#define OCTAVO_ABI_JOINED(k, a, b, c, d, e, f, g, h, j, l, m, n, o, p) \
  isa_##k##a##b##c##d##e##f##g##h##j##l##m##n##o##p
#define OCTAVO_ABI_JOIN(...) OCTAVO_ABI_JOINED(__VA_ARGS__)
#define OCTAVO_ABI                                                                            \
  OCTAVO_ABI_JOIN(OCTAVO_ABI_KERNELS, OCTAVO_ABI_A, OCTAVO_ABI_B, OCTAVO_ABI_C, OCTAVO_ABI_D, \
                  OCTAVO_ABI_E, OCTAVO_ABI_F, OCTAVO_ABI_G, OCTAVO_ABI_H, OCTAVO_ABI_J,       \
                  OCTAVO_ABI_K, OCTAVO_ABI_L, OCTAVO_ABI_M, OCTAVO_ABI_N, OCTAVO_ABI_O)
#define OCTAVO_NAMESPACE octavo::inline OCTAVO_ABI

// Functions that are not templates are declared first and defined at the end of their header, if
// bodies are wanted:
//
//   #if OCTAVO_BODIES
//   OCTAVO_INLINE std::string printable(std::string_view text, std::size_t limit) { ... }
//   #endif
//
// Without octavo::compiled, bodies are wanted in every file, and the functions are inline. A
// program that links octavo::compiled (OCTAVO_COMPILED) sees only the declarations; the bodies are
// compiled once, in the library's source that defines OCTAVO_COMPILING_BODIES. (Virtual functions
// are OCTAVO_INLINE in their class as well, because the first one that is not inline decides which
// file contains the class's virtual table.)
#if !defined(OCTAVO_COMPILED)
#define OCTAVO_BODIES 1
#define OCTAVO_INLINE inline
#elif defined(OCTAVO_COMPILING_BODIES)
#define OCTAVO_BODIES 1
#define OCTAVO_INLINE
#else
#define OCTAVO_BODIES 0
#define OCTAVO_INLINE
#endif
