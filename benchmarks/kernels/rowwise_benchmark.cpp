// SPDX-License-Identifier: MIT
// Attention, and the kernels that go over memory once, on one core at the presets' shapes: FLOP/s,
// bytes/s, shares of the core's limits. Floating-point operations of the latter are about right.
#include <algorithm>
#include <cmath>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/kernels.hpp>
#include <octavo/memory/aligned_buffer.hpp>
#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>

#include "kernels/work_counters.hpp"

namespace {

using octavo::Index;
using octavo::MatrixView;

const octavo::Worker worker;

octavo::AlignedBuffer<float> numbers(Index count) {
  octavo::AlignedBuffer<float> block(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = std::sin(static_cast<float>(i));
  return block;
}

/// Of a kernel that takes so many operations, and touches so many bytes, for each number.
void count_each(benchmark::State& state, Index numbers, double flops, double bytes) {
  const auto count = static_cast<double>(numbers);
  octavo_benchmark::count_work(state, flops * count, bytes * count);
}

/// Half of the scores are never computed; they are not counted either.
template <bool backward>
void attention(benchmark::State& state) {
  const Index time = state.range(0), heads = state.range(1), head_width = state.range(2);
  const Index width = heads * head_width;
  const octavo::AttentionShape<float> shape{1, time, time, heads, head_width};
  const auto before = numbers(time * 3 * width);
  auto qkv = numbers(time * 3 * width);
  auto o = numbers(time * width), d_o = numbers(time * width);
  octavo::AlignedBuffer<float> logsumexp(static_cast<std::size_t>(time * heads));
  std::ranges::fill(logsumexp, 4.0f);
  octavo::AlignedBuffer<float> scratch(static_cast<std::size_t>(shape.backward_scratch()));
  octavo::AlignedBuffer<float> pack_buffer(
      octavo::array_size(octavo::pack_buffer_elements<float>(256)));
  const MatrixView<float> rows(qkv.data(), time, 3 * width);
  const auto part = [&](Index which) { return rows.block(0, time, which * width, width); };
  for (auto _ : state) {
    if constexpr (backward) {
      // Its outputs overwrite its inputs, so that from the second round on numbers are arbitrary.
      octavo::attend_backward<float>(worker, shape, part(0), part(1), part(2),
                                     {o.data(), time, width}, {d_o.data(), time, width},
                                     logsumexp.data(), scratch, pack_buffer);
      state.PauseTiming();
      std::copy(before.begin(), before.end(), qkv.begin());
      state.ResumeTiming();
    } else {
      octavo::attend<float>(worker, shape, part(0), part(1), part(2),
                            MatrixView<float>(o.data(), time, width), logsumexp.data(), scratch,
                            pack_buffer);
    }
    benchmark::ClobberMemory();
  }
  const double products = backward ? 5 : 2;
  const double flops = products * static_cast<double>(time * (time + 1) * width);
  const double rows_moved = backward ? 8 : 4;  // q, k, v, o; in backward also their gradients
  octavo_benchmark::count_work(state, flops, rows_moved * 4 * static_cast<double>(time * width));
}

void attention_shapes(benchmark::internal::Benchmark* registered) {
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{32, 2, 32},
                                                 {64, 4, 32},
                                                 {128, 8, 32},
                                                 {128, 16, 32},
                                                 {64, 12, 64},
                                                 {1024, 12, 64},
                                                 {128, 8, 16},
                                                 {128, 2, 128}}) {
    registered->Args(shape);
  }
  registered->ArgNames({"time", "heads", "head_width"});
}
BENCHMARK(attention<false>)->Apply(attention_shapes);
BENCHMARK(attention<true>)->Apply(attention_shapes);

