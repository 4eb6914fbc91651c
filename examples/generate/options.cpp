// SPDX-License-Identifier: MIT
#include "generate/options.hpp"

#include <array>
#include <cstdio>
#include <limits>

#include <octavo/files/read_file.hpp>

namespace support {
namespace {

using octavo::Index;

/// TOKEN=VALUE, where TOKEN is a number or a text in single quotes, and VALUE may be -inf.
GivenBias parse_bias(const std::string& given) {
  const auto refuse = [&]() -> GivenBias {
    throw octavo::ConfigError("--logit-bias: got " + octavo::printable(given) +
                                  ", expected TOKEN=VALUE, such as 17=-2.5 or 'e'=-inf",
                              "TOKEN is a token's number, or a text in single quotes (the shell "
                              "takes away one pair: write \"'e'=-inf\")");
  };
  const std::size_t equals = given.rfind('=');
  if (equals == std::string::npos) return refuse();
  GivenBias bias;
  bias.given = given;
  const std::string_view value = std::string_view(given).substr(equals + 1);
  if (!octavo::parse_whole(value, bias.value) ||
      !(bias.value < std::numeric_limits<double>::infinity())) {
    return refuse();
  }
  const std::string_view token = std::string_view(given).substr(0, equals);
  if (token.size() > 2 && token.front() == '\'' && token.back() == '\'') {
    bias.text = token.substr(1, token.size() - 2);
    return bias;
  }
  if (!octavo::parse_whole(token, bias.token) || bias.token < 0) return refuse();
  return bias;
}

template <typename Choice>
void add_policy(CLI::App& app, const std::string& name, Choice& value,
                const std::vector<std::pair<std::string, Choice>>& choices,
                const std::string& help) {
  std::vector<std::string> names;
  for (const auto& [choice, meaning] : choices) names.push_back(choice);
  add_choice(
      app, name, names,
      [&value, choices](const std::string& chosen) {
        for (const auto& [choice, meaning] : choices) {
          if (choice == chosen) value = meaning;
        }
      },
      help);
}

/// Numbers separated by commas.
std::vector<octavo::Token> parse_tokens(const std::string& given) {
  std::vector<octavo::Token> tokens;
  std::string_view rest = given;
  while (true) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    octavo::Token token = 0;
    if (!octavo::parse_whole(rest.substr(0, comma), token) || token < 0) {
      throw octavo::ConfigError("--prompt-tokens: got " + octavo::printable(given) +
                                ", expected whole numbers with commas between, such as 15,7,301");
    }
    tokens.push_back(token);
    if (comma == rest.size()) return tokens;
    rest.remove_prefix(comma + 1);
  }
}

void add_prompts(CLI::App& group, GenerateOptions& options) {
  add_repeatable(
      group, "--prompt",
      [&](const std::string& text) {
        options.prompts.push_back({text, std::nullopt});
      },
      "The beginning of the text; may be given several times, for as many texts, written together. "
      "Without any, the text begins after the token that ends a text, or after a line end where "
      "the model has no such token")
      ->type_name("TEXT");
  add_name(group, "--prompt-file", options.prompt_file,
           "The beginning of the text from a file, without its last line end; - is standard "
           "input")
      ->type_name("FILE");
  add_repeatable(
      group, "--prompt-tokens",
      [&](const std::string& text) {
        options.prompts.push_back({"", parse_tokens(text)});
      },
      "The beginning of the text as numbers of tokens, 15,7,301; may be given several times")
      ->type_name("N,...");
  group.add_flag(
      "--special", options.special,
      "Names of special tokens, such as <|endoftext|>, stand for these tokens in prompts "
      "and scored texts, and are written if the model draws one. Without this they are text, and "
      "special tokens are not written");
}

void add_texts(CLI::App& app, GenerateOptions& options) {
  auto& group = *app.add_option_group("Text");
  add_prompts(group, options);
  add_integer(group, "--tokens", options.tokens, 0, "Tokens to write (200)");
  add_integer(group, "--context", options.context, 1,
              "Positions that the model sees at once, for which memory is planned (those of its "
              "training, at most 4096)");
  add_repeatable(
      group, "--stop",
      [&](const std::string& text) {
        if (text.empty()) {
          throw octavo::ConfigError("--stop: got '', expected at least one character");
        }
        options.stops.push_back(text);
      },
      "The text ends before this one, which is not written; may be given several times")
      ->type_name("TEXT");
  group.add_flag("--ignore-eos", options.ignore_end,
                 "Continue after the model's end of a text, where the text otherwise ends");
  add_policy<octavo::TooLong>(group, "--too-long", options.too_long,
                              {{"slide", octavo::TooLong::slide},
                               {"keep-last", octavo::TooLong::keep_last},
                               {"refuse", octavo::TooLong::refuse}},
                              "A prompt longer than the model's trained length: slide "
                              "(default) reads all, moving its window; keep-last reads its last "
                              "tokens; refuse");
  add_policy<UnknownPolicy>(group, "--unknown", options.unknown,
                            {{"replace", UnknownPolicy::replace},
                             {"refuse", UnknownPolicy::refuse},
                             {"skip", UnknownPolicy::skip}},
                            "Characters that the model does not know: replace (default) them by "
                            "its unknown token, if it has one, refuse, or skip them");
  add_policy<octavo::InvalidUtf8>(
      group, "--invalid-utf8", options.invalid,
      {{"replace", octavo::InvalidUtf8::replace}, {"keep", octavo::InvalidUtf8::keep}},
      "Bytes written that are not UTF-8: replace (default) by U+FFFD, or keep, which a terminal "
      "never gets");
  group.add_flag("--interactive", options.interactive,
                 "Read prompts from the terminal, a line each; /help lists what else it takes");
  group.add_flag("--chat", options.chat,
                 "Converse: each line is a message, which the model answers, as its chat template "
                 "has it; /help lists what else it takes");
  group.add_option("--system", options.system, "The system message of a chat")->type_name("TEXT");
}

void add_sampling(CLI::App& app, GenerateOptions& options) {
  auto& group = *app.add_option_group("Choice of tokens", "applied in this order");
  octavo::Sampling& sampling = options.sampling;
  add_repeatable(
      group, "--logit-bias",
      [&](const std::string& text) { options.biases.push_back(parse_bias(text)); },
      "Adds VALUE to a token's logit, -inf forbids it; TOKEN is its number or a text in single "
      "quotes: \"'e'=-inf\"; may be given several times")
      ->type_name("TOKEN=VALUE");
  add_real(group, "--repetition-penalty", sampling.repetition_penalty, penalty_is_legal,
           "a finite number > 0", "Above 1, earlier tokens become less likely (1)");
  add_integer(group, "--repetition-window", sampling.repetition_window, -1,
              "Tokens that the penalty looks back on; -1 is all that the model sees (64)");
  add_real(group, "--temperature", sampling.temperature, temperature_is_legal,
           "a finite number, 0 or more", "0 is greedy, 1 as trained (0.8)");
  add_integer(group, "--top-k", sampling.top_k, 0, "Choose among the N likeliest; 0 is all (0)");
  add_real(group, "--top-p", sampling.top_p, top_p_is_legal, "a number more than 0, at most 1",
           "Choose among the likeliest tokens whose total probability reaches this (1)");
  add_real(group, "--min-p", sampling.min_p, min_p_is_legal, "a number from 0 to 1",
           "Choose among tokens at least this much as likely as the likeliest (0)");
  add_seed(group, options.seed, options.seed);
}

void add_scoring(CLI::App& app, GenerateOptions& options) {
  auto& group = *app.add_option_group("Scoring", "instead of writing");
  add_name(
      group, "--score", options.score,
      "Print how likely the model finds the text of a file, - for standard input; of NAME.jsonl "
      "each row: the answer of a conversation or the completion of a prompt, or, where rows "
      "have choices, how often the right one is the likeliest")
      ->type_name("FILE");
  add_integer(group, "--stride", options.stride, 1,
              "Tokens from one window of a long text to the next; less sees more context, for more "
              "work (the length that the model was trained on)");
  group.add_flag("--per-token", options.per_token, "Print each token's log-probability too");
  group.add_flag("--json", options.json, "Print the scores as JSON");
  add_integer(group, "--skip-bad", options.skip_bad, 0,
              "Skip up to N bad rows of NAME.jsonl, with a warning for each (0)");
}

std::string read_standard_input() {
  std::string text;
  std::array<char, 65536> piece;
  for (std::size_t n; (n = std::fread(piece.data(), 1, piece.size(), stdin)) > 0;) {
    text.append(piece.data(), n);
    if (text.size() <= largest_text) continue;
    throw octavo::DataError(
        "standard input has more than " + std::to_string(largest_text) + " bytes",
        "take a part of it");
  }
  if (std::ferror(stdin) != 0) {
    throw octavo::Error(octavo::ErrorCode::io, "cannot read standard input",
                        "it is closed, or reading it failed");
  }
  return text;
}

}  // namespace

