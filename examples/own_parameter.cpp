// SPDX-License-Identifier: MIT
// A parameter of your own: y = s * feed_forward(x), s learned (LayerScale, Touvron et al. 2021).
#include <iostream>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/octavo.hpp>
#include <octavo/testing/gradient_check.hpp>

using namespace octavo;

template <Scalar T>
struct LayerScale {
  using Value = T;
  static constexpr std::string_view name = "layer scale";  // in files
  constexpr LayerScale(const Builder<T>& builder, const ModelConfig& config)
      : inner(builder / "inner", config),
        s(builder.vector("s", config.width, InitialValue::ones, builder.begin_unit())),
        f(builder.saved("f", config.width)),
        df(builder.backward_scratch("df", config.width)) {}

  void forward(const Pass<T>& pass, MatrixView<const T> x, MatrixView<T> y) const {
    inner.forward(pass, x, pass[f]);
    each(pass, [&](Index i, Index j) { y(i, j) = pass.weight(s)[j] * pass[f](i, j); });
  }
  void backward(const Pass<T>& pass, MatrixView<const T> x, MatrixView<const T> dy,
                MatrixView<T> dx) const {
    each(pass, [&](Index i, Index j) { pass[df](i, j) = dy(i, j) * pass[f](i, j); });
    if (const GradientPlace<T> ds = pass.gradient(s)) {  // null: frozen; output: overwrite or add
      sum_columns<T>(pass.worker(), pass[df], ds.numbers, ds.output);
    }
    pass.worker().barrier();
    each(pass, [&](Index i, Index j) { pass[df](i, j) = pass.weight(s)[j] * dy(i, j); });
    pass.complete(s, 1);  // the unit's one gradient is whole, and its weights are done with
    inner.backward(pass, x, pass[df], dx);
  }
  void each(const Pass<T>& pass, auto body) const {  // ends with a barrier
    pass.for_each_row([&](Index i) {
      for (Index j = 0; j < s.columns; ++j) body(i, j);
    });
  }
  FeedForward<T> inner;
  ParameterSlot s;
  Buffer<T> f, df;
};

int main() {
  const auto check = testing::check_gradients<LayerScale<double>>(presets::tiny, {.workers = 2});
  std::cout << (check.passed() ? "gradients agree\n" : check.failures());
  using Model = Transformer<float, ModelConfig, LayerScale<float>>;
  constexpr TrainingOptions options{.steps = 2000, .sequence = 32, .learning_rate = 3e-3};
  static_assert(training_bytes<Model>(presets::tiny, options, 2) < 1'500'000);  // on two threads
  const auto tokenizer = CharacterTokenizer::from_text(sample_text);
  ThreadPool threads(2);
  TrainerOf<Model> trainer(presets::tiny, options, threads);
  trainer.run(tokenizer.encode(sample_text));
  save_model<float>("own.safetensors", trainer.model(), 32, tokenizer, trainer.weights());
  const auto loaded = load_model<float>("own.safetensors", model_kind<Model>);
  Generator generator(Model(loaded.config), loaded.weights, loaded.trained_length, threads);
  std::cout << generate_text(generator, loaded.tokenizer, "T", 85, {.temperature = 0}) << '\n';
}
