// SPDX-License-Identifier: MIT
// The most fused multiply-adds that this machine can do: what other speeds are a fraction of.
#if !defined(OCTAVO_BENCHMARK_FMA_LIMIT_HPP)
#define OCTAVO_BENCHMARK_FMA_LIMIT_HPP

#include <algorithm>
#include <chrono>

#include <benchmark/benchmark.h>

#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/thread_pool.hpp>

#define OCTAVO_FILE "fma_limit.hpp"
#include <octavo/numeric/each_isa.inc>

namespace octavo_benchmark {

namespace detail {

/// Multiplies and adds in registers alone; returns the floating-point operations.
template <octavo::Scalar T>
double multiply_and_add() {
  using namespace octavo;
  OCTAVO_DISPATCH(multiply_and_add<T>())
}

}  // namespace detail

/// FLOP/s of `workers` cores: the best of several trials.
template <octavo::Scalar T>
double fma_limit(octavo::Index workers) {
  octavo::ThreadPool threads(workers);
  double best = 0;
  for (int trial = 0; trial < 20; ++trial) {
    double flops = 0;
    const auto start = std::chrono::steady_clock::now();
    threads.run([&](const octavo::Worker& worker) {
      const double mine = detail::multiply_and_add<T>();
      if (worker.index() == 0) flops = mine * static_cast<double>(workers);
    });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, flops / seconds);
  }
  return best;
}

}  // namespace octavo_benchmark

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace octavo::OCTAVO_ISA {

template <Scalar T>
double multiply_and_add() {
  constexpr int chains = 12;
  constexpr int rounds = 200'000;
  simd::Vector<T> sum[chains] = {};
  simd::Vector<T> a = simd::broadcast(T(0.5));
  benchmark::DoNotOptimize(a);
  for (int i = 0; i < rounds; ++i) {
    for (auto& chain : sum) chain = simd::fma(a, chain, a);
  }
  for (auto& chain : sum) benchmark::DoNotOptimize(chain);
  return 2.0 * chains * simd::width<T> * rounds;
}

}  // namespace octavo::OCTAVO_ISA

#endif
