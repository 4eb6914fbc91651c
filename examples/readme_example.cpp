// SPDX-License-Identifier: MIT
// README.md shows this very file; a test runs it and compares the two.
#include <iostream>

#include <octavo/octavo.hpp>

int main() {
  const auto tokenizer = octavo::CharacterTokenizer::from_text(octavo::sample_text);
  const octavo::TokenStore tokens = octavo::tokenize(tokenizer, octavo::sample_text);

  constexpr octavo::ModelConfig config{.vocabulary = 35,
                                       .context = 64,
                                       .layers = 1,
                                       .width = 64,
                                       .attention = {.heads = 2},
                                       .feed_forward = {.d_ff = 128}};
  static_assert(octavo::training_bytes<float>(config, {.batch = 1, .sequence = 32}) < 1'000'000);

  octavo::ThreadPool threads;
  octavo::TrainingOptions options{.steps = 2000, .sequence = 32, .learning_rate = 3e-3};
  octavo::Trainer<float> trainer(config, options, threads);
  trainer.run(tokens.view(), {.step = [](const octavo::StepResult& result) {
                if (result.step % 200 == 199) std::cout << result.loss << '\n';
              }});

  octavo::Generator<float> generator(trainer.model(), trainer.weights(), 32, threads);
  std::cout << octavo::generate_text(generator, tokenizer, "T", 120, {.temperature = 0});
}
