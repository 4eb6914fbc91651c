// SPDX-License-Identifier: MIT
// How the cost of a step grows with each size: one is doubled while the others stay, and the
// exponent of time ~ size^exponent is fitted (least squares of the logarithms) and printed.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include "settings.hpp"

namespace {

using octavo::Index;

/// The median of enough steps to fill a third of a second.
double milliseconds(const octavo::ModelConfig& config, const octavo::TrainingOptions& step) {
  octavo::ThreadPool alone(1);
  octavo::TrainingStep<float> training(octavo::Transformer<float>{config}, step, alone);
  octavo_benchmark::fill_at_random(training);
  training.train(1e-4);
  std::vector<double> times;
  for (double total = 0; total < 333 || times.size() < 5; total += times.back()) {
    const auto start = std::chrono::steady_clock::now();
    training.train(1e-4);
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::nth_element(times.begin(), times.begin() + std::ssize(times) / 2, times.end());
  return times[times.size() / 2];
}

struct Growth {
  const char* name;
  std::vector<Index> sizes;
  std::function<void(octavo::ModelConfig&, octavo::TrainingOptions&, Index)> set;
};

double slope(const std::vector<double>& x, const std::vector<double>& y) {
  double mean_x = 0, mean_y = 0, xy = 0, xx = 0;
  const auto n = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) mean_x += x[i] / n, mean_y += y[i] / n;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return xy / xx;
}

}  // namespace

int main() {
  using Shape = octavo::ModelConfig;
  using Step = octavo::TrainingOptions;
  const Growth all[] = {
      {"batch", {1, 2, 4, 8, 16}, [](Shape&, Step& step, Index n) { step.batch = n; }},
      {"sequence",
       {64, 128, 256, 512, 1024},
       [](Shape&, Step& step, Index n) { step.sequence = n; }},
      {"width",
       {64, 128, 256, 512},
       [](Shape& m, Step&, Index n) { m.width = n, m.feed_forward.d_ff = 4 * n; }},
      {"layers", {1, 2, 4, 8, 16}, [](Shape& m, Step&, Index n) { m.layers = n; }},
      {"vocabulary",
       {1024, 4096, 16384, 65536},
       [](Shape& m, Step&, Index n) { m.vocabulary = n; }},
  };
  std::printf(
      "ms of a step on one thread; where nothing else is said: 4 layers, 4 heads, width 128, "
      "d_ff 512, vocabulary 66, 4 x 64\n");
  for (const Growth& growth : all) {
    std::vector<double> sizes, times;
    std::printf("%-10s", growth.name);
    for (const Index size : growth.sizes) {
      Shape config{.vocabulary = 66,
                   .context = 1024,
                   .layers = 4,
                   .width = 128,
                   .attention = {.heads = 4},
                   .feed_forward = {.d_ff = 512}};
      Step step{.batch = 4, .sequence = 64};
      growth.set(config, step, size);
      const double time = milliseconds(config, step);
      std::printf("  %td: %.2f", size, time);
      std::fflush(stdout);
      sizes.push_back(std::log(static_cast<double>(size)));
      times.push_back(std::log(time));
    }
    std::printf("  exponent %.2f\n", slope(sizes, times));
  }
}