void normalize(benchmark::State& state) {
  const Index rows = 64, width = state.range(0);
  auto x = numbers(rows * width), gain = numbers(width), normalized = numbers(rows * width),
       y = numbers(rows * width), inverse = numbers(rows);
  for (auto _ : state) {
    octavo::normalize<float>(worker, {x.data(), rows, width}, gain.data(), gain.data(),
                             MatrixView<float>(normalized.data(), rows, width), inverse.data(),
                             MatrixView<float>(y.data(), rows, width));
    benchmark::ClobberMemory();
  }
  count_each(state, rows * width, 8, 12);
}
BENCHMARK(normalize)->Arg(64)->Arg(128)->Arg(512)->Arg(768);

void normalize_backward(benchmark::State& state) {
  const Index rows = 64, width = state.range(0);
  auto dy = numbers(rows * width), gain = numbers(width), normalized = numbers(rows * width),
       dx = numbers(rows * width);
  auto inverse = numbers(rows);
  for (auto _ : state) {
    octavo::normalize_backward_input<float>(worker, {dy.data(), rows, width},
                                            {normalized.data(), rows, width}, inverse.data(),
                                            gain.data(), MatrixView<float>(dx.data(), rows, width));
    benchmark::ClobberMemory();
  }
  count_each(state, rows * width, 10, 12);
}
BENCHMARK(normalize_backward)->Arg(64)->Arg(128)->Arg(512)->Arg(768);

void activation(benchmark::State& state) {
  const auto kind = static_cast<octavo::Activation>(state.range(0));
  const Index rows = 64, width = 512;
  auto h = numbers(rows * width), a = numbers(rows * width);
  state.SetLabel(std::string(octavo::name_of(kind)));
  for (auto _ : state) {
    octavo::activate<float>(worker, kind, {h.data(), rows, width},
                            MatrixView<float>(a.data(), rows, width));
    benchmark::ClobberMemory();
  }
  count_each(state, rows * width, kind == octavo::Activation::relu ? 1 : 20, 8);
}
BENCHMARK(activation)->DenseRange(0, 2);

void cross_entropy(benchmark::State& state) {
  const Index rows = 64, vocabulary = state.range(0);
  auto logits = numbers(rows * vocabulary), losses = numbers(rows);
  const std::vector<octavo::Token> targets(rows, 1);
  for (auto _ : state) {
    octavo::softmax_cross_entropy<float>(worker, MatrixView<float>(logits.data(), rows, vocabulary),
                                         targets, losses, 1.0f / rows, true);
    benchmark::ClobberMemory();
  }
  count_each(state, rows * vocabulary, 15, 4);
}
BENCHMARK(cross_entropy)->Arg(35)->Arg(66)->Arg(50257);

/// Of weights, gradients and both moments: 16 bytes a parameter.
void adamw(benchmark::State& state) {
  const Index count = state.range(0);
  auto weights = numbers(count), gradients = numbers(count);
  octavo::AlignedBuffer<std::byte> moments(static_cast<std::size_t>(8 * count));
  const octavo::Parameter all{.name = "all", .rows = count, .columns = 1, .decays = true};
  const octavo::AnyOptimizer optimizer = octavo::AdamW{};
  octavo::UpdateInfo info{.learning_rate = 1e-6};
  for (auto _ : state) {
    octavo::update_tensors<float>(worker, optimizer, {&all, 1}, weights, gradients, moments, info);
    ++info.step;
    benchmark::ClobberMemory();
  }
  count_each(state, count, 12, 16);
}
BENCHMARK(adamw)->Arg(46'307)->Arg(2'175'554)->Arg(124'439'808);

void global_norm(benchmark::State& state) {
  const Index count = state.range(0);
  const auto gradients = numbers(count);
  const octavo::Parameter all{.name = "all", .rows = count, .columns = 1};
  std::vector<double> partials(static_cast<std::size_t>(octavo::global_norm_partials(count)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(octavo::global_norm<float>(worker, {&all, 1}, gradients, partials));
  }
  count_each(state, count, 2, 4);
}
BENCHMARK(global_norm)->Arg(46'307)->Arg(2'175'554)->Arg(124'439'808);

}  // namespace
