// SPDX-License-Identifier: MIT
#pragma once

#include <cfenv>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// While an object of this class lives, its thread computes as IEEE 754 says by default: rounding
/// to nearest, denormal numbers kept, no traps. The destructor brings back the caller's
/// environment. A host may have set another one (`-ffast-math` in any linked object turns denormals
/// off, audio programs do so on purpose), which would change the library's bits.
///
/// Everything in the library that computes for a caller makes one of these; only a kernel that is
/// called outside of ThreadPool::run() computes in the environment of its caller.
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
  // Keeps the compiler from moving what works on memory across the change of environment.
  static void order() noexcept { asm volatile("" ::: "memory"); }

#if defined(__x86_64__)
  /// MXCSR, whose six low bits are flags, which change nothing; and the control word of the old
  /// unit, whose rounding mode C libraries ask for when they read numbers.
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
