// SPDX-License-Identifier: MIT
// The check finds a wrong gradient and passes right ones: those of the examples' own layer and
// block, and of Octavo's.
#include <array>
#include <cmath>
#include <iostream>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include <octavo/octavo.hpp>
#include <octavo/testing/gradient_check.hpp>

#include "testing/reversing.hpp"

// The examples' mains are not this program's, and so have to return something.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
#define main own_layer_main
#include "../../examples/own_layer.cpp"
#undef main
#define main own_block_main
#include "../../examples/own_block.cpp"
#undef main
#pragma GCC diagnostic pop

using octavo_test::Fault;
using octavo_test::Reversing;
using octavo_test::ReversingBlock;
using octavo_test::with;

TEST_CASE("central differences of a known function") {
  std::array<double, 2> x{2, -3};
  const auto loss = [&] { return x[0] * x[0] * x[1]; };
  const testing::GradientCheckOptions options;
  const std::array<double, 2> right{-12, 4}, wrong{-12, 4.001};
  const auto good = testing::check_tensor("x", x, right, options, loss);
  CHECK(good.name == "x");
  CHECK(good.passed());
  CHECK(good.allowed == doctest::Approx(1e-9 + 1e-7 * 2 * std::sqrt(160.0)).epsilon(1e-6));
  const auto bad = testing::check_tensor("x", x, wrong, options, loss);
  CHECK(bad.difference == doctest::Approx(0.001).epsilon(1e-4));
  CHECK_FALSE(bad.passed());
  CHECK(x == std::array<double, 2>{2, -3});  // as before
}

TEST_CASE("a gradient that is not a number does not pass, nor does a check of nothing") {
  const testing::TensorCheck nan{"x", std::numeric_limits<double>::quiet_NaN(), 1};
  CHECK_FALSE(nan.passed());
  CHECK_FALSE(testing::GradientCheckResult{}.passed());
  CHECK(testing::GradientCheckResult{{{"x", 0, 1}}}.passed());
  CHECK_FALSE(testing::GradientCheckResult{{{"x", 0, 1}}, "a defect\n"}.passed());
  CHECK(testing::GradientCheckResult{{{"x", 2, 1}, {"y", 0, 1}}, "a defect\n"}.failures() ==
        "a defect\nx: differs by 2, allowed 1\n");
}

TEST_CASE("a layer's fault is found, whether of its barriers or of its gradient") {
  for (const Fault fault :
       {Fault::none, Fault::last_of_forward, Fault::first_of_forward, Fault::last_of_backward,
        Fault::read_before_overwrite, Fault::one_worker_waits_more, Fault::gradient}) {
    const auto result = testing::check_gradients(with<Reversing>(fault), {.width = 4});
    CHECK(result.passed() == (fault == Fault::none));
    CHECK(result.failures().empty() == (fault == Fault::none));
  }
}

TEST_CASE("blocks are checked as layers are") {
  const auto check = [](Fault fault) {
    return testing::check_gradients(with<ReversingBlock>(fault), {.width = 4});
  };
  INFO(check(Fault::none).failures());
  CHECK(check(Fault::none).passed());
  CHECK(check(Fault::none).tensors.size() == 2);
  CHECK_FALSE(check(Fault::gradient).passed());
  CHECK_FALSE(check(Fault::first_of_forward).passed());
  CHECK_FALSE(check(Fault::read_before_overwrite).passed());
  CHECK_THROWS_WITH_AS(testing::check_gradients(with<ReversingBlock>(Fault::none), {}),
                       "the check of a layer needs a width in its options", ConfigError);
}

TEST_CASE("the examples' own layer and block pass") {
  for (const Index workers : {1, 2}) {
    const ModelConfig narrow{.vocabulary = 5,
                             .context = 8,
                             .width = 7,
                             .attention = {.heads = 1},
                             .feed_forward = {.d_ff = 7}};
    const auto layer = testing::check_gradients<Bilinear<double>>(narrow, {.workers = workers});
    CHECK(layer.failures() == "");
    CHECK(layer.passed());
    const ModelConfig config{.vocabulary = 5,
                             .context = 8,
                             .width = 12,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 20}};
    const auto block = testing::check_gradients<ParallelBlock<double>>(
        config, {.sequences = 1, .sequence = 3, .workers = workers, .relative = 1e-6});
    CHECK(block.failures() == "");
  }
}

TEST_CASE("Octavo's own block passes, with every activation") {
  for (const Activation activation :
       {Activation::relu, Activation::gelu, Activation::gelu_tanh, Activation::silu}) {
    const bool silu = activation == Activation::silu;
    const ModelConfig config{.vocabulary = 5,
                             .context = 8,
                             .width = 6,
                             .norm = {.kind = silu ? NormKind::rms : NormKind::layer,
                                      .bias = activation != Activation::gelu},
                             .attention = {.heads = 2, .bias = activation != Activation::gelu},
                             .feed_forward = {.d_ff = 10,
                                              .activation = activation,
                                              .bias = activation != Activation::gelu,
                                              .gated = silu},
                             .head = {.bias = activation != Activation::gelu}};
    using OwnBlock = Block<double, FeedForward<double>>;
    const auto result =
        testing::check_gradients<OwnBlock>(config, {.workers = 2, .relative = 1e-6});
    CHECK(result.failures() == "");
    CHECK(result.tensors.size() == (config.norm.bias ? 13 : 7));
  }
}
