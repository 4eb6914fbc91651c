// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <span>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/training/training_options.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

/// The floating-point operations of a training step, counted from the products of matrices: three
/// times those of the forward pass, and those of Muon if that is the optimizer. Other operations
/// are a small part of a step.
inline double step_operations(const ModelConfig& config, const TrainingOptions& options) {
  const auto real = [](Index value) { return static_cast<double>(value); };
  const double width = real(config.width), rows = real(options.rows());
  const double queries = real(config.query_width());
  const double block =
      width * (2 * queries + 2 * real(config.kv_width()) +
               (config.feed_forward.gated ? 3 : 2) * real(config.feed_forward.d_ff));
  const double blocks = real(config.layers) * block;
  const double scores = real(config.layers) * queries * real(options.sequence);
  const double muon = name_of(options.optimizer) == "muon" ? 1.6 * width / rows : 0;
  return 6 * rows * (blocks * (1 + muon) + scores + width * real(config.vocabulary));
}

/// The wall time in seconds of a training step with these options, as measured: the median of steps
/// on made-up tokens, after the first two, for `seconds` but at least five. Allocates the memory
/// of a run, and releases it. The result differs from run to run; nothing that a run computes may
/// depend on it except by way of an option that is stored. `base`: with
/// TrainingOptions::stored_base.
template <Scalar T>
double measure_step(const ModelConfig& config, const TrainingOptions& options, ThreadPool& threads,
                    double seconds = 1, std::span<const Weight<T>> base = {}) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  using Step = TrainingStep<T, ModelConfig>;
  const Transformer<T> model(config);
  Step step =
      options.stored_base ? Step(model, options, threads, base) : Step(model, options, threads);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    const auto token = [&](std::size_t n) {
      return static_cast<Token>((n * 7919 + n / 13) % static_cast<std::size_t>(config.vocabulary));
    };
    step.inputs()[i] = token(i);
    step.targets()[i] = token(i + 1);
  }
  constexpr Index first = 2, least = 5, most = 1000;
  std::vector<double> times;
  const auto begin = Clock::now();
  while (std::ssize(times) < first + least ||
         (since(begin) < seconds && std::ssize(times) < most)) {
    const auto start = Clock::now();
    step.train(0);
    times.push_back(since(start));
  }
  const auto counted = times.begin() + first;
  const auto middle = counted + (times.end() - counted) / 2;
  std::nth_element(counted, middle, times.end());
  return *middle;
}

}  // namespace OCTAVO_NAMESPACE
