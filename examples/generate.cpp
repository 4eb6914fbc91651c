// SPDX-License-Identifier: MIT
// Generates text with a trained model, or scores a text.
#include <cstdio>
#include <numbers>
#include <span>
#include <string>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <octavo/runs/run_files.hpp>

#include "generate/chat.hpp"
#include "generate/conversation.hpp"
#include "generate/model.hpp"
#include "generate/options.hpp"
#include "generate/prompts.hpp"
#include "generate/score_rows.hpp"
#include "generate/writer.hpp"
#include "support/program.hpp"

namespace {

using generate::Model;
using octavo::Index;
using octavo::Token;

/// Prints the scores of a text; returns the planned bytes.
std::size_t score(const support::GenerateOptions& options, const Model& model,
                  octavo::ThreadPool& threads) {
  const Index length = model.trained_length;
  octavo::require(options.stride <= length, [&] {
    return "--stride: got " + std::to_string(options.stride) + ", expected at most " +
           std::to_string(length) + ", the length that the model was trained on";
  });
  if (generate::has_rows(options.score)) return generate::score_rows(options, model, threads);
  octavo::require(options.skip_bad == 0, "--skip-bad: it needs rows (--score NAME.jsonl)");
  std::string text = support::read_text(options.score);
  const std::string what = "text " + octavo::printable(options.score);
  const auto tokens = generate::encode(model, options, text, what);
  if (tokens.size() < 2) {
    throw octavo::DataError(
        what + " has " + octavo::counted(tokens.size(), "token") + ", expected at least 2",
        "the first is not scored: nothing comes before it");
  }
  octavo::Scorer<float> scorer(octavo::Transformer<float>(model.config), model.weights, length,
                               threads);
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
  if (options.json) {
    const nlohmann::ordered_json json{
        {"tokens", result.tokens},
        {"bytes", scored.size()},
        {"characters", octavo::utf8_characters(scored)},
        {"loss", result.mean()},
        {"bits_per_character", bits / static_cast<double>(octavo::utf8_characters(scored))},
        {"bits_per_byte", bits / static_cast<double>(scored.size())},
        {"perplexity", result.perplexity()}};
    support::print(json.dump(2) + "\n");
    return scorer.plan().total_bytes();
  }
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

/// Whether to print timings, by --timings and --no-timings.
void tell_timings(const support::GenerateOptions& options, const generate::Timings& timings) {
  const bool asked = options.timings || (!options.no_timings && ::isatty(STDERR_FILENO) == 1);
  if (!asked || timings.written == 0) return;
  std::fprintf(stderr, "generate: %s\n", timings.sentence().c_str());
}

/// A model of others may have been trained on more positions than its cache should have room for.
void limit_context(Index context, Model& model) {
  constexpr Index most = 4096;
  octavo::require(context <= model.trained_length, [&] {
    return "--context: got " + std::to_string(context) + ", the model was trained on " +
           std::to_string(model.trained_length) + " positions";
  });
  if (context == 0 && model.trained_length > most) {
    generate::note("the model sees " + std::to_string(most) + " of the " +
                   std::to_string(model.trained_length) +
                   " positions that it was trained on; --context N sets another number");
    context = most;
  }
  if (context > 0) model.trained_length = context;
}

int run(support::GenerateOptions& options) {
  finish(options);
  support::release_idle_memory();
  const std::string inputs[] = {options.model, options.base, options.prompt_file, options.score};
  octavo::require_not_input("--memory-report", options.memory_report.drawing, inputs, true);
  Model model = generate::load(options.model, options.adapters, options.mapped, options.base);
  limit_context(options.context, model);
  const std::size_t weights = model.weights.bytes() + model.weights.bytes_elsewhere();
  octavo::ThreadPool threads(options.threads);
  support::warn_of_threads(threads);
  if (!options.score.empty()) {
    const std::size_t planned = score(options, model, threads);
    report_process(options.memory_report, planned + weights);
    return 0;
  }
  if (options.chat) {
    generate::ChatWriter chat(options, model, threads);
    report_plan(options.memory_report, chat.plan(), 0, "generate --chat");
    generate::Conversation conversation(
        options,
        [&](std::string line, const std::function<bool()>& interrupted) {
          chat.answer(std::move(line), interrupted);
        },
        "Type a message");
    chat.add_commands(conversation);
    conversation.run();
    tell_timings(options, chat.timings());
    report_process(options.memory_report, chat.plan().total_bytes() + weights);
    return 0;
  }
  generate::Writer writer(options, model, threads);
  report_plan(options.memory_report, writer.plan(), 0, "generate");
  support::release_idle_memory();
  if (options.interactive) {
    generate::Conversation(
        options,
        [&](std::string line, const std::function<bool()>& interrupted) {
          writer.write({{std::move(line), std::nullopt}}, interrupted);
        },
        "Type the beginning of a text")
        .run();
  } else {
    writer.write(options.prompts);
  }
  tell_timings(options, writer.timings());
  report_process(options.memory_report, writer.plan().total_bytes() + weights);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  support::GenerateOptions options;
  return support::run_program("generate",
                              "Writes text with a model of Octavo, Hugging Face or llama.cpp.",
                              argc, argv, [&](CLI::App& app) {
                                support::add_generate_options(app, options);
                                return [&] { return run(options); };
                              });
}
