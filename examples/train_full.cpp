// SPDX-License-Identifier: MIT
// Trains a model of any shape, chosen at run time, on a text file or on the built-in text.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

#include <octavo/checkpoint/model_source.hpp>
#include <octavo/octavo.hpp>

#include "support/download.hpp"
#include "support/program.hpp"
#include "support/sample.hpp"
#include "support/tokenizer_choice.hpp"
#include "support/train_full_options.hpp"
#include "support/train_full_run.hpp"

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
  if (!options.data.empty())
    return {octavo::read_file(options.data, support::largest_text), options.data};
  if (!options.wants_shakespeare) return built_in_text();
  const std::string path = "data/shakespeare.txt";
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) {
    if (options.dry_run) return built_in_text();
    support::print("downloading tiny Shakespeare to " + path + "\n");
    std::fflush(stdout);
    try {
      support::download(support::tiny_shakespeare, path);
    } catch (const octavo::Error& error) {
      std::fprintf(stderr,
                   "train_full: warning: %s\n  hint: %s\n"
                   "  hint: training on the built-in text instead\n",
                   error.what(), error.hint().c_str());
      return built_in_text();
    }
  }
  return {octavo::read_file(path), path};
}

octavo::AnyTokenizer learn_tokenizer(const support::FullOptions& options, const std::string& text) {
  if (options.from != nullptr) {
    if (options.from->tokenizer()) return *options.from->tokenizer();
    throw octavo::Error(octavo::ErrorCode::bad_data,
                        "--from: the model has no tokenizer that text can be read with",
                        "name a model file, a checkpoint, GGUF, or a folder with a tokenizer");
  }
  if (options.tokenizer == "byte") return support::byte_tokenizer();
  if (options.tokenizer == "bpe") {
    return support::learn_byte_pairs(octavo::MemorySource("text", std::as_bytes(std::span(text))),
                                     options.vocabulary);
  }
  return octavo::CharacterTokenizer::from_text(
      text, options.unknown ? octavo::UnknownToken::included : octavo::UnknownToken::excluded);
}

/// The text itself goes with this function. A run that goes on has a tokenizer already.
support::Corpus read_corpus(const support::FullOptions& options, const support::Resumed* resumed) {
  const Text text = find_text(options);
  if (text.bytes.empty()) {
    throw octavo::DataError("corpus " + octavo::printable(text.name) + " is empty",
                            "name a text file");
  }
  const auto identity = support::identity_of(text.from_file ? text.name : "", text.bytes);
  if (resumed != nullptr) support::check_corpus(options.saving, *resumed, identity);
  const octavo::AnyTokenizer tokenizer =
      resumed != nullptr ? resumed->info().tokenizer : learn_tokenizer(options, text.bytes);
  try {
    return {text.name,      text.bytes.substr(0, 6),
            text.from_file, identity,
            tokenizer,      octavo::tokenize(tokenizer, text.bytes)};
  } catch (const octavo::UnknownSymbol& error) {
    throw octavo::DataError("corpus " + octavo::printable(text.name) + ": " + error.what(),
                            resumed != nullptr ? "name the text that the run began with"
                                               : "take out what the model does not know");
  }
}

void print_run(const support::FullOptions& options, const support::Corpus& corpus,
               const support::Resumed* resumed) {
  std::printf("train_full: %s\n%s, %s\ntext: %s, %td tokens%s\n",
              resumed != nullptr ? ("going on with " + resumed->path()).c_str()
              : options.from != nullptr
                  ? "beginning with the model of --from"
                  : ("preset --" + options.preset + " (" + options.why + ")").c_str(),
              describe(options.shape).c_str(), options.double_precision ? "double" : "float",
              support::one_line(corpus.name).c_str(), corpus.tokens.view().size(),
              corpus.from_file ? ", the last tenth for validation"
                               : "; too short for validation, so there is none");
  if (options.tokenizer == "bpe") {
    std::printf("byte pairs: %.2f bytes a token%s\n",
                static_cast<double>(corpus.identity.bytes) /
                    static_cast<double>(corpus.tokens.view().size()),
                resumed == nullptr && options.shape.vocabulary < options.vocabulary
                    ? "; the text has no more of them"
                    : "");
  }
  if (resumed == nullptr) return;
  const octavo::RunState& state = resumed->info().state;
  std::printf("%td of %td steps are done", state.steps_done, options.training.steps);
  if (options.training.steps != resumed->info().options.steps) {
    std::printf("; new schedule: there were %td", resumed->info().options.steps);
  }
  support::print("\n");
}

int run(const support::FullCommandLine& command_line) {
  support::SaveOptions saving = command_line.saving();
  const auto resumed = support::find_resumed(saving, "train_full");
  std::optional<octavo::ModelSource> from;
  if (!command_line.from().empty()) {
    octavo::require(resumed == nullptr, "--from: the run that --resume goes on with has weights");
    from.emplace(command_line.from(), [](const octavo::Error& error) {
      std::fprintf(stderr, "train_full: warning: skipped: %s\n", error.what());
    });
  }
  support::FullOptions options = resumed != nullptr ? command_line.resolve(resumed->info())
                                 : from             ? command_line.resolve(*from)
                                                    : command_line.resolve();
  options.saving = saving;
  if (options.quiet) support::silence_output();
  const support::Corpus corpus = read_corpus(options, resumed.get());
  options.shape.vocabulary = corpus.tokenizer.vocabulary_size();
  octavo::ThreadPool threads(options.threads);
  print_run(options, corpus, resumed.get());
  return options.double_precision ? support::run_double(options, corpus, threads, resumed.get())
                                  : support::run_float(options, corpus, threads, resumed.get());
}

}  // namespace

int main(int argc, char** argv) {
  return support::run_program("train_full", "Trains a transformer on your text.", argc, argv,
                              [](CLI::App& app) {
                                const auto line = std::make_shared<support::FullCommandLine>(app);
                                return [line] { return run(*line); };
                              });
}
