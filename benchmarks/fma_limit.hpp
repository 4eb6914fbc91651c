// SPDX-License-Identifier: MIT
// The most fused multiply-adds that this machine can do: what other speeds are a fraction of.
#pragma once

#include <algorithm>
#include <chrono>

#include <benchmark/benchmark.h>

#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/thread_pool.hpp>

namespace octavo_benchmark {

/// FLOP/s of `workers` cores that only multiply and add in registers: the best of several trials.
template <octavo::Scalar T>
double fma_limit(octavo::Index workers) {
  namespace simd = octavo::simd;
  constexpr int chains = 12;
  constexpr int rounds = 200'000;
  octavo::ThreadPool threads(workers);
  double best = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const auto start = std::chrono::steady_clock::now();
    threads.run([](const octavo::Worker&) {
      simd::Vector<T> sum[chains] = {};
      simd::Vector<T> a = simd::broadcast(T(0.5));
      benchmark::DoNotOptimize(a);
      for (int i = 0; i < rounds; ++i) {
        for (auto& chain : sum) chain = simd::fma(a, chain, a);
      }
      for (auto& chain : sum) benchmark::DoNotOptimize(chain);
    });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(
        best, 2.0 * chains * simd::width<T> * rounds * static_cast<double>(workers) / seconds);
  }
  return best;
}

}  // namespace octavo_benchmark
