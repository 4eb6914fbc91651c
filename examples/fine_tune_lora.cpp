// SPDX-License-Identifier: MIT
// fine_tune_lora MODEL TEXT [SEQUENCE]: trains low-rank adapters (LoRA) of an existing model on
// your text, and saves the model with the adapters folded into its weights. MODEL is one of
// Octavo's files, a GGUF file, or a Hugging Face folder with a tokenizer that Octavo can read.
#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>

#include <octavo/files.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/octavo.hpp>

using namespace octavo;

int main(int argc, char** argv) {
  try {
    require(argc == 3 || argc == 4, "usage: fine_tune_lora MODEL TEXT [SEQUENCE]");
    const std::string output = "adapted.safetensors";
    require(argv[1] != output && argv[2] != output, "adapted.safetensors is the output");
    const ModelSource source(argv[1]);
    require(source.tokenizer().has_value(), "the model has no tokenizer that Octavo reads");
    require(source.config().lora.rank == 0, "the model has adapters already: merge them first");
    const TokenStore tokens = tokenize(*source.tokenizer(), read_file(argv[2]));
    Index length = std::min(source.trained_length(), tokens.view().size() - 1);
    require(argc == 3 || (parse_whole(std::string_view(argv[3]), length) && length > 0 &&
                          length <= source.trained_length()),
            "SEQUENCE: expected 1 to the length that the model was trained on");

    // Only the adapters train: the base has neither gradients nor moments.
    ModelConfig config = source.config();
    config.lora = {.rank = 16, .alpha = 32};
    TrainingOptions options{.steps = 200, .sequence = length, .learning_rate = 2e-3, .warmup = 10};
    options.optimizer = AdamW{.weight_decay = 0};
    options.evaluate_every = 50;
    ThreadPool threads;
    Trainer<float> trainer(config, options, threads);
    source.read_base(trainer.parameters(), options.seed, trainer.weights());
    std::cout << trainer.parameters().trained_count() << " of " << trainer.parameters().count()
              << " numbers train, in " << trainer.plan().total_bytes() << " bytes\n"
              << "before: " << trainer.evaluate(tokens.view()) << " nats per token\n";
    trainer.run(tokens.view(), tokens.view(), {.evaluation = [](Index step, double loss) {
                  std::cout << "step " << step << ": " << loss << '\n';
                }});

    // In place: the merged weights are the first of the numbers.
    const auto merged = merge_adapters(trainer.model(), trainer.weights(), trainer.weights());
    const Transformer<float> model(without_adapters(config));
    save_model<float>(output, model, length, *source.tokenizer(), merged);
    std::cout << "saved " << output << '\n';
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << '\n' << error.hint() << '\n';
    return static_cast<int>(error.code());
  }
}
