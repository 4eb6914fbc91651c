// SPDX-License-Identifier: MIT
// Writes text with a trained model, or tells how likely it finds one.
#include <cmath>
#include <cstdio>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include <octavo/checkpoint/model_source.hpp>
#include <octavo/octavo.hpp>

#include "support/generate_options.hpp"
#include "support/input_files.hpp"
#include "support/program.hpp"
#include "support/text_queue.hpp"

namespace {

using octavo::Index;
using octavo::Token;
using Tokenizer = octavo::AnyTokenizer;
using Model = octavo::LoadedModel<float>;

/// The tokens of a text, `what` in messages, by the policy for characters that are not known; with
/// UnknownPolicy::skip these leave `text` too.
std::vector<Token> encode(const Tokenizer& tokenizer, std::string& text,
                          support::UnknownPolicy policy, const std::string& what,
                          const std::string& hint = "leave it out, or say --unknown skip") {
  try {
    if (policy == support::UnknownPolicy::refuse) octavo::require_known(tokenizer, text);
    if (policy == support::UnknownPolicy::skip) text = octavo::without_unknown(tokenizer, text);
    std::vector<Token> tokens(text.size());
    tokens.resize(tokenizer.encode(text, tokens));
    return tokens;
  } catch (const octavo::UnknownSymbol& error) {
    throw octavo::DataError(what + ": " + error.what(), hint);
  }
}

/// Biases for the tokens of this vocabulary.
std::vector<octavo::TokenBias> biases_of(const std::vector<support::AskedBias>& asked,
                                         const Tokenizer& tokenizer) {
  std::vector<octavo::TokenBias> biases;
  for (const support::AskedBias& bias : asked) {
    const std::string what = "--logit-bias " + octavo::printable(bias.given);
    if (bias.text.empty()) {
      octavo::require(bias.token < tokenizer.vocabulary_size(), [&] {
        return what + ": the model's tokens are 0 to " +
               std::to_string(tokenizer.vocabulary_size() - 1);
      });
      biases.push_back({bias.token, bias.value});
      continue;
    }
    std::string text = bias.text;
    for (const Token token : encode(tokenizer, text, support::UnknownPolicy::refuse, what, "")) {
      biases.push_back({token, bias.value});
    }
  }
  return biases;
}

class Session {
 public:
  Session(support::GenerateOptions& options, const Model& model, octavo::ThreadPool& threads)
      : options_(options),
        tokenizer_(model.tokenizer),
        biases_(biases_of(options.biases, tokenizer_)),
        generator_(octavo::Transformer<float>(octavo::RuntimeConfig(model.shape)), model.weights,
                   model.trained_length, threads, std::ssize(options.prompts)) {
    options_.sampling.logit_bias = biases_;
  }

  const octavo::MemoryPlan& plan() const noexcept { return generator_.plan(); }

