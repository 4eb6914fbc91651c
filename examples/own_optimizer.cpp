// SPDX-License-Identifier: MIT
// Your own optimizer: a rule for one number. A saved run continues with the same bits.
#include <iostream>

#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/octavo.hpp>

using namespace octavo;

/// Adagrad (Duchi et al. 2011): s += g^2; w -= lr g / (sqrt(s) + epsilon).
struct Adagrad {
  static constexpr std::string_view name = "adagrad";
  static constexpr std::array moments{MomentRange::not_negative};
  double epsilon = 1e-10;
  double weight_decay = 0;

  static constexpr auto settings() {
    return std::array{Setting{"epsilon", &Adagrad::epsilon, positive_range},
                      Setting{"weight_decay", &Adagrad::weight_decay, not_negative_range}};
  }
  template <Scalar T>
  T step(T w, T g, std::array<T, 1>& s, const UpdateRates& rates) const {
    g = std::fma(static_cast<T>(rates.weight_decay(weight_decay)), w, g);
    s[0] = std::fma(g, g, s[0]);
    const T direction = g / (std::sqrt(s[0]) + static_cast<T>(epsilon));
    return std::fma(static_cast<T>(-rates.learning_rate), direction, w);
  }
};

int main() {
  const auto tokenizer = CharacterTokenizer::from_text(sample_text);
  const TokenStore tokens = tokenize(tokenizer, sample_text);
  const ModelConfig config{.vocabulary = 35,
                           .context = 32,
                           .layers = 2,
                           .width = 48,
                           .attention = {.heads = 4},
                           .feed_forward = {.d_ff = 192}};
  ThreadPool threads;
  const TrainingOptions options{.steps = 2000, .learning_rate = 0.03, .optimizer = Adagrad{}};
  Trainer<float> whole(config, options, threads), resumed(config, options, threads);
  const std::string path = "own_optimizer.safetensors";
  whole.run(tokens.view(), {.completed = [&](Index step) {
              if (step == 1000) save_checkpoint(path, whole, tokenizer, {"text", 1, "none"});
            }});

  const FileSource file(path);
  const auto known = known_optimizers(Adagrad{});  // optimizers that a file may name
  CheckpointFile(file, {.optimizers = known}).load(resumed);
  std::cout << "resumed at step " << resumed.state().steps_done << ": ";
  resumed.run(tokens.view());
  const bool same = std::ranges::equal(whole.weights(), resumed.weights());
  std::cout << (same ? "same bits\n" : "other bits\n");

  Generator<float> generator(resumed.model(), resumed.weights(), 32, threads);
  std::cout << 'T';
  generator.generate(tokenizer.encode("T"), 40, {.temperature = 0}, 1,
                     [&](Token token) { return bool(std::cout << tokenizer.decode(token)); });
  std::cout << '\n';
}
