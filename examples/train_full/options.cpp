// SPDX-License-Identifier: MIT
// Adds train_full's options to the command line; choices.cpp resolves them.
#include "train_full/options.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include <octavo/optimizers/optimizer_list.hpp>

#include "support/adapters.hpp"
#include "support/program.hpp"

namespace support {
namespace {

using octavo::positive_range;

/// What a setting of an optimizer does, for --help.
std::string_view words_of_setting(std::string_view setting) {
  constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"weight_decay", "Weight decay of matrices"},
      {"beta1", "Decay rate of the first moment"},
      {"beta2", "Decay rate of the second moment"},
      {"epsilon", "Added to the root of the second moment"},
      {"momentum", "Decay rate of the momentum"},
      {"matrix_lr_scale", "Factor of the learning rate for weights of linear maps"},
      {"ns_steps", "Newton-Schulz steps, a whole number from 1 to 6"},
      {"matrix_weight_decay", "Weight decay of linear maps, apart from --decay"},
  };
  for (const auto& [name, text] : words) {
    if (name == setting) return text;
  }
  return setting;
}

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

std::string setting_option(std::string_view setting) {
  if (setting == "weight_decay") return "--decay";
  std::string option = "--" + std::string(setting);
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

FullCommandLine::FullCommandLine(CLI::App& app) {
  add_presets(app);
  add_model(app);
  add_training(app);
  add_lora(app);
  add_data(app);
  add_rows(app);
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
        octavo::BpeVocabulary::most_learned);
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

void FullCommandLine::add_lora(CLI::App& app) {
  auto& group = *app.add_option_group(
      "LoRA", "low-rank adapters, which train instead of the model of --from");
  group.add_flag("--lora", lora_, "Adapters of all linear layers: --lora-rank 16 --lora-alpha 32");
  model_.add(group, octavo::FieldGroup::lora);
  training_.add(group, octavo::FieldGroup::lora);
}

void FullCommandLine::add_training(CLI::App& app) {
  auto& group = *app.add_option_group("Training");
  training_.add(group, octavo::FieldGroup::training);
  add_optimizer(group);
  group
      .add_option_function<std::string>(
          "--time",
          [this](const std::string& text) {
            try {
              time_ = octavo::parse_duration(text);
            } catch (const octavo::Error& error) {
              throw octavo::ConfigError("--time: " + std::string(error.what()));
            }
          },
          "As many steps as this machine does in that time: 90s, 10min, 2h (10min where the model "
          "is chosen, see Presets)")
      ->type_name("TIME");
}

/// The choice of the optimizer, and an option for each setting that one of them has.
void FullCommandLine::add_optimizer(CLI::App& group) {
  struct Found {
    std::string_view name, of;
    octavo::SettingRange range;
    std::string defaults;
  };
  std::vector<std::string> optimizers;
  std::vector<Found> settings;
  for (const auto& one : octavo::builtin_optimizers<>) {
    optimizers.emplace_back(name_of(one));
    for_each_setting(one, [&](std::string_view name, double value, const auto& range) {
      auto found = std::find_if(settings.begin(), settings.end(),
                                [&](const Found& setting) { return setting.name == name; });
      if (found == settings.end()) found = settings.insert(found, {name, "", range, ""});
      found->defaults += (found->defaults.empty() ? "" : ", ") + optimizers.back() + " " +
                         std::string(octavo::FormattedNumber::general(value, 3));
    });
  }
  add_choice(group, "--optimizer", optimizer_, optimizers,
             "adamw (default), adamw-8bit, adam, lion, muon or sgd; muon needs fewer steps, and "
             "pays where a step has at least as many tokens as the model is wide");
  for (const Found& setting : settings) {
    real(group, setting_option(setting.name), settings_[std::string(setting.name)], setting.range,
         std::string(words_of_setting(setting.name)) + " (" + setting.defaults + ")");
  }
}

void FullCommandLine::add_data(CLI::App& app) {
  auto& group = *app.add_option_group("Text");
  add_names(group, "--data", data_,
            "Text files, and folders of them, to train on, joined in this order; - is standard "
            "input; a number after them is ITERATIONS; NAME.jsonl has rows for fine-tuning")
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

void FullCommandLine::add_rows(CLI::App& app) {
  auto& group = *app.add_option_group(
      "Rows", "for fine-tuning a model of --from on files of JSON objects (--data NAME.jsonl)");
  real(group, "--epochs", epochs_, positive_range,
       "Times that the rows are seen, instead of ITERATIONS (3)");
  add_choice(group, "--train-on", train_on_, {"answers", "all"},
             "Which tokens count in the loss: those of answers (default), or all");
  add_choice(group, "--long-rows", long_rows_, {"cut", "split"},
             "A row longer than --sequence loses its end (cut, default), or becomes several");
  whole(group, "--skip-bad", skip_bad_, 0, "Skip up to N bad rows, with a warning for each (0)");
}

void FullCommandLine::add_run(CLI::App& app) {
  auto& group = *app.add_option_group("Run");
  add_name(group, "--from", from_,
           "Begin with the weights and tokenizer of a model: a model or checkpoint file, a folder "
           "of checkpoints, a folder of Hugging Face's, or GGUF")
      ->type_name("MODEL");
  add_base(group, base_path_);
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
  group.add_flag("--timings", timings_,
                 "Print at the end how long a step is in each of its phases");
  group.add_flag("--dry-run", dry_run_, "Print model, memory and steps; train nothing");
}

void FullCommandLine::add_memory(CLI::App& app) {
  auto& group = *app.add_option_group("Memory", "see docs/memory.md for what each one saves");
  training_.add(group, octavo::FieldGroup::memory);
  size(group, "--memory-budget", memory_budget_,
       "Most memory for the whole process; chooses --micro-batch, --recompute and "
       "--recompute-logits to fit");
  size(group, "--map-above", map_above_,
       "Keep the tokens of a text larger than this in a file, mapped instead of loaded (64MiB)");
  add_name(group, "--token-file", token_file_, "That file (tokens.bin in --out)")
      ->type_name("FILE");
  add_memory_report(group, memory_report_);
}

}  // namespace support
