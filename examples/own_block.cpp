// SPDX-License-Identifier: MIT
// A block of your own: x += attention(norm(x)) + feed_forward(norm(x)), side by side as in GPT-J.
#include <iostream>

#include <octavo/octavo.hpp>

using namespace octavo;

template <Scalar T>
struct ParallelBlock {
  using Value = T;
  static constexpr bool overwrites_all = true;  // since all its parts are Octavo's
  Index width() const { return norm.input_width(); }
  void declare(ParameterDeclarations& list) {
    list.begin_layer("ln_1");
    norm.declare(list);
    attention.declare(list);
    wide.declare(list);
  }
  void book(BlockScope scope) {
    norm.book(scope);
    attention.book(scope);
    wide.book(scope);
    for (auto& one : ahead) one = scope.forward_scratch<T>("forward", scope.rows() * 48);
    for (auto& one : back) one = scope.backward_scratch<T>("backward", scope.rows() * 48);
  }
  void forward(const LayerContext<T>& context, MatrixView<T> x) const {
    const auto at = [&](int i) { return context.scratch_matrix(ahead[i], x.columns); };
    norm.forward(context, x, at(0));
    attention.forward(context, at(0), at(1));
    wide.forward(context, at(0), at(2));
    for (const int branch : {1, 2}) add<T>(context.worker, at(branch), x);
  }
  void backward(const LayerContext<T>& context, MatrixView<T> dx) const {
    const auto at = [&](int i) { return context.scratch_matrix(back[i], dx.columns); };
    norm.replay(context, at(0));
    attention.backward(context, at(0), dx, at(1));
    wide.backward(context, at(0), dx, at(2));
    add<T>(context.worker, at(1), at(2));
    context.worker.barrier();
    norm.backward_into_residual(context, at(2), dx);
  }

  LayerNorm<T> norm{48, true};
  CausalSelfAttention<T> attention{48, 4, true};
  FeedForward<T> wide{48, 192, Activation::gelu, true};
  Booking<T> ahead[3], back[3];
};

int main() {
  const auto tokenizer = CharacterTokenizer::from_text(soliloquy);
  const RuntimeConfig config({35, 32, 2, 4, 48, 192});  // vocabulary, context, layers, heads, ...
  ThreadPool threads;
  Trainer trainer(Transformer<float, RuntimeConfig, ParallelBlock<float>>(config, {}),
                  {.steps = 2000, .sequence = 32, .learning_rate = 3e-3}, threads);
  trainer.run(tokenizer.encode(soliloquy));
  Generator generator(trainer.model(), trainer.weights(), 32, threads);
  generator.generate(tokenizer.encode("T"), 85, {.temperature = 0}, 1,
                     [&](Token token) { return bool(std::cout << tokenizer.decode(token)); });
}