void add_generate_options(CLI::App& app, GenerateOptions& options) {
  add_name(app, "MODEL", options.model,
           "The model: a model file, a checkpoint or a folder of them, a folder of Hugging Face's, "
           "or a GGUF file")
      ->type_name("FILE")
      ->required();
  add_texts(app, options);
  add_sampling(app, options);
  add_scoring(app, options);
  auto& group = *app.add_option_group("Run");
  add_lora(group, options.adapters,
           "A LoRA adapter that is added to the model, SCALE times (1): a folder of PEFT's or a "
           "GGUF file; may be given several times");
  add_base(group, options.base);
  group.add_flag("--mmap", options.mapped,
                 "Leave the weights in the file, mapped into memory, which processes share; slower "
                 "than a copy in the order of products, the default");
  add_threads(group, options.threads);
  group.add_flag("--timings", options.timings,
                 "Print the numbers of tokens read and written, and their speed, on standard "
                 "error; the default on a terminal");
  group.add_flag("--no-timings", options.no_timings, "Do not print them");
  add_memory_report(group, options.memory_report);
}

void finish(GenerateOptions& options) {
  const bool prompted = !options.prompts.empty() || !options.prompt_file.empty();
  octavo::require(options.score.empty() || !(prompted || options.interactive),
                  "--score: it cannot be combined with prompts or --interactive");
  octavo::require(!options.score.empty() || (options.stride == 0 && !options.per_token),
                  "--stride, --per-token: they need --score");
  octavo::require(!options.score.empty() || (!options.json && options.skip_bad == 0),
                  "--json, --skip-bad: they need --score");
  octavo::require(!options.json || !options.per_token,
                  "--json: it cannot be combined with --per-token");
  octavo::require(!options.interactive || !prompted,
                  "--interactive: it cannot be combined with prompts on the command line");
  octavo::require(!options.chat || !(prompted || options.interactive || !options.score.empty()),
                  "--chat: it cannot be combined with prompts, --interactive or --score");
  octavo::require(options.chat || options.system.empty(), "--system: it needs --chat");
  octavo::require(!options.mapped || options.adapters.empty(),
                  "--mmap: it cannot be combined with --lora, which changes the weights");
  octavo::require(!options.timings || !options.no_timings,
                  "--timings: it cannot be combined with --no-timings");
  if (!options.prompt_file.empty()) {
    std::string text = read_text(options.prompt_file);
    if (text.ends_with('\n')) text.pop_back();
    options.prompts.push_back({std::move(text), std::nullopt});
  }
  if (options.prompts.empty()) options.prompts.emplace_back();
}

std::string read_text(const std::string& name) {
  return name == "-" ? read_standard_input() : octavo::read_file(name, largest_text);
}

}  // namespace support
