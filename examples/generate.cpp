// SPDX-License-Identifier: MIT
// Writes text with a trained model.
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/octavo.hpp>

#include "support/memory_report.hpp"
#include "support/program.hpp"

namespace {

using octavo::Index;

struct Arguments {
  std::string model;
  std::string prompt;
  Index tokens = 200;
  octavo::Sampling sampling;
  std::uint64_t seed = 1;
  Index threads = 0;
  bool interactive = false;
  support::MemoryReportOption memory_report;
};

constexpr auto temperature_is_legal = [](double x) { return x >= 0; };
constexpr auto top_p_is_legal = [](double x) { return x > 0 && x <= 1; };

class Session {
 public:
  Session(const Arguments& arguments, const octavo::LoadedModel<float>& model)
      : arguments_(arguments),
        tokenizer_(model.tokenizer),
        threads_(arguments.threads),
        generator_(octavo::Transformer<float>(octavo::RuntimeConfig(model.shape)), model.weights,
                   model.trained_length, threads_) {}

  const octavo::MemoryPlan& plan() const noexcept { return generator_.plan(); }

  /// Streams the prompt's continuation. An empty prompt begins with a line end, or with the first
  /// token of a vocabulary that has none.
  void reply(std::string_view prompt) {
    std::vector<octavo::Token> tokens(std::max<std::size_t>(1, prompt.size()));
    if (prompt.empty()) {
      tokens[0] = tokenizer_.alphabet().find('\n') == std::string_view::npos
                      ? 0
                      : (tokenizer_.encode("\n", tokens), tokens[0]);
    } else {
      try {
        tokens.resize(tokenizer_.encode(prompt, tokens));
      } catch (const octavo::UnknownSymbol& error) {
        throw octavo::DataError(std::string("prompt: ") + error.what(), error.hint());
      }
    }
    support::print(prompt);
    generator_.generate(tokens, arguments_.tokens, arguments_.sampling, arguments_.seed,
                        [&](octavo::Token token) {
                          support::print(tokenizer_.decode(token));
                          return std::fflush(stdout) == 0;
                        });
    support::print("\n");
    std::fflush(stdout);
  }

  /// One line a prompt, or a command.
  void converse() {
    support::print("Type the beginning of a text, or /help.\n");
    std::string line;
    while (ask(line)) {
      if (line == "/quit") return;
      try {
        if (line.starts_with('/')) {
          command(line);
        } else {
          reply(line);
          ++arguments_.seed;
        }
      } catch (const octavo::Error& error) {
        std::printf("%s\n", error.what());
      }
    }
    support::print("\n");
  }

 private:
  /// The next line from standard input; false at its end, or when nobody listens.
  static bool ask(std::string& line) {
    support::print("> ");
    line.clear();
    if (std::fflush(stdout) != 0) return false;
    int symbol = 0;
    while ((symbol = std::getchar()) != EOF && symbol != '\n') line += static_cast<char>(symbol);
    return symbol != EOF || !line.empty();
  }

  void command(const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string value = space == std::string::npos ? "" : line.substr(space + 1);
    if (name == "/temp") {
      arguments_.sampling.temperature =
          support::parse_real(name, value, temperature_is_legal, "a number, 0 or more");
    } else if (name == "/topk") {
      arguments_.sampling.top_k = support::parse_integer(name, value, 0);
    } else if (name == "/topp") {
      arguments_.sampling.top_p =
          support::parse_real(name, value, top_p_is_legal, "more than 0, at most 1");
    } else if (name == "/len") {
      arguments_.tokens = support::parse_integer(name, value, 1);
    } else if (name == "/help") {
      std::printf(
          "/temp X   temperature, 0 is greedy (%g)\n"
          "/topk N   the N likeliest only, 0 is all (%td)\n"
          "/topp X   the likeliest of total probability X (%g)\n"
          "/len N    tokens to write (%td)\n"
          "/quit     leave\n",
          arguments_.sampling.temperature, arguments_.sampling.top_k, arguments_.sampling.top_p,
          arguments_.tokens);
    } else {
      throw octavo::ConfigError("unknown command " + octavo::printable(name) + "; try /help");
    }
  }

  Arguments arguments_;
  octavo::CharacterTokenizer tokenizer_;
  octavo::ThreadPool threads_;
  octavo::Generator<float> generator_;
};

int generate(const Arguments& arguments) {
  support::release_idle_memory();
  const auto model = octavo::load_model<float>(arguments.model);
  Session session(arguments, model);
  const std::size_t weights = model.weights.size() * sizeof(float);
  report_plan(arguments.memory_report, session.plan(), 0, "generate");
  support::release_idle_memory();
  if (arguments.interactive) {
    session.converse();
  } else {
    session.reply(arguments.prompt);
  }
  report_process(arguments.memory_report, session.plan().total_bytes() + weights);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  return support::run_program(
      "generate", "Writes text with a model that train_v2 or train_full has saved.", argc, argv,
      [&](CLI::App& app) {
        support::add_name(app, "MODEL", arguments.model,
                          "The model: a model or checkpoint .safetensors file")
            ->type_name("FILE")
            ->required();
        app.add_option("--prompt", arguments.prompt, "The beginning of the text")
            ->type_name("TEXT");
        support::add_integer(app, "--tokens", arguments.tokens, 0, "Tokens to write (200)");
        support::add_real(app, "--temperature", arguments.sampling.temperature,
                          temperature_is_legal, "a finite number, 0 or more",
                          "0 is greedy, 1 as trained (0.8)");
        support::add_integer(app, "--top-k", arguments.sampling.top_k, 0,
                             "Choose among the N likeliest; 0 is all (0)");
        support::add_real(app, "--top-p", arguments.sampling.top_p, top_p_is_legal,
                          "a number more than 0, at most 1",
                          "Choose among the likeliest that reach this probability (1)");
        support::add_seed(app, arguments.seed);
        support::add_integer(app, "--threads", arguments.threads, 0,
                             "Worker threads; 0 takes what the machine has (0)",
                             support::most_threads);
        app.add_flag("--interactive", arguments.interactive, "Read prompts from the terminal");
        support::add_memory_report(app, arguments.memory_report);
        return [&] { return generate(arguments); };
      });
}
