// SPDX-License-Identifier: MIT
// A file that trains and generates, for compile_time.py.
#include <string>

#include <octavo/octavo.hpp>

std::string train_and_generate(octavo::TokenView tokens,
                               const octavo::CharacterTokenizer& tokenizer) {
  const octavo::ModelConfig config{.vocabulary = tokenizer.vocabulary_size(),
                                   .context = 64,
                                   .layers = 2,
                                   .width = 64,
                                   .attention = {.heads = 2},
                                   .feed_forward = {.d_ff = 256}};
  octavo::ThreadPool threads;
  octavo::Trainer<float> trainer(config, {.steps = 100, .sequence = 64}, threads);
  trainer.run(tokens);
  octavo::Generator<float> generator(trainer.model(), trainer.weights(), 64, threads);
  return octavo::generate_text(generator, tokenizer, "T", 100, {.temperature = 0.8});
}
