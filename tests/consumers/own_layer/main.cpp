// SPDX-License-Identifier: MIT
// A feed-forward part of the user's own, checked against central differences, inside a model of odd
// sizes, trained in float and in double by a loop of the user's own.
#include <algorithm>
#include <cmath>
#include <iostream>

#include <octavo/octavo.hpp>
#include <octavo/testing/gradient_check.hpp>

#include "swi_glu.hpp"

namespace {

constexpr octavo::ModelConfig config{.vocabulary = 257,
                                     .context = 37,
                                     .layers = 2,
                                     .width = 96,
                                     .norm = {.bias = false},
                                     .attention = {.heads = 3, .bias = false},
                                     .feed_forward = {.d_ff = 144, .bias = false},
                                     .head = {.bias = false}};

template <typename T>
using Step = octavo::TrainingStep<T, octavo::ModelConfig, SwiGlu<T>>;

template <typename T>
Step<T> make_step(octavo::ThreadPool& threads) {
  const typename Step<T>::Model model{config};
  return Step<T>(model, {.batch = 2, .sequence = 37}, threads);
}

/// Numbers that follow each other by a rule: x -> 5 x + 3 modulo 257.
template <typename T>
void draw(Step<T>& step, octavo::Index index) {
  octavo::Token x = static_cast<octavo::Token>(index * 31 % 257);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = x;
    x = (5 * x + 3) % 257;
    step.targets()[i] = x;
  }
}

template <typename T>
bool learns(octavo::ThreadPool& threads) {
  Step<T> step = make_step<T>(threads);
  double loss = 0;
  for (octavo::Index i = 0; i < 150; ++i) {
    draw(step, i);
    const double now = step.train(i < 20 ? 1e-4 * static_cast<double>(i) : 2e-3).loss;
    if (i == 0) std::cout << "loss " << now;
    loss = now;
  }
  std::cout << " -> " << loss << '\n';
  return loss < 0.05;
}

bool layer_gradients_are_right() {
  bool right = true;
  for (const octavo::Index workers : {1, 3}) {
    constexpr octavo::ModelConfig narrow{.vocabulary = 3,
                                         .context = 5,
                                         .width = 7,
                                         .attention = {.heads = 1},
                                         .feed_forward = {.d_ff = 5}};
    const auto result = octavo::testing::check_gradients<SwiGlu<double>>(
        narrow, {.sequences = 2, .sequence = 5, .workers = workers});
    std::cout << result.failures();
    right = right && result.tensors.size() == 4 && result.passed();
  }
  return right;
}

/// Every tensor of the whole model, in float, against the same in double.
bool float_gradients_are_right(octavo::ThreadPool& threads) {
  Step<double> exact = make_step<double>(threads);
  Step<float> single = make_step<float>(threads);
  std::ranges::copy(single.weights(), exact.weights().begin());
  draw(exact, 0);
  draw(single, 0);
  exact.compute_gradients();
  single.compute_gradients();
  bool right = exact.parameters().size() == 2 + 2 * 7 + 2;
  for (const octavo::Parameter& parameter : exact.parameters()) {
    const auto expected = exact.gradient(parameter.name);
    const double difference = (single.gradient(parameter.name).cast<double>() - expected).norm();
    if (difference <= 1e-7 + 1e-5 * expected.norm()) continue;
    std::cout << parameter.name << " differs by " << difference << '\n';
    right = false;
  }
  return right;
}

}  // namespace

int main() {
  octavo::ThreadPool threads(2);
  const bool gradients = layer_gradients_are_right() && float_gradients_are_right(threads);
  const bool single = learns<float>(threads);
  const bool twice = learns<double>(threads);
  std::cout << (gradients && single && twice ? "all is well\n" : "something failed\n");
  return gradients && single && twice ? 0 : 1;
}
