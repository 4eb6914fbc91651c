// SPDX-License-Identifier: MIT
// Trains a model whose configuration, and therefore memory, is fixed at compile time, on the
// opening of Hamlet's soliloquy, until it can recite it.
#include "support/training.hpp"
#include "support/v2.hpp"

namespace {

using octavo::Index;

using support::v2::config, support::v2::text;
constexpr Index sequence = 32;
using Config = octavo::FixedConfig<config>;

// Checks the memory of the training run and of generation before the first byte is allocated.
static_assert(octavo::parameter_count(config) == 291'398);
static_assert(octavo::training_bytes<float>(config, {.batch = 1, .sequence = sequence}) <
              5'100'000);
static_assert(octavo::generation_bytes<float>(config, sequence) < 500'000);

constexpr std::string_view prompt = "To be ";
/// 15 of the seeds 1 to 40 end in a model that recites every letter.
constexpr std::uint64_t usual_seed = 5, no_seed = ~std::uint64_t{0};

struct Arguments {
  Index iterations = 0, threads = 0;  ///< 0: not given
  std::uint64_t seed = no_seed;
  support::SaveOptions saving;
  support::MemoryReportOption memory_report;
  bool quiet = false;
};

/// Length and seed come from the command line, or from the checkpoint that the run continues.
octavo::TrainingOptions options_of(const Arguments& arguments, const octavo::ResumedRun* resumed,
                                   Index workers) {
  octavo::TrainingOptions options;
  options.between_steps_bytes = octavo::generation_bytes<float>(config, sequence, workers);
  options.sequence = sequence;
  options.steps = arguments.iterations != 0 ? arguments.iterations : 2000;
  options.seed = arguments.seed != no_seed ? arguments.seed : usual_seed;
  if (resumed == nullptr) return options;
  const octavo::CheckpointInfo& info = resumed->info();
  if (arguments.iterations == 0) options.steps = info.options.steps;
  if (arguments.seed == no_seed) options.seed = info.options.seed;
  const bool ours = info.config == config && !info.double_precision;
  const std::string difference = support::v2::difference(info.options, options);
  if (ours && difference.empty()) return options;
  throw octavo::ConfigError(
      "cannot resume " + octavo::printable(resumed->path()) + ": " +
          (ours ? difference : "it is not a run of train_v2"),
      ours ? "leave it out, or begin a new run" : "name a checkpoint that train_v2 has saved");
}

int train(Arguments arguments) {
  if (arguments.quiet) support::silence_output();
  const auto resumed = support::find_resumed(arguments.saving);
  const std::vector<std::string> inputs{resumed != nullptr ? resumed->path() : ""};
  octavo::require_not_input("--memory-report", arguments.memory_report.drawing, inputs, true);
  const octavo::Corpus corpus{.name = "the built-in text",
                              .built_in = true,
                              .text_bytes = text.size(),
                              .identity = {"", text.size(), octavo::sha256(text)},
                              .tokenizer = support::v2::tokenizer,
                              .loaded = octavo::tokenize(support::v2::tokenizer, text)};
  octavo::ThreadPool threads(arguments.threads);
  support::warn_of_threads(threads);
  const auto options = options_of(arguments, resumed.get(), threads.size());
  support::release_idle_memory();
  octavo::Trainer<float, Config> trainer(Config{}, options, threads);
  octavo::Generator<float, Config> generator(trainer.model(), trainer.weights(), sequence, threads,
                                             trainer.between_steps());
  std::printf("train_v2: %s\nparameters %td, memory planned %zu bytes, %s, seed %ju\n",
              describe(config).c_str(), trainer.model().parameter_count(),
              trainer.plan().total_bytes(), octavo::counted(threads.size(), "thread").c_str(),
              static_cast<std::uintmax_t>(options.seed));
  report_plan(arguments.memory_report, trainer.plan(), corpus.token_bytes(), "train_v2");
  if (resumed != nullptr) std::printf("continuing from %s\n", resumed->path().c_str());
  octavo::RunReport page = run_page(
      trainer, corpus, threads, octavo::text_statistics(corpus.split(sequence), corpus.tokenizer));
  page.title = "train_v2";
  page.configuration.insert(page.configuration.end() - 1, setting_group(arguments.saving));
  page.resume = support::resume_command("train_v2", arguments.saving, arguments.threads);
  page.generate = " --prompt " + support::shell_word(prompt) + " --temperature 0";
  page.prompt = prompt;
  const auto sample = [&](Index count) {
    return octavo::generate_text(generator, corpus.tokenizer, prompt, count, {.temperature = 0});
  };
  std::string last;
  support::Run run{corpus, resumed.get(), arguments.saving, arguments.memory_report, page};
  run.recorded.sample_every = 500;
  run.recorded.sample = [&](Index done) { return done < options.steps ? sample(60) : ""; };
  run.before_last_save = [&] {
    last = sample(std::ssize(text) - std::ssize(prompt));
    std::printf("\nFrom \"To be \" it writes:\n\n%s%s", last.c_str(),
                last.ends_with('\n') ? "" : "\n");
    if (last == text) support::print("\nThat is the excerpt to the letter.\n");
  };
  run.last_sample = [&] { return last; };
  return support::train(trainer, threads, run);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  return support::run_program(
      "train_v2", "Trains a 291,398-parameter transformer on ten lines of Hamlet.", argc, argv,
      [&](CLI::App& app) {
        support::add_integer(app, "ITERATIONS", arguments.iterations, 1, "Training steps (2000)");
        support::add_seed(app, arguments.seed, usual_seed);
        support::add_threads(app, arguments.threads);
        support::add_save_options(app, arguments.saving);
        support::add_memory_report(app, arguments.memory_report);
        support::add_quiet(app, arguments.quiet);
        return [&] { return train(arguments); };
      });
}
