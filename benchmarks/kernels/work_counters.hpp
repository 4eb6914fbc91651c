// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_BENCHMARK_KERNELS_WORK_COUNTERS_HPP)
#define OCTAVO_BENCHMARK_KERNELS_WORK_COUNTERS_HPP

#include <algorithm>
#include <cstddef>

#include <benchmark/benchmark.h>

#include "machine_limits.hpp"

namespace octavo_benchmark {

/// Counters of a kernel on one core that computes `flops` a round, and touches `bytes` of memory,
/// each counted once whether it is read or written. of_limit: share of the core's FMA limit.
/// of_roof: share of the roof of its FLOP/byte, which is the FMA limit, or the rate at which the
/// core reads a block of as many bytes, from cache or memory. roofline.py draws them.
inline void count_work(benchmark::State& state, double flops, double bytes) {
  const double limit = fma_limit<float>(1);
  const double bandwidth = bandwidth_limit(1, static_cast<std::size_t>(std::max(bytes, 4096.0)));
  const double seconds_at_roof = std::max(flops / limit, bytes / bandwidth);
  const auto rate = [&](double per_round) {
    return benchmark::Counter(per_round * static_cast<double>(state.iterations()),
                              benchmark::Counter::kIsRate);
  };
  state.counters["FLOP/s"] = rate(flops);
  state.counters["of_limit"] = rate(flops / limit);
  state.counters["bytes/s"] = rate(bytes);
  state.counters["of_roof"] = rate(seconds_at_roof);
  state.counters["FLOP/byte"] = flops / bytes;
  state.counters["limit_FLOP/s"] = limit;
  state.counters["limit_bytes/s"] = bandwidth;
}

}  // namespace octavo_benchmark

#endif
