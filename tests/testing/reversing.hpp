// SPDX-License-Identifier: MIT
// A layer and a block with one fault each, for the checks to find.
#pragma once

#include <octavo/kernels/elementwise.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/transformer_block.hpp>

namespace octavo_test {

using octavo::Buffer;
using octavo::Builder;
using octavo::Index;
using octavo::InitialValue;
using octavo::MatrixView;
using octavo::ParameterSlot;
using octavo::Pass;
using octavo::Range;

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
    octavo::copy<double>(pass.worker(), x, pass[input]);
    layer.forward(pass, pass[input], y);
    octavo::copy<double>(pass.worker(), y, x);
  }
  void backward(const Pass<double>& pass, MatrixView<double> dx) const {
    const MatrixView<double> y = pass[gradient];
    pass.worker().barrier();  // rows of others
    layer.backward(pass, pass[input], dx, y);
    octavo::copy<double>(pass.worker(), y, dx);
  }

  Reversing layer;
  Buffer<double> copied, gradient, input;
};

/// Makes a part with that fault.
template <typename Part>
auto with(Fault fault) {
  return [fault](const Builder<double>& builder) { return Part(builder, fault); };
}

}  // namespace octavo_test
