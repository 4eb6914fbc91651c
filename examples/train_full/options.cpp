// SPDX-License-Identifier: MIT
// Adds train_full's options to the command line; choices.cpp resolves them.
#include "train_full/options.hpp"

#include <limits>
#include <string_view>

#include <octavo/optimizers/optimizer_list.hpp>

#include "support/program.hpp"

namespace support {
namespace {

using octavo::not_negative_range;
using octavo::positive_range;

/// The text with the escapes \n, \r, \t and \\ replaced. ConfigError if it is empty, too long, or
/// has another backslash.
std::string unescaped(const char* option, const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      result += text[i];
      continue;
    }
    constexpr std::string_view names = "nrt\\", meanings = "\n\r\t\\";
    const std::size_t found = i + 1 < text.size() ? names.find(text[i + 1]) : names.npos;
    octavo::require(found != names.npos, [&] {
      return std::string(option) + ": got " + octavo::printable(text) +
             ", expected \\n, \\r, \\t or \\\\ where there is a backslash";
    });
    result += meanings[found];
    ++i;
  }
  constexpr std::size_t most = octavo::DocumentBorders::longest_marker;
  octavo::require(!result.empty() && result.size() <= most, [&] {
    return std::string(option) + ": got " + std::to_string(result.size()) +
           " bytes, expected 1 to " + std::to_string(most);
  });
  return result;
}

}  // namespace

FullCommandLine::FullCommandLine(CLI::App& app) {
  add_presets(app);
  add_model(app);
  add_training(app);
  add_data(app);
  add_run(app);
  add_memory(app);
}

void FullCommandLine::whole(CLI::App& app, const std::string& name, Given<Index>& asked,
                            Index least, const std::string& help, Index most) {
  app.add_option_function<std::string>(
         name,
         [&asked, name, least, most](const std::string& text) {
           asked = parse_integer(name, text, least, most);
         },
         help)
      ->type_name("N");
}

void FullCommandLine::size(CLI::App& app, const std::string& name, std::size_t& bytes,
                           const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&bytes, name](const std::string& text) {
           try {
             bytes = octavo::parse_bytes(text);
           } catch (const octavo::Error& error) {
             throw octavo::ConfigError(name + ": " + std::string(error.what()));
           }
         },
         help)
      ->type_name("SIZE");
}

void FullCommandLine::real(CLI::App& app, const std::string& name, Given<double>& asked,
                           const octavo::SettingRange& range, const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&asked, name, range](const std::string& text) {
           const auto legal = [&](double value) { return range.contains(value); };
           asked = parse_real(name, text, legal, range.words);
         },
         help)
      ->type_name("X");
}

void FullCommandLine::add_model(CLI::App& app) {
  auto& group = *app.add_option_group("Model");
  model_.add(group, octavo::FieldGroup::model);
  group.add_flag("--no-bias", no_bias_, "No biases in linear layers, norms and head");
  group.add_flag("--gpt2", gpt2_,
                 "A model that GPT-2's formats can express: --activation gelu-tanh --tied, with "
                 "biases; it can be converted to Hugging Face's format and GGUF");
  add_choice(
      group, "--tokenizer", tokenizer_, {"char", "byte", "bpe"},
      "Tokens are the text's characters (char, default: Unicode code points), bytes, or byte "
      "pairs of GPT-2's kind, learned from the text (bpe)");
  whole(group, "--vocab", vocabulary_, 257,
        "Tokens of --tokenizer bpe, one of which ends a text (1024)",
        octavo::BpeVocabulary::most_tokens);
  group.add_flag("--no-unknown", no_unknown_, "No token for characters outside the text");
  add_choice(group, "--scalar", scalar_, {"float", "double"}, "float (default) or double");
  add_layers(app);
}

void FullCommandLine::add_layers(CLI::App& app) {
  auto& group = *app.add_option_group(
      "Layers", "kinds of layers; --family chooses them all, the others one by one");
  const auto names = choice_names(octavo::Family{});
  add_choice(group, "--family", family_, std::vector<std::string>(names.begin(), names.end()),
             "The layers of gpt2, llama, llama3, smollm2, qwen2, qwen3, mistral, gemma, gemma2 or "
             "gemma3, with the sizes of the preset");
  model_.add(group, octavo::FieldGroup::layers);
}

