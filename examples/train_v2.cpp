// SPDX-License-Identifier: MIT
// Trains a model whose configuration, and therefore memory, is fixed when it is compiled, on the
// opening of Hamlet's soliloquy, until it can recite it.
#include <cmath>
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
#include "support/run_saver.hpp"
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
  support::SaveOptions saving;
  support::MemoryReportOption memory_report;
  bool quiet = false;
};

/// What the page about the run tells of its configuration.
octavo::RunReport describe_run(const Arguments& arguments, const octavo::TrainingOptions& options,
                               const octavo::MemoryPlan& plan, Index threads) {
  octavo::RunReport report;
  report.title = "train_v2";
  octavo::FactGroup text{"Text", {}}, run{"Run", {}};
  text.add("data", "the built-in text");
  text.add("bytes", octavo::soliloquy_v2.size());
  text.add("validation", "none, it is too short");
  run.add("out", support::one_line(arguments.saving.out));
  run.add("save-every", arguments.saving.save_every);
  run.add("keep", arguments.saving.keep);
  octavo::FactGroup model = octavo::facts_of(shape);
  model.add("parameters", octavo::parameter_count(shape));
  report.facts = {text, model, octavo::facts_of(options), run, octavo::facts_of_machine(threads)};
  report.resume = "train_v2 " + std::to_string(options.steps) + " --seed " +
                  std::to_string(options.seed) + " --out " +
                  support::shell_word(arguments.saving.out) + " --resume";
  report.generate = " --prompt " + support::shell_word(prompt) + " --temperature 0";
  report.plan = &plan;
  report.phase_names = octavo::phase::names;
  report.clip = options.clip;
  return report;
}

/// The run is the program's but for its length and seed: a checkpoint must be of the same.
octavo::TrainingOptions options_of(const Arguments& arguments, octavo::Index workers) {
  octavo::TrainingOptions options;
  options.between_steps_bytes = octavo::generation_bytes<float>(shape, sequence, workers);
  options.steps = arguments.iterations;
  options.sequence = sequence;
  options.seed = arguments.seed;
  return options;
}

void check_resumed(const support::Resumed& resumed, const octavo::TrainingOptions& options) {
  const octavo::CheckpointInfo& info = resumed.info();
  const auto refuse = [&](const std::string& what) {
    throw octavo::ConfigError("cannot resume " + octavo::printable(resumed.path()) + ": " + what,
                              "repeat the command that began the run, and add --resume");
  };
  if (!(info.shape == shape) || info.double_precision) refuse("it is no run of train_v2");
  if (info.options.steps != options.steps) {
    refuse("the run has " + std::to_string(info.options.steps) + " iterations, but " +
           std::to_string(options.steps) + " were asked");
  }
  if (info.options.seed != options.seed) {
    refuse("the run has seed " + std::to_string(info.options.seed) + ", but " +
           std::to_string(options.seed) + " was asked");
  }
}

