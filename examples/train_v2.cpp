// SPDX-License-Identifier: MIT
// Trains a model whose configuration, and therefore memory, is fixed when it is compiled, on the
// opening of Hamlet's soliloquy, until it can recite it.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/octavo.hpp>

#include "support/memory_report.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/sample.hpp"

namespace {

using octavo::Index;

constexpr octavo::ModelShape shape = octavo::presets::v2;
constexpr Index sequence = 32;
using Config = octavo::FixedConfig<shape>;

// The whole of the training run, and of generation, before the first byte is allocated.
static_assert(octavo::parameter_count(shape) == 291'398);
static_assert(octavo::training_bytes<float>(shape, {.batch = 1, .sequence = sequence}) < 5'100'000);
static_assert(octavo::generation_bytes<float>(shape, sequence) < 500'000);

constexpr std::string_view prompt = "To be ";

struct Arguments {
  Index iterations = 2000;
  Index threads = 0;
  std::uint64_t seed = 5;  ///< 15 of the seeds 1 to 40 end in a model that recites every letter
  std::string out;
  support::MemoryReportOption memory_report;
};

int train(const Arguments& arguments) {
  const auto& tokenizer = octavo::fixed_alphabet_tokenizer;
  const octavo::TokenStore tokens = octavo::tokenize(tokenizer, octavo::soliloquy_v2);
  octavo::ThreadPool threads(arguments.threads);
  octavo::TrainingOptions options;
  options.between_steps_bytes = octavo::generation_bytes<float>(shape, sequence, threads.size());
  options.steps = arguments.iterations;
  options.sequence = sequence;
  options.seed = arguments.seed;
  support::release_idle_memory();
  octavo::Trainer<float, Config> trainer(Config{}, options, threads);
  octavo::Generator<float, Config> generator(trainer.model(), trainer.weights(), sequence, threads,
                                             trainer.between_steps());

  std::printf("train_v2: %s\nparameters %td, memory planned %zu bytes, %td threads, seed %ju\n",
              describe(shape).c_str(), trainer.model().parameter_count(),
              trainer.plan().total_bytes(), threads.size(),
              static_cast<std::uintmax_t>(arguments.seed));
  report_plan(arguments.memory_report, trainer.plan(), tokens.bytes(), "train_v2");
  if (!arguments.out.empty()) support::make_folder(arguments.out);

  support::Progress progress(options.steps, sequence, 100);
  std::stop_source stop;
  octavo::TrainingCallbacks callbacks;
  callbacks.step = [&](const octavo::StepResult& result) {
    progress.step(result);
    const Index done = result.step + 1;
    if (done % 500 == 0 && done < options.steps) {
      progress.say("sample: " +
                   support::one_line(support::greedy(generator, tokenizer, prompt, 60)));
    }
    if (support::caught_signal() != 0) stop.request_stop();
  };
  support::release_idle_memory();
  support::catch_signals();
  trainer.run(tokens.view(), callbacks, stop.get_token());
  progress.finish();

  const Index rest = static_cast<Index>(octavo::soliloquy_v2.size() - prompt.size());
  const std::string text = support::greedy(generator, tokenizer, prompt, rest);
  std::printf("mean loss of the last 100 steps %.4f, %.1f s, peak memory %s\n",
              progress.recent_loss(), progress.seconds(),
              octavo::readable_bytes(octavo::process_memory().peak_bytes).c_str());
  std::printf("\nFrom \"To be \" it writes:\n\n%s", text.c_str());
  if (text == octavo::soliloquy_v2) support::print("\nThat is the excerpt to the letter.\n");
  if (!arguments.out.empty()) {
    const std::string path = (std::filesystem::path(arguments.out) / "model.safetensors").string();
    octavo::save_model<float>(path, shape, sequence, tokenizer, trainer.weights());
    std::printf("\nSaved %s; try: generate %s --prompt \"To be \"\n", path.c_str(), path.c_str());
  }
  report_process(arguments.memory_report, trainer.plan().total_bytes() + tokens.bytes());
  return support::caught_signal() == 0 ? 0 : 128 + support::caught_signal();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Trains a 291,398-parameter transformer on ten lines of Hamlet.", "train_v2");
  support::add_integer(app, "ITERATIONS", arguments.iterations, 1, "Training steps (2000)");
  support::add_seed(app, arguments.seed);
  support::add_integer(app, "--threads", arguments.threads, 0,
                       "Worker threads; 0 takes what the machine has (0)", 1024);
  app.add_option("--out", arguments.out, "Folder for the trained model; made if it is missing")
      ->type_name("DIR");
  support::add_memory_report(app, arguments.memory_report);
  app.set_version_flag("--version", std::string("octavo ") + octavo::version_string);
  return support::run_program(app, argc, argv, [&] { return train(arguments); });
}
