// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/numeric/random.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/parallel/thread_pool.hpp>

namespace octavo_test {

using octavo::Index;

/// A matrix of 5 x 7 that decays and learns at half the rate, and a vector of 21.
inline octavo::ParameterList two_tensors() {
  octavo::ParameterTable block;
  block.add(octavo::ParameterPath() / "m", 5, 7, octavo::InitialValue::zeros);
  block.add(octavo::ParameterPath() / "v", 0, 21, octavo::InitialValue::zeros);
  octavo::ParameterList list;
  list.append("", block);
  CHECK(list.set_learning_rate_factor("m", 0.5) == 1);
  return list;
}

/// The 56 weights after `steps` updates by the library, on `workers` workers: the learning rate is
/// 0.01, clipping multiplies gradients by 0.25.
template <octavo::Scalar T = double>
std::vector<T> updated(const octavo::AnyOptimizer& optimizer, int steps, Index workers = 1) {
  const octavo::ParameterList list = two_tensors();
  std::vector<T> w(56), g(56);
  // Doubles, so that it is aligned; 8-bit moments need planes of 64 bytes.
  std::vector<double> state(56 * 2 + 1);
  const octavo::CounterRandom random(1, octavo::RandomStream::initial_weights);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<T>(random.normal(i));
  octavo::ThreadPool threads(workers);
  for (int t = 1; t <= steps; ++t) {
    for (std::size_t i = 0; i < g.size(); ++i) {
      g[i] = static_cast<T>(random.normal(1000 * static_cast<std::uint64_t>(t) + i));
    }
    threads.run([&](const octavo::Worker& worker) {
      octavo::update_tensors<T>(worker, optimizer, list.span(), w, g,
                                std::as_writable_bytes(std::span(state)), {t, 0.01, 0.25});
    });
  }
  return w;
}

/// The same by the textbook: rule(weight, m, v, gradient, step, rate, decays) for each number.
template <typename Rule>
std::vector<double> expected(int steps, Rule rule) {
  std::vector<double> w(56), m(56), v(56);
  const octavo::CounterRandom random(1, octavo::RandomStream::initial_weights);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = random.normal(i);
  for (int t = 1; t <= steps; ++t) {
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double g = 0.25 * random.normal(1000 * static_cast<std::uint64_t>(t) + i);
      const bool matrix = i < 35;
      rule(w[i], m[i], v[i], g, t, matrix ? 0.005 : 0.01, matrix);
    }
  }
  return w;
}

inline void check_close(const std::vector<double>& a, const std::vector<double>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
}

}  // namespace octavo_test
