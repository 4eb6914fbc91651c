// SPDX-License-Identifier: MIT
// The three products at the presets' shapes on one core: FLOP/s, and shares of the core's limits.
#include <algorithm>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/kernels/matmul.hpp>
#include <octavo/memory/aligned_buffer.hpp>

#include "kernels/work_counters.hpp"

namespace {

using octavo::Index;
using octavo::MatrixView;

enum Product { forward, input_gradient, weight_gradient };

template <Product product>
void matmul(benchmark::State& state) {
  const Index m = state.range(0), k = state.range(1), n = state.range(2);
  octavo::AlignedBuffer<float> a(static_cast<std::size_t>(m * k)),
      b(static_cast<std::size_t>(k * n)), c(static_cast<std::size_t>(m * n));
  std::ranges::fill(a, 0.5f);
  std::ranges::fill(b, 0.25f);
  octavo::AlignedBuffer<float> pack_buffer(
      octavo::array_size(octavo::pack_buffer_elements<float>(256)));
  const MatrixView<float> out(c.data(), m, n);
  const octavo::Worker worker;
  for (auto _ : state) {
    if constexpr (product == forward) {
      octavo::matmul<float>(worker, {a.data(), m, k}, {b.data(), k, n}, out,
                            octavo::Output::overwrite, nullptr, pack_buffer);
    } else if constexpr (product == input_gradient) {
      octavo::matmul_nt<float>(worker, {a.data(), m, k}, {b.data(), n, k}, out,
                               octavo::Output::overwrite, nullptr, pack_buffer);
    } else {
      octavo::matmul_tn<float>(worker, {a.data(), k, m}, {b.data(), k, n}, out,
                               octavo::Output::accumulate, pack_buffer);
    }
    benchmark::ClobberMemory();
  }
  const auto numbers = static_cast<double>(m * k + k * n + m * n);
  octavo_benchmark::count_work(state, 2.0 * static_cast<double>(m * k * n), 4 * numbers);
}

void shapes(benchmark::internal::Benchmark* registered) {
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{32, 64, 192},
                                                 {32, 128, 384},
                                                 {64, 128, 512},
                                                 {128, 256, 768},
                                                 {128, 512, 1024},
                                                 {128, 512, 66},
                                                 {64, 768, 3072}}) {
    registered->Args(shape);
  }
  registered->ArgNames({"m", "k", "n"});
}

BENCHMARK(matmul<forward>)->Apply(shapes);
BENCHMARK(matmul<input_gradient>)->Apply(shapes);
BENCHMARK(matmul<weight_gradient>)->Apply(shapes);

}  // namespace