  /// Each prompt's continuation, in their order. The first that is not complete is written as it
  /// grows.
  void write(std::vector<std::string> prompts) {
    const bool several = prompts.size() > 1;
    std::vector<std::vector<Token>> tokens(prompts.size());
    std::vector<std::span<const Token>> beginnings(prompts.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      tokens[i] = beginning(prompts[i], several ? "prompt " + std::to_string(i + 1) : "prompt",
                            beginnings[i]);
    }
    support::TextQueue queue(std::ssize(prompts));
    std::vector<Stream> streams;
    streams.reserve(prompts.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      const auto place = static_cast<Index>(i);
      streams.emplace_back(tokenizer_, octavo::StopStrings(options_.stops), Write{&queue, place},
                           options_.invalid);
      queue.write(place, prompts[i]);
    }
    std::vector<Index> left(prompts.size(), options_.tokens);
    const auto end = [&](std::size_t i) {
      left[i] = 0;
      streams[i].finish();
      queue.write(static_cast<Index>(i), "\n");
      queue.end(static_cast<Index>(i));
    };
    for (std::size_t i = 0; i < prompts.size() && options_.tokens == 0; ++i) end(i);
    generator_.generate_batch(beginnings, options_.tokens, options_.sampling, options_.seed,
                              [&](Index sequence, Token token) {
                                const auto i = static_cast<std::size_t>(sequence);
                                const bool goes_on = streams[i](token) && --left[i] > 0;
                                if (!goes_on) end(i);
                                return std::fflush(stdout) == 0 && goes_on;
                              });
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
          write({line});
          ++options_.seed;
        }
      } catch (const octavo::Error& error) {
        std::printf("%s\n", error.what());
      }
    }
    support::print("\n");
  }

 private:
  struct Write {
    support::TextQueue* queue;
    Index place;
    void operator()(std::string_view text) const { queue->write(place, text); }
  };
  using Stream = octavo::TextStream<Tokenizer, Write>;

  /// The prompt's tokens, and in `read` those of them that the generator is to read. An empty
  /// prompt begins with a line end, or with the first token of a vocabulary that has none.
  std::vector<Token> beginning(std::string& prompt, const std::string& what,
                               std::span<const Token>& read) const {
    std::vector<Token> tokens = encode(tokenizer_, prompt, options_.unknown, what);
    if (tokens.empty()) {
      tokens.assign(1, 0);
      if (octavo::first_unknown(tokenizer_, "\n") == std::string_view::npos) {
        tokenizer_.encode("\n", tokens);
      }
    }
    try {
      read = octavo::fit_prompt(tokens, generator_.length(), options_.too_long);
    } catch (const octavo::DataError& error) {
      std::size_t byte = 0;
      for (Index i = 0; i < generator_.length(); ++i) {
        byte += tokenizer_.decode(tokens[static_cast<std::size_t>(i)]).size();
      }
      throw octavo::DataError(what + ": byte " + std::to_string(byte) + ": " + error.what(),
                              "shorten it, or say --too-long slide or --too-long keep-last");
    }
    return tokens;
  }

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
    octavo::Sampling& sampling = options_.sampling;
    if (name == "/temp") {
      sampling.temperature =
          support::parse_real(name, value, support::temperature_is_legal, "a number, 0 or more");
    } else if (name == "/topk") {
      sampling.top_k = support::parse_integer(name, value, 0);
    } else if (name == "/topp") {
      sampling.top_p =
          support::parse_real(name, value, support::top_p_is_legal, "more than 0, at most 1");
    } else if (name == "/minp") {
      sampling.min_p = support::parse_real(name, value, support::min_p_is_legal, "0 to 1");
    } else if (name == "/rep") {
      sampling.repetition_penalty =
          support::parse_real(name, value, support::penalty_is_legal, "a number > 0");
    } else if (name == "/len") {
      options_.tokens = support::parse_integer(name, value, 1);
    } else if (name == "/help") {
      std::printf(
          "/temp X   temperature, 0 is greedy (%g)\n"
          "/topk N   the N likeliest only, 0 is all (%td)\n"
          "/topp X   the likeliest of total probability X (%g)\n"
          "/minp X   those X times as likely as the likeliest (%g)\n"
          "/rep X    repetition penalty, 1 is none (%g)\n"
          "/len N    tokens to write (%td)\n"
          "/quit     leave\n",
          sampling.temperature, sampling.top_k, sampling.top_p, sampling.min_p,
          sampling.repetition_penalty, options_.tokens);
    } else {
      throw octavo::ConfigError("unknown command " + octavo::printable(name) + "; try /help");
    }
  }

  support::GenerateOptions& options_;
  const Tokenizer& tokenizer_;
  std::vector<octavo::TokenBias> biases_;
  octavo::Generator<float> generator_;
};

