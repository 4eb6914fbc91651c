// SPDX-License-Identifier: MIT
// What this machine can do at most, and other speeds are a fraction of: fused multiply-adds, and
// bytes read from memory. Both are measured as a model computes: by a thread pool, in vectors, in
// memory that begins with a cache line and lies in huge pages.
#if !defined(OCTAVO_BENCHMARK_MACHINE_LIMITS_HPP)
#define OCTAVO_BENCHMARK_MACHINE_LIMITS_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/memory/aligned_buffer.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/thread_pool.hpp>

#define OCTAVO_FILE "machine_limits.hpp"
#include <octavo/numeric/each_isa.inc>

namespace octavo_benchmark {

namespace detail {

/// Multiplies and adds in registers alone; returns the floating-point operations.
template <octavo::Scalar T>
double multiply_and_add() {
  using namespace octavo;
  OCTAVO_DISPATCH(multiply_and_add<T>())
}

/// Adds up numbers; returns their bytes.
inline double read_all(std::span<const float> numbers) {
  using namespace octavo;
  OCTAVO_DISPATCH(read_all(numbers))
}

/// What all workers together do in a second: the best of several trials. `work`, given a worker,
/// returns how much that worker did.
template <typename Work>
double most_per_second(octavo::Index workers, int trials, const Work& work) {
  octavo::ThreadPool threads(workers);
  std::vector<double> done(static_cast<std::size_t>(workers));
  double best = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const auto start = std::chrono::steady_clock::now();
    threads.run([&](const octavo::Worker& worker) {
      done[static_cast<std::size_t>(worker.index())] = work(worker);
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    double all = 0;
    for (const double mine : done) all += mine;
    best = std::max(best, all / seconds.count());
  }
  return best;
}

}  // namespace detail

/// FLOP/s of `workers` cores.
template <octavo::Scalar T>
double fma_limit(octavo::Index workers) {
  return detail::most_per_second(
      workers, 20, [](const octavo::Worker&) { return detail::multiply_and_add<T>(); });
}

/// Bytes a second that `workers` cores read of `bytes`, each its own part, by default of many times
/// a cache; of fewer bytes they read again and again, from a cache that they fit into.
inline double bandwidth_limit(octavo::Index workers, std::size_t bytes = std::size_t{1} << 29) {
  const octavo::AlignedBuffer<float> numbers(bytes / sizeof(float));
  const std::size_t rounds = std::max<std::size_t>(1, (std::size_t{1} << 26) / bytes);
  return detail::most_per_second(workers, 10, [&](const octavo::Worker& worker) {
    const octavo::Range mine = worker.split(std::ssize(numbers), 1024);
    const std::span<const float> part = std::span<const float>(numbers).subspan(
        static_cast<std::size_t>(mine.begin), static_cast<std::size_t>(mine.size()));
    double read = 0;
    for (std::size_t round = 0; round < rounds; ++round) read += detail::read_all(part);
    return read;
  });
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

inline double read_all(std::span<const float> numbers) {
  constexpr int chains = 8;
  constexpr std::size_t width = simd::width<float>;
  simd::Vector<float> sum[chains] = {};
  for (std::size_t i = 0; i + chains * width <= numbers.size(); i += chains * width) {
    for (std::size_t j = 0; j < chains; ++j) {
      sum[j] = sum[j] + simd::load(numbers.data() + i + j * width);
    }
  }
  for (auto& chain : sum) benchmark::DoNotOptimize(chain);
  return static_cast<double>(numbers.size_bytes());
}

}  // namespace octavo::OCTAVO_ISA

#endif
