// SPDX-License-Identifier: MIT
// Your own layer, y = (x A + a) * (x B + b) elementwise, checked and trained in a model.
#include <iostream>

#include <octavo/octavo.hpp>
#include <octavo/testing/gradient_check.hpp>

using namespace octavo;

template <Scalar T>
struct Bilinear {
  using Value = T;
  static constexpr std::string_view name = "bilinear";  // in files
  constexpr Bilinear(const Builder<T>& builder, const ModelConfig& config)
      : width(config.width),
        factors(builder / "factors", width, 2 * width),
        both(builder.saved("factors", 2 * width)) {}

  void forward(const Pass<T>& pass, MatrixView<const T> x, MatrixView<T> y) const {
    factors.forward(pass, x, pass[both]);
    each(pass, [&](Index i, Index j, T& f, T& g) { y(i, j) = f * g; });
  }
  void backward(const Pass<T>& pass, MatrixView<const T> x, MatrixView<const T> dy,
                MatrixView<T> dx) const {
    each(pass, [&](Index i, Index j, T& f, T& g) {  // each becomes its own gradient
      f = std::exchange(g, f * dy(i, j)) * dy(i, j);
    });
    factors.backward(pass, x, pass[both], dx);
  }
  void each(const Pass<T>& pass, auto body) const {
    const MatrixView<T> h = pass[both];
    pass.for_each_row([&](Index i) {
      for (Index j = 0; j < width; ++j) body(i, j, h(i, j), h(i, j + width));
    });
  }

  Index width;
  Linear<T> factors;
  Buffer<T> both;
};

int main() {
  constexpr ModelConfig config{.vocabulary = 35,
                               .context = 32,
                               .layers = 2,
                               .width = 48,
                               .attention = {.heads = 4},
                               .feed_forward = {.d_ff = 48}};
  const auto check = testing::check_gradients<Bilinear<double>>(config, {.workers = 2});
  std::cout << (check.passed() ? "gradients agree\n" : check.failures());
  const TokenStore tokens = tokenize(CharacterTokenizer::from_text(sample_text), sample_text);
  ThreadPool threads;
  Trainer<float, ModelConfig, Bilinear<float>> trainer(
      config, {.steps = 500, .sequence = 32, .learning_rate = 3e-3}, threads);
  trainer.run(tokens.view());
  std::cout << "loss " << trainer.evaluate(tokens.view()) << '\n';
}