/// Prints how likely the model finds a text; returns the bytes planned for it.
std::size_t score(const support::GenerateOptions& options, const Model& model,
                  octavo::ThreadPool& threads) {
  const Index length = model.trained_length;
  octavo::require(options.stride <= length, [&] {
    return "--stride: got " + std::to_string(options.stride) + ", expected at most " +
           std::to_string(length) + ", the length that the model was trained on";
  });
  std::string text = support::read_text(options.score);
  const auto tokens =
      encode(model.tokenizer, text, options.unknown, "text " + octavo::printable(options.score));
  if (tokens.size() < 2) {
    throw octavo::DataError("text " + octavo::printable(options.score) + " has " +
                                std::to_string(tokens.size()) + " tokens, expected at least 2",
                            "the first is not scored: nothing comes before it");
  }
  octavo::Scorer<float> scorer(octavo::Transformer<float>(octavo::RuntimeConfig(model.shape)),
                               model.weights, length, threads);
  report_plan(options.memory_report, scorer.plan(), 0, "generate --score");
  if (options.per_token) support::print("position\ttoken\tlog-probability\ttext\n");
  const octavo::TextScore result =
      scorer.score(octavo::TokenView(std::span<const Token>(tokens)),
                   options.stride == 0 ? length : options.stride, [&](Index i, double log_p) {
                     if (!options.per_token) return;
                     const Token token = tokens[static_cast<std::size_t>(i)];
                     std::printf("%td\t%d\t%.6f\t%s\n", i, token, log_p,
                                 octavo::printable(model.tokenizer.decode(token)).c_str());
                   });
  const std::string_view scored =
      std::string_view(text).substr(model.tokenizer.decode(tokens[0]).size());
  const double bits = result.nats / std::numbers::ln2;
  std::printf(
      "%td tokens scored: %zu bytes, %td characters\n"
      "mean negative log-likelihood %.6f nats per token\n"
      "%.6f bits per character, %.6f bits per byte\n"
      "perplexity %.6f\n",
      result.tokens, scored.size(), octavo::utf8_characters(scored), result.mean(),
      bits / static_cast<double>(octavo::utf8_characters(scored)),
      bits / static_cast<double>(scored.size()), result.perplexity());
  return scorer.plan().total_bytes();
}

/// A model of any format that Octavo reads.
Model load(const std::string& path) {
  const octavo::ModelSource source(path, [](const octavo::Error& error) {
    std::fprintf(stderr, "generate: warning: skipped: %s\n", error.what());
  });
  if (!source.tokenizer()) {
    throw octavo::FormatError("cannot generate with " + octavo::printable(path) +
                              ": it has no tokenizer that Octavo reads");
  }
  const auto count = static_cast<std::size_t>(octavo::parameter_count(source.shape()));
  Model model{source.shape(), source.trained_length(), *source.tokenizer(),
              octavo::AlignedBuffer<float>(count)};
  source.read(model.weights);
  return model;
}

int run(support::GenerateOptions& options) {
  finish(options);
  support::release_idle_memory();
  const std::string inputs[] = {options.model, options.prompt_file, options.score};
  support::spare_inputs("--memory-report", options.memory_report.drawing, inputs);
  const Model model = load(options.model);
  const std::size_t weights = model.weights.size() * sizeof(float);
  octavo::ThreadPool threads(options.threads);
  support::warn_of_threads(threads, "generate");
  if (!options.score.empty()) {
    const std::size_t planned = score(options, model, threads);
    report_process(options.memory_report, planned + weights);
    return 0;
  }
  Session session(options, model, threads);
  report_plan(options.memory_report, session.plan(), 0, "generate");
  support::release_idle_memory();
  if (options.interactive) {
    session.converse();
  } else {
    session.write(options.prompts);
  }
  report_process(options.memory_report, session.plan().total_bytes() + weights);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  support::GenerateOptions options;
  return support::run_program("generate",
                              "Writes text with a model of train_v2, train_full or GPT-2's kind.",
                              argc, argv, [&](CLI::App& app) {
                                support::add_generate_options(app, options);
                                return [&] { return run(options); };
                              });
}
