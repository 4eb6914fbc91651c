// SPDX-License-Identifier: MIT
// fine_tune MODEL TEXT [SEQUENCE]: trains an existing model on your text. MODEL is one of Octavo's
// files, a GGUF file, or a Hugging Face folder with a tokenizer that Octavo can read.
// SEQUENCE: tokens per sequence, fewer than the text has (default: the model's trained length).
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>

#include <octavo/files.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/octavo.hpp>

using namespace octavo;

int main(int argc, char** argv) {
  try {
    require(argc == 3 || argc == 4, "usage: fine_tune MODEL TEXT [SEQUENCE]");
    const std::string output = "fine_tuned.safetensors";
    std::error_code none;
    const bool is_link = std::filesystem::is_symlink(output, none);
    for (const char* input : {argv[1], argv[2]}) {
      require(!is_link && !std::filesystem::equivalent(input, output, none),
              "fine_tuned.safetensors is the output: rename the input first");
    }
    const ModelSource source(argv[1]);
    require(source.tokenizer().has_value(), "the model has no tokenizer that Octavo reads");
    const TokenStore tokens = tokenize(*source.tokenizer(), read_file(argv[2]));
    Index length = source.trained_length();
    require(argc == 3 || (parse_whole(std::string_view(argv[3]), length) && length > 0 &&
                          length <= source.trained_length()),
            "SEQUENCE: expected 1 to the length that the model was trained on");
    if (const Index most = tokens.view().size() - 1; most < length) {
      throw DataError("the text has " + std::to_string(most + 1) + " tokens",
                      "use a longer text, or a SEQUENCE of at most " + std::to_string(most));
    }

    ThreadPool threads;
    TrainingOptions options{.steps = 200, .sequence = length, .learning_rate = 1e-3};
    options.evaluate_every = 50;
    Trainer<float> trainer(ModelConfig(source.config()), options, threads);
    source.read(trainer.weights());
    std::cout << "before: " << trainer.evaluate(tokens.view()) << " nats per token\n";
    trainer.run(tokens.view(), tokens.view(), {.evaluation = [](Index step, double loss) {
                  std::cout << "step " << step << ": " << loss << '\n';
                }});
    save_model<float>(output, trainer.model(), length, *source.tokenizer(), trainer.weights());
    std::cout << "saved " << output << '\n';
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << '\n' << error.hint() << '\n';
    return static_cast<int>(error.code());
  }
}
