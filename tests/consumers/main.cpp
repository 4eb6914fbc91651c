// SPDX-License-Identifier: MIT
// What the consumers that only link octavo::octavo run: two steps of training, two tokens.
#include <octavo/octavo.hpp>

int main() {
  const auto tokenizer = octavo::CharacterTokenizer::from_text(octavo::sample_text);
  const octavo::TokenStore tokens = octavo::tokenize(tokenizer, octavo::sample_text);
  octavo::ModelConfig config{.context = 8,
                             .layers = 1,
                             .width = 8,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 8}};
  config.vocabulary = tokenizer.vocabulary_size();

  octavo::ThreadPool threads(2);
  const octavo::TrainingOptions options{.steps = 2, .sequence = 8, .warmup = 0};
  octavo::Trainer<float> trainer(config, options, threads);
  octavo::Index steps = 0;
  trainer.run(tokens.view(), {.step = [&](const octavo::StepResult&) { ++steps; }});

  octavo::Generator<float> generator(trainer.model(), trainer.weights(), 8, threads);
  const octavo::Token prompt[] = {1};
  octavo::Index written = 0;
  generator.generate(prompt, 2, {}, 1, [&](octavo::Token) { return ++written > 0; });
  return steps == 2 && written == 2 ? 0 : 1;
}
