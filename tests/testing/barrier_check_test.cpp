// SPDX-License-Identifier: MIT
// Layers and blocks with one fault each, which the check must find in every run, and the examples'
// own layer and block, which have none.
#include <array>
#include <iostream>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/octavo.hpp>
#include <octavo/testing/gradient_check.hpp>

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

namespace {

enum class Fault {
  none,
  last_of_forward,
  first_of_forward,
  last_of_backward,
  read_before_overwrite,
  one_worker_waits_more,
  gradient,
};

/// y = 2 reverse of the rows of (w * x), by way of a buffer; worker by worker other rows.
struct Reversing {
  using Value = double;
  Fault fault = Fault::none;

  Index input_width() const { return 4; }
  Index output_width() const { return 4; }
  void declare(ParameterDeclarations& list) { w = list.vector("w", 4, InitialValue::ones); }
  void book(BookingScope& scope) { buffer = scope.saved<double>("buffer", scope.rows() * 4); }

  void wait(const LayerContext<double>& context, Fault place) const {
    if (fault != place) context.worker.barrier();
    if (fault == Fault::one_worker_waits_more && context.worker.index() == 1) {
      context.worker.barrier();
    }
  }
  template <typename Body>
  void each(const LayerContext<double>& context, Index rows, Body body) const {
    const Range mine = context.worker.split(rows);
    for (Index i = mine.begin; i < mine.end; ++i) {
      for (Index j = 0; j < 4; ++j) body(i, j);
    }
  }

  void forward(const LayerContext<double>& context, MatrixView<const double> x,
               MatrixView<double> y) const {
    const MatrixView<double> h(context.saved(buffer), x.rows, 4);
    each(context, x.rows, [&](Index i, Index j) { h(i, j) = w.in(context.weights)[j] * x(i, j); });
    wait(context, Fault::first_of_forward);
    each(context, x.rows, [&](Index i, Index j) { y(i, j) = 2 * h(x.rows - 1 - i, j); });
    wait(context, Fault::last_of_forward);
  }

  void backward(const LayerContext<double>& context, MatrixView<const double> x,
                MatrixView<const double> dy, MatrixView<double> dx) const {
    const Index last = x.rows - 1;
    const MatrixView<double> h(context.saved(buffer), x.rows, 4);
    each(context, x.rows, [&](Index i, Index j) { dx(i, j) = 2 * dy(last - i, j); });
    // Workers own columns of the parameter's gradient.
    context.worker.barrier();
    const Range columns = context.worker.split(4);
    for (Index j = columns.begin; j < columns.end; ++j) {
      for (Index i = 0; i < x.rows; ++i) {
        const double factor = fault == Fault::gradient ? 1.001 : 1;
        w.in(context.gradients)[j] += factor * dx(i, j) * h(i, j) / w.in(context.weights)[j];
      }
    }
    wait(context, Fault::read_before_overwrite);
    each(context, x.rows, [&](Index i, Index j) { dx(i, j) *= w.in(context.weights)[j]; });
    wait(context, Fault::last_of_backward);
  }

  ParameterSlot w;
  Booking<double> buffer;
};

/// The same as a block: x = layer(x).
struct ReversingBlock : Reversing {
  static constexpr bool overwrites_all = false;
  Index input_width() const = delete;  // a block
  ParameterRange range;

  const ParameterRange& added_to() const { return range; }
  void declare(ParameterDeclarations& list) {
    Reversing::declare(list);
    range.count = 4;
  }
  void book(const BlockScope& whole) {
    BlockScope scope = whole;
    Reversing::book(scope);
    copy_ = scope.forward_scratch<double>("copy", scope.rows() * 4);
    gradient_ = scope.backward_scratch<double>("gradient", scope.rows() * 4);
    input_ = scope.saved<double>("input", scope.rows() * 4);
  }
  void forward(const LayerContext<double>& context, MatrixView<double> x) const {
    const MatrixView<double> y = context.scratch_matrix(copy_, 4);
    const MatrixView<double> kept(context.saved(input_), x.rows, 4);
    copy<double>(context.worker, x, kept);
    Reversing::forward(context, kept, y);
    copy<double>(context.worker, y, x);
  }
  void backward(const LayerContext<double>& context, MatrixView<double> dx) const {
    const MatrixView<double> y = context.scratch_matrix(gradient_, 4);
    const MatrixView<double> kept(context.saved(input_), dx.rows, 4);
    context.worker.barrier();  // rows of others
    Reversing::backward(context, kept, dx, y);
    copy<double>(context.worker, y, dx);
  }

