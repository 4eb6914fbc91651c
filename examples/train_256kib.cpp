// SPDX-License-Identifier: MIT
// Trains a character model in 256 KiB: weights, gradients, optimizer state, activations, scratch
// and the generator's memory are in one static array. The text is the input and comes on top. The
// heap is used only at start-up, for the text and the tensors' names, and not from the first step
// on.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include <octavo/files/read_file.hpp>
#include <octavo/octavo.hpp>

#include "support/program.hpp"

namespace {

using octavo::Index;

/// The 65 characters of tiny Shakespeare; token 0 stands for all other characters.
constexpr octavo::CharacterTokenizer tokenizer(
    "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

constexpr Index sequence = 24;
constexpr octavo::ModelConfig config{.vocabulary = tokenizer.vocabulary_size(),
                                     .context = sequence,
                                     .layers = 1,
                                     .width = 32,
                                     .norm = {.bias = false},
                                     .attention = {.heads = 4, .bias = false},
                                     .feed_forward = {.d_ff = 80, .bias = false},
                                     .head = {.bias = false}};
using Config = octavo::FixedConfig<config>;
using Trainer = octavo::Trainer<float, Config>;
using Generator = octavo::Generator<float, Config>;

/// A model this small cannot memorise the text, so it needs no weight decay. 8-bit moments leave
/// room for more weights, and the 12 sequences of a step pass through the model one at a time.
constexpr octavo::TrainingOptions options{
    .batch = 12,
    .sequence = sequence,
    .learning_rate = 7e-3,
    .optimizer = octavo::AdamW8bit{.weight_decay = 0},
    .between_steps_bytes = octavo::generation_bytes<float>(config, sequence)};

/// All numbers of the run, to the byte. 32 KiB of them are scratch of the matrix products; without
/// AVX-512 these are half as many.
alignas(
    octavo::alignment_bytes) std::byte memory[octavo::training_bytes<float>(config, options, 1)];
constexpr std::size_t objects = sizeof(Trainer) + sizeof(Generator);
static_assert(sizeof(memory) + objects <= 256 * 1024);

struct Arguments {
  std::string file;
  Index iterations = 0;
  std::uint64_t seed = 1;
  bool quiet = false;
};

int train(const Arguments& arguments) {
  if (arguments.quiet) support::silence_output();
  const bool built_in = arguments.file.empty();
  const octavo::TokenStore tokens = octavo::tokenize(
      tokenizer, built_in ? std::string(octavo::sample_text)
                          : octavo::read_file(arguments.file, support::largest_text));
  const octavo::TokenSplit split =
      built_in ? octavo::TokenSplit{tokens.view(), {}} : octavo::split_tokens(tokens.view());

  octavo::ThreadPool alone(1);
  octavo::TrainingOptions run = options;
  run.steps = arguments.iterations > 0 ? arguments.iterations : built_in ? 500 : 30000;
  run.seed = arguments.seed;
  Trainer trainer(Trainer::Model(Config{}), run, alone, memory);
  Generator generator(trainer.model(), trainer.weights(), sequence, alone, trainer.between_steps());
  std::printf("train_256kib: %td parameters in %zu bytes, besides %zu of objects\n",
              trainer.model().parameter_count(), trainer.plan().total_bytes(), objects);

  const std::string warning = octavo::schedule_warning(run.rate());
  if (!warning.empty()) std::printf("hint: %s\n", warning.c_str());

  // No heap from here on.
  const auto start = std::chrono::steady_clock::now();
  const auto report = [&](const octavo::StepResult& result) {
    const Index done = result.step + 1;
    if (done % std::max<Index>(1, run.steps / 10) != 0) return;
    std::printf("step %6td  loss %.4f\n", done, result.loss);
    std::fflush(stdout);
  };
  const double validation_loss =
      trainer.run(split.train, split.validation, {.step = report}).validation_loss;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (!built_in) std::printf("validation loss %.4f\n", validation_loss);
  std::printf("%.1f s. From the text's first character it writes:\n\n", seconds.count());

  const octavo::Token prompt = tokens.view()[0];
  support::print(tokenizer.decode(prompt));
  generator.generate({&prompt, 1}, 300, {.temperature = 0.7}, run.seed, [](octavo::Token token) {
    support::print(tokenizer.decode(token));
    return true;
  });
  support::print("\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  return support::run_program(
      "train_256kib", "Trains a character model in 256 KiB of static storage.", argc, argv,
      [&](CLI::App& app) {
        support::add_name(app, "FILE", arguments.file,
                          "Text, its last tenth for validation; without one, ten lines of Hamlet");
        support::add_integer(app, "ITERATIONS", arguments.iterations, 1,
                             "Training steps (30000; 500 without FILE)");
        support::add_seed(app, arguments.seed, arguments.seed);
        support::add_quiet(app, arguments.quiet);
        return [&] { return train(arguments); };
      });
}
