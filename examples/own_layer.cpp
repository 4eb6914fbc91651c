// SPDX-License-Identifier: MIT
// A layer of your own, y = (x A + a) * (x B + b) number by number, checked and trained in a model.
#include <iostream>

#include <octavo/octavo.hpp>
#include <octavo/testing/gradient_check.hpp>

using namespace octavo;

template <Scalar T>
struct Bilinear {
  using Value = T;
  explicit Bilinear(Index width) : factors(width, 2 * width, true) {}
  Index input_width() const { return factors.input_width(); }
  Index output_width() const { return factors.input_width(); }
  void declare(ParameterDeclarations& list) {
    list.begin_layer("mlp.factors");
    factors.declare(list);
  }
  void book(BookingScope& scope) {
    kept = scope.saved<T>("factors", scope.rows() * factors.output_width());
  }
  void forward(const LayerContext<T>& context, MatrixView<const T> x, MatrixView<T> y) const {
    factors.forward(context, x, both(context));
    each_of_mine(context, [&](Index i, Index j, T& f, T& g) { y(i, j) = f * g; });
  }
  void backward(const LayerContext<T>& context, MatrixView<const T> x, MatrixView<const T> dy,
                MatrixView<T> dx) const {
    each_of_mine(context, [&](Index i, Index j, T& f, T& g) {  // each becomes its own gradient
      f = std::exchange(g, f * dy(i, j)) * dy(i, j);
    });
    factors.backward(context, x, both(context), dx);
  }
  MatrixView<T> both(const LayerContext<T>& context) const {
    return {context.saved(kept), context.rows(), factors.output_width()};
  }
  void each_of_mine(const LayerContext<T>& context, auto body) const {  // this worker's share
    const MatrixView<T> h = both(context);
    const Range rows = context.worker.split(h.rows);
    for (Index i = rows.begin; i < rows.end; ++i) {
      for (Index j = 0; j < h.columns / 2; ++j) body(i, j, h(i, j), h(i, j + h.columns / 2));
    }
    context.worker.barrier();
  }

  Linear<T> factors;
  Booking<T> kept;
};

int main() {
  const auto check = testing::check_gradients(Bilinear<double>(7), {.workers = 2});
  std::cout << (check.passed() ? "gradients agree\n" : check.failures());
  const TokenStore tokens = tokenize(CharacterTokenizer::from_text(soliloquy), soliloquy);
  const RuntimeConfig config({35, 32, 2, 4, 48, 48});  // vocabulary, context, layers, heads, ...
  ThreadPool threads;
  Trainer trainer(Transformer<float, RuntimeConfig, Bilinear<float>>(config, Bilinear<float>(48)),
                  {.steps = 500, .sequence = 32, .learning_rate = 3e-3}, threads);
  trainer.run(tokens.view());
  std::cout << "loss " << trainer.evaluate(tokens.view()) << '\n';
}
