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
#include <octavo/report.hpp>

#include "support/input_files.hpp"
#include "support/memory_report.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/run_saver.hpp"
#include "support/sample.hpp"
#include "support/v2.hpp"

namespace {

using octavo::Index;

constexpr octavo::ModelShape shape = support::v2::shape;
constexpr Index sequence = 32;
using Config = octavo::FixedConfig<shape>;

// The whole of the training run, and of generation, before the first byte is allocated.
static_assert(octavo::parameter_count(shape) == 291'398);
static_assert(octavo::training_bytes<float>(shape, {.batch = 1, .sequence = sequence}) < 5'100'000);
static_assert(octavo::generation_bytes<float>(shape, sequence) < 500'000);

constexpr std::string_view prompt = "To be ";

/// 15 of the seeds 1 to 40 end in a model that recites every letter.
constexpr std::uint64_t usual_seed = 5;

struct Arguments {
  static constexpr std::uint64_t no_seed = ~std::uint64_t{0};
  Index iterations = 0;  ///< 0: none were asked
  Index threads = 0;
  std::uint64_t seed = no_seed;
  support::SaveOptions saving;
  support::MemoryReportOption memory_report;
  bool quiet = false;
};

std::string resume_command(const Arguments& arguments) {
  const support::SaveOptions &saving = arguments.saving, usual;
  std::string command =
      support::command_of("train_v2") + " --resume " + support::shell_word(saving.out);
  const auto add = [&](const char* name, Index value, Index otherwise) {
    if (value != otherwise) command += std::string(name) + std::to_string(value);
  };
  add(" --save-every ", saving.save_every, usual.save_every);
  add(" --keep ", saving.keep, usual.keep);
  add(" --threads ", arguments.threads, 0);
  return command;
}

/// What the page about the run tells of its configuration.
octavo::RunReport describe_run(const Arguments& arguments, const octavo::TrainingOptions& options,
                               const octavo::MemoryPlan& plan, const octavo::ThreadPool& threads,
                               double per_character) {
  octavo::RunReport report;
  report.title = "train_v2";
  octavo::FactGroup text{"Text", {}}, run{"Run", {}};
  text.add("data", "the built-in text");
  text.add_count("bytes", support::v2::text.size());
  text.add("validation", "none, it is too short");
  run.add("out", support::one_line(arguments.saving.out));
  run.add("save-every", arguments.saving.save_every);
  run.add("keep", arguments.saving.keep);
  octavo::FactGroup model = octavo::facts_of(shape);
  model.add_count("parameters", octavo::parameter_count(shape));
  report.settings = octavo::settings_of(options);
  report.facts = {text, model, octavo::facts_of(options), run, octavo::facts_of_machine(threads)};
  report.resume = resume_command(arguments);
  report.generate = " --prompt " + support::shell_word(prompt) + " --temperature 0";
  report.prompt = prompt;
  report.plan = &plan;
  report.phase_names = octavo::phase::names;
  report.clip = options.clip;
  report.tokens_per_character = per_character;
  return report;
}

/// The run is the program's but for its length and seed, which are those of the checkpoint that it
/// goes on with, or of the command line.
octavo::TrainingOptions options_of(const Arguments& arguments, const support::Resumed* resumed,
                                   octavo::Index workers) {
  octavo::TrainingOptions options;
  options.between_steps_bytes = octavo::generation_bytes<float>(shape, sequence, workers);
  options.steps = 2000;
  options.sequence = sequence;
  options.seed = usual_seed;
  if (resumed != nullptr) {
    options.steps = resumed->info().options.steps;
    options.seed = resumed->info().options.seed;
  }
  if (arguments.iterations != 0) options.steps = arguments.iterations;
  if (arguments.seed != Arguments::no_seed) options.seed = arguments.seed;
  return options;
}

void check_resumed(const support::Resumed& resumed, const octavo::TrainingOptions& options) {
  const octavo::CheckpointInfo& info = resumed.info();
  const auto refuse = [&](const std::string& what,
                          const char* hint = "leave it out, or begin a new run") {
    throw octavo::ConfigError("cannot resume " + octavo::printable(resumed.path()) + ": " + what,
                              hint);
  };
  if (!(info.shape == shape) || info.double_precision) {
    refuse("it is no run of train_v2", "name a checkpoint that train_v2 has saved");
  }
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
  if (resumed != nullptr) {
    const std::string inputs[] = {resumed->path()};
    support::spare_inputs("--memory-report", arguments.memory_report.drawing, inputs);
  }
  const octavo::AnyTokenizer tokenizer = support::v2::tokenizer;
  const octavo::TokenStore tokens = octavo::tokenize(tokenizer, support::v2::text);
  const auto identity = support::identity_of("", support::v2::text);
  octavo::ThreadPool threads(arguments.threads);
  support::warn_of_threads(threads, "train_v2");
  const octavo::TrainingOptions options = options_of(arguments, resumed.get(), threads.size());
  if (resumed != nullptr) check_resumed(*resumed, options);
  support::release_idle_memory();
  octavo::Trainer<float, Config> trainer(Config{}, options, threads);
  octavo::Generator<float, Config> generator(trainer.model(), trainer.weights(), sequence, threads,
                                             trainer.between_steps());

  std::printf("train_v2: %s\nparameters %td, memory planned %zu bytes, %s, seed %ju\n",
              describe(shape).c_str(), trainer.model().parameter_count(),
              trainer.plan().total_bytes(), octavo::counted(threads.size(), "thread").c_str(),
              static_cast<std::uintmax_t>(options.seed));
  report_plan(arguments.memory_report, trainer.plan(), tokens.bytes(), "train_v2");

  const octavo::TextEntropy entropy = octavo::text_entropy(tokens.view(), shape.vocabulary);
  support::Progress progress(
      {.steps = options.steps,
       .tokens_per_step = sequence,
       .references = {std::log(static_cast<double>(shape.vocabulary)), entropy.unigram,
                      entropy.bigram},
       .report = describe_run(arguments, options, trainer.plan(), threads,
                              octavo::tokens_per_character(tokenizer, tokens.view()))});
  const auto say = [&](const std::string& line) { progress.say(line); };
  const std::string warning = octavo::schedule_warning(options.rate());
  if (!warning.empty()) say("hint: " + warning);
  if (resumed != nullptr) {
    std::printf("going on with %s\n", resumed->path().c_str());
    resumed->file().load(trainer);
  }
  support::RunSaver saver(arguments.saving, trainer, tokenizer, identity, say);
  saver.begin(resumed.get());
  const auto report = [&](octavo::RunReport::Stage stage, const std::string& model) {
    saver.check_folder();
    progress.report(stage, trainer.state(), model);
  };
  octavo::TrainingCallbacks callbacks;
  callbacks.step = [&](const octavo::StepResult& result) {
    progress.step(result);
    progress.threads(threads, trainer.training_step().threads_in_use());
    const Index done = result.step + 1;
    if (done % 500 == 0 && done < options.steps) {
      progress.sample(done, support::greedy(generator, tokenizer, prompt, 60));
    }
  };
  callbacks.completed = [&](Index done) {
    if (saver.is_due(done)) saver.check_folder(), progress.saved();
    saver.step(done);
    if (saver.is_due(done)) report(octavo::RunReport::Stage::running, saver.newest_model());
    progress.completed();
  };
  callbacks.stop = [] { return support::caught_signal() != 0; };
  support::release_idle_memory();
  support::catch_signals();
  const octavo::RunResult result = support::run_through(trainer, saver, false, say, [&] {
    progress.begin(trainer.state().steps_done, saver.files());
    return trainer.run(tokens.view(), callbacks);
  });
  saver.check_folder();
  progress.finish();
  print_end(result.reason, trainer.state(), saver);

  const Index rest = static_cast<Index>(support::v2::text.size() - prompt.size());
  const std::string text = support::greedy(generator, tokenizer, prompt, rest);
  progress.print_summary();
  std::printf("\nFrom \"To be \" it writes:\n\n%s%s", text.c_str(),
              text.ends_with('\n') ? "" : "\n");
  if (text == support::v2::text) support::print("\nThat is the excerpt to the letter.\n");
  saver.finish();
  if (!arguments.saving.out.empty()) {
    const std::string path = saver.model_path();
    saver.check_folder();
    octavo::save_model<float>(path, shape, sequence, tokenizer, trainer.weights());
    std::printf("\nSaved %s; try: %s %s --prompt \"To be \"\n", support::one_line(path).c_str(),
                support::command_of("generate").c_str(), support::shell_word(path).c_str());
    const bool asked = result.reason == octavo::StopReason::asked;
    if (asked) std::printf("Go on with: %s\n", resume_command(arguments).c_str());
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
        support::add_seed(app, arguments.seed, usual_seed);
        support::add_threads(app, arguments.threads);
        support::add_save_options(app, arguments.saving);
        support::add_memory_report(app, arguments.memory_report);
        support::add_quiet(app, arguments.quiet);
        return [&] { return train(arguments); };
      });
}
