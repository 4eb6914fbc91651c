// SPDX-License-Identifier: MIT
// The most bytes a second that this machine can read from memory: what the speed of a product that
// uses each number once is a fraction of.
#if !defined(OCTAVO_BENCHMARK_BANDWIDTH_LIMIT_HPP)
#define OCTAVO_BENCHMARK_BANDWIDTH_LIMIT_HPP

#include <algorithm>
#include <chrono>
#include <span>

#include <benchmark/benchmark.h>

#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/thread_pool.hpp>

#define OCTAVO_FILE "bandwidth_limit.hpp"
#include <octavo/numeric/each_isa.inc>

namespace octavo_benchmark {

namespace detail {

/// Adds up numbers, in vectors.
inline void read_all(std::span<const float> numbers) {
  using namespace octavo;
  OCTAVO_DISPATCH(read_all(numbers))
}

}  // namespace detail

/// Bytes a second that all workers together read of `numbers`, each its own part: the best of
/// several trials. The numbers should be many times as large as the last cache.
inline double bandwidth_limit(octavo::ThreadPool& threads, std::span<const float> numbers) {
  double best = 0;
  for (int trial = 0; trial < 10; ++trial) {
    const auto start = std::chrono::steady_clock::now();
    threads.run([&](const octavo::Worker& worker) {
      const octavo::Range mine = worker.split(std::ssize(numbers), 1024);
      detail::read_all(numbers.subspan(static_cast<std::size_t>(mine.begin),
                                       static_cast<std::size_t>(mine.size())));
    });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, static_cast<double>(numbers.size_bytes()) / seconds);
  }
  return best;
}

}  // namespace octavo_benchmark

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace octavo::OCTAVO_ISA {

inline void read_all(std::span<const float> numbers) {
  constexpr int chains = 8;
  constexpr std::size_t width = simd::width<float>;
  simd::Vector<float> sum[chains] = {};
  for (std::size_t i = 0; i + chains * width <= numbers.size(); i += chains * width) {
    for (std::size_t j = 0; j < chains; ++j) {
      sum[j] = sum[j] + simd::load(numbers.data() + i + j * width);
    }
  }
  for (auto& chain : sum) benchmark::DoNotOptimize(chain);
}

}  // namespace octavo::OCTAVO_ISA

#endif