int train(Arguments arguments) {
  if (arguments.quiet) support::silence_output();
  const auto resumed = support::find_resumed(arguments.saving, "train_v2");
  const auto& tokenizer = octavo::fixed_alphabet_tokenizer;
  const octavo::TokenStore tokens = octavo::tokenize(tokenizer, octavo::soliloquy_v2);
  const auto identity = support::identity_of("", octavo::soliloquy_v2);
  octavo::ThreadPool threads(arguments.threads);
  const octavo::TrainingOptions options = options_of(arguments, threads.size());
  if (resumed != nullptr) check_resumed(*resumed, options);
  support::release_idle_memory();
  octavo::Trainer<float, Config> trainer(Config{}, options, threads);
  octavo::Generator<float, Config> generator(trainer.model(), trainer.weights(), sequence, threads,
                                             trainer.between_steps());

  std::printf("train_v2: %s\nparameters %td, memory planned %zu bytes, %td threads, seed %ju\n",
              describe(shape).c_str(), trainer.model().parameter_count(),
              trainer.plan().total_bytes(), threads.size(),
              static_cast<std::uintmax_t>(arguments.seed));
  report_plan(arguments.memory_report, trainer.plan(), tokens.bytes(), "train_v2");

  const octavo::TextEntropy entropy = octavo::text_entropy(tokens.view(), shape.vocabulary);
  support::Progress progress(
      {.steps = options.steps,
       .tokens_per_step = sequence,
       .references = {std::log(static_cast<double>(shape.vocabulary)), entropy.unigram,
                      entropy.bigram},
       .report = describe_run(arguments, options, trainer.plan(), threads.size())});
  const auto say = [&](const std::string& line) { progress.say(line); };
  support::RunSaver saver(arguments.saving, trainer, tokenizer, identity, say);
  if (resumed != nullptr) {
    std::printf("going on with %s\n", resumed->path().c_str());
    resumed->file().load(trainer);
    saver.set_last(resumed->path());
  }
  const auto report = [&](octavo::RunReport::Stage stage, const std::string& model) {
    progress.report(stage, trainer.state(), model);
  };
  std::stop_source stop;
  octavo::TrainingCallbacks callbacks;
  callbacks.step = [&](const octavo::StepResult& result) {
    progress.step(result);
    const Index done = result.step + 1;
    if (done % 500 == 0 && done < options.steps) {
      progress.sample(done, support::greedy(generator, tokenizer, prompt, 60));
    }
  };
  callbacks.completed = [&](Index done) {
    if (saver.is_due(done)) progress.saved();
    saver.step(done);
    if (saver.is_due(done)) report(octavo::RunReport::Stage::running, saver.newest_model());
    if (support::caught_signal() != 0) stop.request_stop();
    progress.completed();
  };
  support::release_idle_memory();
  support::catch_signals();
  const octavo::RunResult result = support::run_through(trainer, saver, false, say, [&] {
    progress.begin(trainer.state().steps_done, saver.files());
    return trainer.run(tokens.view(), callbacks, stop.get_token());
  });
  progress.finish();
  print_end(result.reason, trainer.state(), saver);

  const Index rest = static_cast<Index>(octavo::soliloquy_v2.size() - prompt.size());
  const std::string text = support::greedy(generator, tokenizer, prompt, rest);
  progress.print_summary();
  std::printf("\nFrom \"To be \" it writes:\n\n%s", text.c_str());
  if (text == octavo::soliloquy_v2) support::print("\nThat is the excerpt to the letter.\n");
  saver.finish();
  if (!arguments.saving.out.empty()) {
    const std::string path =
        (std::filesystem::path(arguments.saving.out) / "model.safetensors").string();
    octavo::save_model<float>(path, shape, sequence, tokenizer, trainer.weights());
    std::printf("\nSaved %s; try: generate %s --prompt \"To be \"\n", path.c_str(), path.c_str());
    const bool asked = result.reason == octavo::StopReason::asked;
    if (!asked) progress.keep_sample(trainer.state().steps_done, text);
    report(asked ? octavo::RunReport::Stage::stopped : octavo::RunReport::Stage::finished, path);
  }
  report_process(arguments.memory_report, trainer.plan().total_bytes() + tokens.bytes());
  return support::caught_signal() == 0 ? 0 : 128 + support::caught_signal();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  return support::run_program(
      "train_v2", "Trains a 291,398-parameter transformer on ten lines of Hamlet.", argc, argv,
      [&](CLI::App& app) {
        support::add_integer(app, "ITERATIONS", arguments.iterations, 1, "Training steps (2000)");
        support::add_seed(app, arguments.seed);
        support::add_integer(app, "--threads", arguments.threads, 0,
                             "Worker threads; 0 takes what the machine has (0)",
                             support::most_threads);
        support::add_save_options(app, arguments.saving);
        support::add_memory_report(app, arguments.memory_report);
        support::add_quiet(app, arguments.quiet);
        return [&] { return train(arguments); };
      });
}
