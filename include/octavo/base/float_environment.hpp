// SPDX-License-Identifier: MIT
#pragma once

#include <cfenv>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// While an object of this class lives, its thread computes with the defaults of IEEE 754: round to
/// nearest, denormal numbers kept, no traps. The destructor restores the caller's environment. A
/// host may have set another environment (`-ffast-math` in any linked object turns denormals off,
/// and audio programs do so on purpose); the library's results would then have other bits.
///
/// Every function of the library that computes for a caller creates such an object. Only kernels
/// called outside of ThreadPool::run() compute in the caller's environment.
class FloatEnvironment {
 public:
  FloatEnvironment() noexcept : host_(read()) {
    if (differs(host_)) write(usual());
    order();
  }
  ~FloatEnvironment() {
    order();
    if (differs(host_)) write(host_);
  }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
  // Keeps the compiler from moving memory accesses across the change of environment.
  static void order() noexcept { asm volatile("" ::: "memory"); }

#if defined(__x86_64__)
  /// MXCSR, whose six low bits are status flags without effect, and the x87 control word, whose
  /// rounding mode C libraries use when they parse numbers.
  struct State {
    unsigned vectors = 0x1f80;
    unsigned short scalars = 0x037f;
  };
  static State read() noexcept {
    State state{__builtin_ia32_stmxcsr()};
    asm volatile("fnstcw %0" : "=m"(state.scalars));
    return state;
  }
  static void write(State state) noexcept {
    __builtin_ia32_ldmxcsr(state.vectors);
    asm volatile("fldcw %0" : : "m"(state.scalars));
  }
  static State usual() noexcept { return {}; }
  static bool differs(State state) noexcept {
    return (state.vectors & ~0x3fu) != usual().vectors || (state.scalars & 0xc00) != 0;
  }
#elif defined(__aarch64__)
  using State = unsigned long;  // FPCR; flags live in another register
  static State read() noexcept {
    State state;
    asm volatile("mrs %0, fpcr" : "=r"(state));
    return state;
  }
  static void write(State state) noexcept { asm volatile("msr fpcr, %0" : : "r"(state)); }
  static State usual() noexcept { return 0; }
  static bool differs(State state) noexcept { return state != usual(); }
#else
  using State = std::fenv_t;
  static State read() noexcept {
    State state;
    std::fegetenv(&state);
    return state;
  }
  static void write(const State& state) noexcept { std::fesetenv(&state); }
  static State usual() noexcept {
    const State host = read();
    std::fesetenv(FE_DFL_ENV);
    const State state = read();
    std::fesetenv(&host);
    return state;
  }
  static bool differs(const State&) noexcept { return true; }
#endif

  State host_;
};

}  // namespace OCTAVO_NAMESPACE