  Booking<double> copy_, gradient_, input_;
};

static_assert(Layer<Reversing>);
static_assert(TransformerBlock<ReversingBlock> && !Layer<ReversingBlock>);

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

TEST_CASE("a missing barrier is found in every run, wherever it is") {
  const std::pair<Fault, const char*> faults[] = {
      {Fault::none, ""},
      {Fault::last_of_forward,
       "forward on 2 workers, the first ahead: worker 0 returns before the output is complete: a "
       "barrier is missing at the end of forward"},
      {Fault::first_of_forward,
       "forward on 2 workers, the first ahead: the output is not that of one worker: a barrier is "
       "missing, or an order of additions depends on the number of workers"},
      {Fault::last_of_backward,
       "backward on 2 workers, the first ahead: worker 0 returns before the input's gradient is "
       "complete: a barrier is missing at the end of backward"},
      {Fault::read_before_overwrite,
       "backward on 2 workers, the first ahead: a parameter's gradient is not that of one worker: "
       "a "
       "barrier is missing, or an order of additions depends on the number of workers"},
      {Fault::one_worker_waits_more,
       "forward on 2 workers, the first ahead: worker 0 waits at 2 barriers, worker 1 at 4: they "
       "would wait for ever"},
  };
  for (const auto& [fault, told] : faults) {
    Reversing layer;
    layer.fault = fault;
    for (int run = 0; run < 5; ++run) CHECK(first_line(testing::check_barriers(layer)) == told);
    CHECK(testing::check_gradients(layer).passed() == (fault == Fault::none));
  }
}

TEST_CASE("blocks are checked as layers are") {
  const auto check = [](Fault fault) {
    ReversingBlock block;
    block.fault = fault;
    return testing::check_gradients(block, {.width = 4});
  };
  INFO(check(Fault::none).failures());
  CHECK(check(Fault::none).passed());
  CHECK(check(Fault::none).tensors.size() == 2);
  CHECK_FALSE(check(Fault::gradient).passed());
  CHECK_FALSE(check(Fault::first_of_forward).passed());
  CHECK_FALSE(check(Fault::read_before_overwrite).passed());
  CHECK_THROWS_WITH_AS(testing::check_gradients(ReversingBlock{}),
                       "a block without width() is checked with a width in the options",
                       ConfigError);
}

TEST_CASE("the examples' own layer and block pass") {
  for (const Index workers : {1, 2}) {
    const auto layer = testing::check_gradients(Bilinear<double>(7), {.workers = workers});
    CHECK(layer.failures() == "");
    CHECK(layer.passed());
    const testing::GradientCheckOptions options{
        .sequences = 1, .sequence = 3, .workers = workers, .relative = 1e-6};
    if (workers == 1)
      CHECK(testing::check_gradients(ParallelBlock<double>{}, options).failures() == "");
    if (workers == 2) CHECK(testing::check_barriers(ParallelBlock<double>{}) == "");
  }
}

TEST_CASE("Octavo's own block passes, with every activation") {
  for (const Activation activation : {Activation::relu, Activation::gelu, Activation::gelu_tanh}) {
    const ModelShape shape{.vocabulary = 5,
                           .context = 8,
                           .heads = 2,
                           .width = 6,
                           .d_ff = 10,
                           .activation = activation,
                           .bias = activation != Activation::gelu};
    const FeedForward<double> wide(6, 10, activation, shape.bias);
    const Block<double, RuntimeConfig, FeedForward<double>> block(shape, wide);
    const auto result = testing::check_gradients(block, {.workers = 2, .relative = 1e-6});
    CHECK(result.failures() == "");
    CHECK(result.tensors.size() == (shape.bias ? 13 : 7));
  }
}
