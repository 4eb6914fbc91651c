// SPDX-License-Identifier: MIT
// Your own block: x += attention(norm(x)) + feed_forward(norm(x)), in parallel as in GPT-J.
#include <iostream>

#include <octavo/octavo.hpp>

using namespace octavo;

template <Scalar T>
struct ParallelBlock {
  using Value = T;
  static constexpr std::string_view name = "parallel block";  // in files
  constexpr ParallelBlock(const Builder<T>& builder, const ModelConfig& config)
      : norm(builder / "norm", config.width, config.norm),
        attention(builder / "attention", config.width, config.attention, config.positions),
        wide(builder / "feed_forward", config),
        ahead{builder.forward_scratch("normalized", config.width),
              builder.forward_scratch("attended", config.width),
              builder.forward_scratch("widened", config.width)},
        back{builder.backward_scratch("normalized", config.width),
             builder.backward_scratch("attention's gradient", config.width),
             builder.backward_scratch("gradient", config.width)} {}

  void forward(const Pass<T>& pass, MatrixView<T> x) const {
    norm.forward(pass, x, pass[ahead[0]]);
    attention.forward(pass, pass[ahead[0]], pass[ahead[1]]);
    wide.forward(pass, pass[ahead[0]], pass[ahead[2]]);
    for (const int branch : {1, 2}) add<T>(pass.worker(), pass[ahead[branch]], x);
  }
  void backward(const Pass<T>& pass, MatrixView<T> dx) const {
    norm.recompute_output(pass, pass[back[0]]);
    attention.backward(pass, pass[back[0]], dx, pass[back[1]]);
    wide.backward(pass, pass[back[0]], dx, pass[back[2]]);
    add<T>(pass.worker(), pass[back[1]], pass[back[2]]);
    pass.worker().barrier();
    norm.backward_accumulate(pass, pass[back[2]], dx);
  }

  Norm<T> norm;
  CausalSelfAttention<T> attention;
  FeedForward<T> wide;
  Buffer<T> ahead[3], back[3];
};

int main() {
  const auto tokenizer = CharacterTokenizer::from_text(sample_text);
  constexpr ModelConfig config{.vocabulary = 35,
                               .context = 32,
                               .layers = 2,
                               .width = 48,
                               .attention = {.heads = 4},
                               .feed_forward = {.d_ff = 192}};
  ThreadPool threads;
  Trainer<float, ModelConfig, ParallelBlock<float>> trainer(
      config, {.steps = 2000, .sequence = 32, .learning_rate = 3e-3}, threads);
  trainer.run(tokenizer.encode(sample_text));
  Generator generator(trainer.model(), trainer.weights(), 32, threads);
  std::cout << generate_text(generator, tokenizer, "T", 85, {.temperature = 0});
}
