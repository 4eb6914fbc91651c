// SPDX-License-Identifier: MIT
// Your own training loop, without text: the model learns to reverse digits.
#include <iostream>

#include <octavo/octavo.hpp>

using namespace octavo;

namespace {

constexpr Index digits = 4, sequence = 2 * digits;
constexpr TrainingOptions batch{.batch = 16, .sequence = sequence, .micro_batch = 16};

/// The 9 tokens of "1234=4321", for the number `index`.
std::array<Token, sequence + 1> draw(Index index) {
  const CounterRandom random(1, RandomStream::batches);
  std::array<Token, sequence + 1> line{};
  for (std::size_t i = 0; i < digits; ++i) {
    line[i] = static_cast<Token>(random.below(static_cast<std::uint64_t>(index) * digits + i, 10));
    line[sequence - i] = line[i];
  }
  line[digits] = 10;  // the equals sign
  return line;
}

}  // namespace

int main() {
  ThreadPool threads;
  const ModelConfig config{.vocabulary = 11,
                           .context = sequence,
                           .layers = 2,
                           .width = 64,
                           .attention = {.heads = 4},
                           .feed_forward = {.d_ff = 128, .activation = Activation::gelu}};
  TrainingStep<float> step(Transformer<float>{config}, batch, threads);
  const LearningRateSchedule rate{.peak = 3e-3, .min_lr = 3e-4, .warmup = 20, .steps = 400};
  for (Index i = 0; i < 400; ++i) {
    for (Index row = 0; row < batch.rows(); ++row) {
      const auto line = draw(i * batch.batch + row / sequence);
      const auto at = static_cast<std::size_t>(row % sequence);
      step.inputs()[static_cast<std::size_t>(row)] = line[at];
      step.targets()[static_cast<std::size_t>(row)] = at < digits ? -1 : line[at + 1];  // -1: none
    }
    const double loss = step.train(rate.at(i)).loss;
    if (i % 100 == 99) std::cout << "step " << i + 1 << ": loss " << loss << '\n';
  }

  Generator generator(step.model(), step.weights(), sequence, threads);
  int right = 0;
  for (Index i = 0; i < 100; ++i) {
    const auto line = draw(1'000'000 + i);  // not seen in training
    std::size_t at = digits;
    bool good = true;
    generator.generate(std::span(line).first(digits + 1), digits, {.temperature = 0}, 1,
                       [&](Token token) { return good = token == line[++at]; });
    right += good;
  }
  std::cout << right << " of 100 new numbers reversed\n";
}
