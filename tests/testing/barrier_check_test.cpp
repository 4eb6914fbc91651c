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
  Reversing(const Builder<double>& builder, Fault what)
      : fault(what),
        w(builder.vector("w", 4, InitialValue::ones)),
        buffer(builder.saved("buffer", 4)) {}

  void wait(const Pass<double>& pass, Fault place) const {
    if (fault != place) pass.worker().barrier();
    if (fault == Fault::one_worker_waits_more && pass.worker().index() == 1) {
      pass.worker().barrier();
    }
  }
  template <typename Body>
  void each(const Pass<double>& pass, Index rows, Body body) const {
    const Range mine = pass.worker().split(rows);
    for (Index i = mine.begin; i < mine.end; ++i) {
      for (Index j = 0; j < 4; ++j) body(i, j);
    }
  }

  void forward(const Pass<double>& pass, MatrixView<const double> x, MatrixView<double> y) const {
    const MatrixView<double> h = pass[buffer];
    each(pass, x.rows, [&](Index i, Index j) { h(i, j) = pass.weight(w)[j] * x(i, j); });
    wait(pass, Fault::first_of_forward);
    each(pass, x.rows, [&](Index i, Index j) { y(i, j) = 2 * h(x.rows - 1 - i, j); });
    wait(pass, Fault::last_of_forward);
  }

  void backward(const Pass<double>& pass, MatrixView<const double> x, MatrixView<const double> dy,
                MatrixView<double> dx) const {
    const Index last = x.rows - 1;
    const MatrixView<double> h = pass[buffer];
    double* const dw = pass.gradient_to_add_to(w);
    each(pass, x.rows, [&](Index i, Index j) { dx(i, j) = 2 * dy(last - i, j); });
    // Workers own columns of the parameter's gradient.
    pass.worker().barrier();
    const Range columns = pass.worker().split(4);
    for (Index j = columns.begin; j < columns.end; ++j) {
      for (Index i = 0; i < x.rows; ++i) {
        const double factor = fault == Fault::gradient ? 1.001 : 1;
        dw[j] += factor * dx(i, j) * h(i, j) / pass.weight(w)[j];
      }
    }
    wait(pass, Fault::read_before_overwrite);
    each(pass, x.rows, [&](Index i, Index j) { dx(i, j) *= pass.weight(w)[j]; });
    wait(pass, Fault::last_of_backward);
  }

  Fault fault;
  ParameterSlot w;
  Buffer<double> buffer;
};

/// The same as a block: x = layer(x).
struct ReversingBlock {
  using Value = double;
  ReversingBlock(const Builder<double>& builder, Fault fault)
      : layer(builder, fault),
        copied(builder.forward_scratch("copy", 4)),
        gradient(builder.backward_scratch("gradient", 4)),
        input(builder.saved("input", 4)) {}

  void forward(const Pass<double>& pass, MatrixView<double> x) const {
    const MatrixView<double> y = pass[copied];
    copy<double>(pass.worker(), x, pass[input]);
    layer.forward(pass, pass[input], y);
    copy<double>(pass.worker(), y, x);
  }
  void backward(const Pass<double>& pass, MatrixView<double> dx) const {
    const MatrixView<double> y = pass[gradient];
    pass.worker().barrier();  // rows of others
    layer.backward(pass, pass[input], dx, y);
    copy<double>(pass.worker(), y, dx);
  }

  Reversing layer;
  Buffer<double> copied, gradient, input;
};

/// Makes a part with that fault.
template <typename Part>
auto with(Fault fault) {
  return [fault](const Builder<double>& builder) { return Part(builder, fault); };
}

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
    const auto layer = with<Reversing>(fault);
    for (int run = 0; run < 5; ++run) {
      CHECK(first_line(testing::check_barriers(layer, {.width = 4})) == told);
    }
    CHECK(testing::check_gradients(layer, {.width = 4}).passed() == (fault == Fault::none));
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
    const ModelShape narrow{.vocabulary = 5, .context = 8, .heads = 1, .width = 7, .d_ff = 7};
    const auto layer = testing::check_gradients<Bilinear<double>>(narrow, {.workers = workers});
    CHECK(layer.failures() == "");
    CHECK(layer.passed());
    const ModelShape shape{.vocabulary = 5, .context = 8, .heads = 2, .width = 12, .d_ff = 20};
    const auto block = testing::check_gradients<ParallelBlock<double>>(
        shape, {.sequences = 1, .sequence = 3, .workers = workers, .relative = 1e-6});
    CHECK(block.failures() == "");
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
    using OwnBlock = Block<double, FeedForward<double>>;
    const auto result = testing::check_gradients<OwnBlock>(shape, {.workers = 2, .relative = 1e-6});
    CHECK(result.failures() == "");
    CHECK(result.tensors.size() == (shape.bias ? 13 : 7));
  }
}