void FullCommandLine::add_training(CLI::App& app) {
  auto& group = *app.add_option_group("Training");
  training_.add(group, octavo::FieldGroup::training);
  std::vector<std::string> optimizers;
  for (const auto& one : octavo::builtin_optimizers<>) optimizers.emplace_back(name_of(one));
  add_choice(group, "--optimizer", optimizer_, optimizers,
             "adamw (default), adamw-8bit, adam, lion or sgd");
  real(group, "--decay", decay_, not_negative_range,
       "Weight decay of matrices (adamw, lion 0.1, others 0)");
  real(group, "--beta1", beta1_, octavo::share_range, "First moment; sgd: momentum (0.9)");
  real(group, "--beta2", beta2_, octavo::share_range, "Second moment (0.99)");
}

void FullCommandLine::add_data(CLI::App& app) {
  auto& group = *app.add_option_group("Text");
  add_names(group, "--data", data_,
            "Text files, and folders of them, to train on, joined in this order; - is standard "
            "input; a number after them is ITERATIONS")
      ->type_name("FILE|DIR");
  add_names(group, "--val", validation_,
            "Text files and folders for validation (the last tenth of --data, which is then not "
            "trained on)")
      ->type_name("FILE|DIR");
  add_choice(
      group, "--documents", documents_, {"file", "line"},
      "Each file, or each line, is a document: the tokenizer's end-of-text token follows it");
  group
      .add_option_function<std::string>(
          "--document-end",
          [this](const std::string& text) { document_end_ = unescaped("--document-end", text); },
          "This text ends a document, such as '<|endoftext|>' or '\\n\\n\\n': the end-of-text "
          "token "
          "stands in its place")
      ->type_name("TEXT");
}

void FullCommandLine::add_run(CLI::App& app) {
  auto& group = *app.add_option_group("Run");
  add_name(group, "--from", from_,
           "Begin with the weights and tokenizer of a model: a model or checkpoint file, a folder "
           "of checkpoints, a folder of Hugging Face's GPT-2 format, or GGUF")
      ->type_name("MODEL");
  saving_.default_folder = "out";
  add_save_options(group, saving_);
  group.add_flag("--new-schedule", new_schedule_,
                 "With --resume: ITERATIONS, --lr, --min-lr and --warmup replace the run's own");
  training_.add(group, octavo::FieldGroup::run);
  add_threads(group, threads_);
  whole(group, "--sample-every", sample_every_, 0,
        "Steps between samples; 0: only at the end (1000)");
  whole(group, "--sample-tokens", sample_tokens_, 1,
        "Tokens of a sample, at most: it ends where the model ends a text (200)", 100'000);
  group
      .add_option_function<std::string>(
          "--prompt",
          [this](const std::string& text) {
            octavo::require(!text.empty(), "--prompt: got an empty text, expected a beginning");
            prompt_ = text;
          },
          "The start of samples (the text's start)")
      ->type_name("TEXT");
  whole(group, "--log-every", log_every_, 0,
        "Steps between lines off a terminal, where a line comes every half minute at least; 0: "
        "only the last (100)");
  whole(group, "--metrics-every", metrics_every_, 0,
        "Steps per row of metrics.csv in --out; 0: no such file (10)");
  add_quiet(group, quiet_);
  group.add_flag("--dry-run", dry_run_, "Print model, memory and steps; train nothing");
}

void FullCommandLine::add_memory(CLI::App& app) {
  auto& group = *app.add_option_group("Memory", "see docs/memory.md for what each one saves");
  training_.add(group, octavo::FieldGroup::memory);
  size(group, "--memory-budget", memory_budget_,
       "Most memory for the whole process; chooses --micro-batch and --recompute to fit");
  size(group, "--map-above", map_above_,
       "Keep the tokens of a text larger than this in a file, mapped instead of loaded (64MiB)");
  add_name(group, "--token-file", token_file_, "That file (tokens.bin in --out)")
      ->type_name("FILE");
  add_memory_report(group, memory_report_);
}

}  // namespace support
