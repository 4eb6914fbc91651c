// SPDX-License-Identifier: MIT
// Trains a model of any shape, chosen at run time, on a text file or on the built-in text.
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>

#include <CLI/CLI.hpp>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/octavo.hpp>

#include "support/download.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/sample.hpp"
#include "support/train_full_options.hpp"

namespace {

using octavo::Index;

/// The text to train on, and what to call it.
struct Text {
  std::string bytes;
  std::string name;
  bool from_file = true;
};

Text built_in_text() { return {std::string(octavo::soliloquy), "the built-in text", false}; }

Text find_text(const support::FullOptions& options) {
  if (!options.data.empty()) return {octavo::read_file(options.data), options.data};
  if (!options.wants_shakespeare) return built_in_text();
  const std::string path = "data/shakespeare.txt";
  if (!std::filesystem::exists(path)) {
    if (options.dry_run) return built_in_text();
    std::cout << "downloading tiny Shakespeare to " << path << "\n" << std::flush;
    try {
      support::download(support::tiny_shakespeare, path);
    } catch (const octavo::Error& error) {
      std::cerr << "train_full: warning: " << error.what() << "\n  hint: " << error.hint()
                << "\n  hint: training on the built-in text instead\n";
      return built_in_text();
    }
  }
  return {octavo::read_file(path), path};
}

void print_parts(const octavo::ParameterList& parameters) {
  const auto part_of = [](std::string_view name) {
    if (name.find(".attn.") != name.npos) return "attention";
    if (name.find(".mlp.") != name.npos) return "feed-forward";
    if (name.find("ln_") != name.npos) return "norms";
    if (name.find("lm_head") != name.npos) return "head";
    return "embedding";
  };
  std::map<std::string, Index> counts;
  for (const octavo::Parameter& parameter : parameters) {
    counts[part_of(parameter.name)] += parameter.count();
  }
  for (const char* part : {"embedding", "attention", "feed-forward", "norms", "head"}) {
    std::printf("  %-13s %12td\n", part, counts[part]);
  }
}

/// The plan of a run that is not made.
template <octavo::Scalar T>
void print_plan(const support::FullOptions& options, const octavo::ThreadPool& threads) {
  octavo::Transformer<T> model{octavo::RuntimeConfig(options.shape)};
  octavo::MemoryPlan plan;
  const octavo::StepOptions step = options.training.step_options();
  octavo::TrainingMemory<T>::book(plan, model, step.memory(threads.size()));
  plan.place();
  std::printf("parameters %td\n", model.parameter_count());
  print_parts(model.parameters());
  std::printf("%s%td steps of %td x %td tokens\n", octavo::memory_table(plan).c_str(),
              options.training.steps, step.step.sequences(), step.step.sequence);
  std::fflush(stdout);
}

void print_run(const support::FullOptions& options, const Text& text,
               const octavo::TokenStore& tokens) {
  std::cout << "train_full: preset --" << options.preset << " (" << options.why << ")\n"
            << describe(options.shape) << (options.double_precision ? ", double\n" : ", float\n")
            << "text: " << text.name << ", " << tokens.view().size() << " tokens"
            << (text.from_file ? ", the last tenth for validation\n"
                               : "; too short for validation, so there is none\n");
}

/// Trains, samples, saves; returns the exit status.
template <octavo::Scalar T>
int train(const support::FullOptions& options, const Text& text,
          const octavo::CharacterTokenizer& tokenizer, const octavo::TokenStore& tokens,
          octavo::ThreadPool& threads) {
  const Index sequence = options.training.sequence;
  octavo::TokenSplit split{tokens.view(), {}};
  if (text.from_file) {
    split = octavo::split_tokens(tokens.view());
    octavo::check_length(split.train, sequence, "training text");
    octavo::check_length(split.validation, sequence, "validation text (the last tenth)");
  }
  octavo::Trainer<T> trainer(octavo::RuntimeConfig(options.shape), options.training, threads);
  octavo::Generator<T> generator(trainer.model(), trainer.weights(), sequence, threads);
  support::make_folder(options.out);
  std::cout << "parameters " << trainer.model().parameter_count() << ", memory planned "
            << trainer.plan().total_bytes() << " bytes for training, "
            << generator.plan().total_bytes() << " for generation, " << threads.size()
            << " threads, seed " << options.training.seed << "\n";

  const std::string prompt = text.bytes.substr(0, std::min<std::size_t>(6, text.bytes.size()));
  const auto sample = [&] {
    return support::write_on(generator, tokenizer, prompt, 80, {.temperature = 0.8}, 1);
  };
  support::Progress progress(options.training.steps, options.training.step_options().step.rows(),
                             options.log_every);
  std::stop_source stop;
  octavo::TrainingCallbacks callbacks;
  callbacks.step = [&](const octavo::StepResult& result) {
    progress.step(result);
    const Index done = result.step + 1;
    if (options.sample_every > 0 && done % options.sample_every == 0) {
      progress.say("sample: " + support::one_line(sample()));
    }
    if (support::caught_signal() != 0) stop.request_stop();
  };
  callbacks.evaluation = [&](Index done, double loss) {
    char line[80];
    std::snprintf(line, sizeof(line), "step %6td  validation loss %.4f", done, loss);
    progress.say(line);
  };
  support::catch_signals();
  trainer.run(split.train, split.validation, callbacks, stop.get_token());
  progress.finish();
  std::printf("mean loss of the last 100 steps %.4f, %.1f s, peak memory %s\n",
              progress.recent_loss(), progress.seconds(),
              octavo::readable_bytes(octavo::process_memory().peak_bytes).c_str());
  std::fflush(stdout);
  const std::string path = (std::filesystem::path(options.out) / "model.safetensors").string();
  octavo::save_model<T>(path, options.shape, sequence, tokenizer, trainer.weights());
  std::cout << "\n"
            << sample() << "\n\nSaved " << path << "; try: generate " << path << " --prompt \""
            << support::one_line(prompt) << "\"\n";
  return support::caught_signal() == 0 ? 0 : 128 + support::caught_signal();
}

int run(const support::FullCommandLine& command_line) {
  support::FullOptions options = command_line.resolve();
  const Text text = find_text(options);
  if (text.bytes.empty()) {
    throw octavo::DataError("corpus " + octavo::printable(text.name) + " is empty",
                            "name a text file");
  }
  const auto tokenizer = octavo::CharacterTokenizer::from_text(
      text.bytes,
      options.unknown ? octavo::UnknownToken::included : octavo::UnknownToken::excluded);
  options.shape.vocabulary = tokenizer.vocabulary_size();
  const octavo::TokenStore tokens = octavo::tokenize(tokenizer, text.bytes);
  octavo::ThreadPool threads(options.threads);
  print_run(options, text, tokens);
  if (options.dry_run) {
    options.double_precision ? print_plan<double>(options, threads)
                             : print_plan<float>(options, threads);
    return 0;
  }
  return options.double_precision ? train<double>(options, text, tokenizer, tokens, threads)
                                  : train<float>(options, text, tokenizer, tokens, threads);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains a transformer on your text.", "train_full");
  const support::FullCommandLine command_line(app);
  app.set_version_flag("--version", std::string("octavo ") + octavo::version_string);
  return support::run_program(app, argc, argv, [&] { return run(command_line); });
}
