// SPDX-License-Identifier: MIT
// Two training steps of a setting of settings.hpp, from random weights on random tokens; prints the
// plan and the process's peak. train_full cannot do this: its vocabulary is that of a text.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <octavo/octavo.hpp>
#include <octavo/report/memory_report.hpp>

#include "random_weights.hpp"
#include "settings.hpp"

namespace {

using octavo::Index;

constexpr const char* usage =
    "usage: step_memory [OPTION ...]\n"
    "  --setting NAME          gpt2, llama-tiny, stories15m, smollm2, ... (gpt2); adapters:\n"
    "                          smollm2-lora, gpt2-lora-512, llama-1b-lora-512, ...\n"
    "  --base TYPE             of adapters: f32, bf16, f16, q8_0 or q4_0 (numbers in the plan)\n"
    "  --threads N             worker threads; 0 takes what the machine has (0)\n"
    "  --scalar float|double   (float)\n"
    "  --optimizer adamw|adamw-8bit   (adamw)\n"
    "  --micro-batch N         sequences of the batch that go through the model at a time (all, "
    "or\n"
    "                          1 where that needs less memory)\n"
    "  --recompute             run each block again on the way back\n"
    "  --recompute-logits      with --fused-update: gradients of tables in blocks of rows\n"
    "  --fused-update          update each tensor as soon as its gradient is complete\n"
    "  --memory-report         print where each byte of the plan goes\n"
    "  --dry-run               print the plan's size and train nothing\n";

struct Arguments {
  octavo_benchmark::Setting setting;
  Index threads = 0;
  std::string base = {};  ///< number type; empty: the base is in the plan
  bool double_precision = false;
  bool memory_report = false;
  bool dry_run = false;
  bool help = false;
};

Index parse_count(std::string_view option, std::string_view text, Index least) {
  Index value = 0;
  if (!octavo::parse_whole(text, value) || value < least || value > 1024) {
    throw octavo::ConfigError(std::string(option) + ": got " + octavo::printable(text) +
                              ", expected a whole number from " + std::to_string(least) +
                              " to 1024");
  }
  return value;
}

/// Whether `text` is the second of the two names.
bool parse_choice(std::string_view option, std::string_view text, std::string_view first,
                  std::string_view second) {
  if (text != first && text != second) {
    throw octavo::ConfigError(std::string(option) + ": got " + octavo::printable(text) +
                              ", expected " + std::string(first) + " or " + std::string(second));
  }
  return text == second;
}

octavo_benchmark::Setting setting_named(std::string_view name) {
  std::string names;
  const auto find = [&](const auto& settings) -> const octavo_benchmark::Setting* {
    for (const octavo_benchmark::Setting& setting : settings) {
      if (setting.name == name) return &setting;
      names += (names.empty() ? "" : ", ") + setting.name;
    }
    return nullptr;
  };
  if (const auto* const found = find(octavo_benchmark::settings)) return *found;
  if (const auto* const found = find(octavo_benchmark::adapter_settings)) return *found;
  throw octavo::ConfigError("--setting: got " + octavo::printable(name) + ", expected one of " +
                            names);
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  arguments.setting = setting_named("gpt2");
  octavo::TrainingOptions options = {.micro_batch = 0};
  const std::pair<std::string_view, bool*> flags[] = {
      {"--recompute", &options.recompute},       {"--recompute-logits", &options.recompute_logits},
      {"--fused-update", &options.fused_update}, {"--memory-report", &arguments.memory_report},
      {"--dry-run", &arguments.dry_run},         {"--help", &arguments.help}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const auto* const flag = std::find_if(std::begin(flags), std::end(flags),
                                          [&](const auto& known) { return known.first == option; });
    const auto value = [&]() -> std::string_view {
      if (i + 1 == argc) throw octavo::ConfigError(std::string(option) + ": expected a value");
      return argv[++i];
    };
    if (flag != std::end(flags)) {
      *flag->second = true;
    } else if (option == "--setting") {
      arguments.setting = setting_named(value());
    } else if (option == "--base") {
      arguments.base = value();
      options.stored_base = true;
      octavo_benchmark::base_type(arguments.base);
    } else if (option == "--threads") {
      arguments.threads = parse_count(option, value(), 0);
    } else if (option == "--micro-batch") {
      options.micro_batch = parse_count(option, value(), 1);
    } else if (option == "--scalar") {
      arguments.double_precision = parse_choice(option, value(), "float", "double");
    } else if (option == "--optimizer") {
      if (parse_choice(option, value(), "adamw", "adamw-8bit")) {
        options.optimizer = octavo::AdamW8bit{};
      }
    } else {
      throw octavo::ConfigError("unknown option " + octavo::printable(option), "see --help");
    }
  }
  options.batch = arguments.setting.options.batch;
  options.sequence = arguments.setting.options.sequence;
  arguments.setting.options = options;
  return arguments;
}

template <octavo::Scalar T>
void print_plan(const Arguments& arguments, Index workers) {
  const auto& [name, config, options] = arguments.setting;
  const auto plan = octavo::TrainingPlan<octavo::Transformer<T>>(config, options, workers).plan;
  if (arguments.memory_report) {
    std::printf("%s\nby kind:\n%s\nby phase of a step:\n%s\n", memory_table(plan).c_str(),
                memory_by_kind(plan).c_str(), memory_by_phase(plan, octavo::phase::names).c_str());
  }
  std::printf("total %zu bytes (%s)\n", plan.total_bytes(),
              octavo::readable_bytes(plan.total_bytes()).c_str());
}

template <octavo::Scalar T>
void train(const Arguments& arguments, octavo::ThreadPool& threads) {
  const octavo::ModelConfig& config = arguments.setting.config;
  const octavo::TrainingOptions& options = arguments.setting.options;
  const octavo::Transformer<T> model{config};
  std::optional<octavo::StoredWeights<float>> base;
  if (!arguments.base.empty()) {
    base = octavo_benchmark::random_weights(
        octavo::Transformer<float>(without_adapters(config)).parameters(),
        octavo_benchmark::base_type(arguments.base), octavo::StoredLayout::grouped);
    std::printf("%zu bytes of the base\n", base->bytes());
  }
  auto training = [&]() -> octavo::TrainingStep<T> {
    if constexpr (std::is_same_v<T, float>) {
      if (base) return {model, options, threads, base->parameters()};
    }
    return {model, options, threads};
  }();
  std::printf("parameters %td, memory planned %zu bytes, %td threads\n",
              training.model().parameter_count(), training.plan().total_bytes(), threads.size());
  octavo_benchmark::fill_at_random(training);
  for (int step = 1; step <= 2; ++step) {
    std::printf("step %d  loss %.4f\n", step, training.train(1e-4).loss);
  }
  std::printf("%14zu  planned\n%14zu  peak\n", training.plan().total_bytes(),
              octavo::process_memory().peak_bytes);
}

template <octavo::Scalar T>
void run(Arguments& arguments) {
  octavo::ThreadPool threads(arguments.threads);
  auto& [name, config, options] = arguments.setting;
  if (options.micro_batch == 0) {
    options.micro_batch = octavo::leanest_micro_batch<T>(config, options, threads.size());
  }
  print_plan<T>(arguments, threads.size());
  if (!arguments.dry_run) train<T>(arguments, threads);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Arguments arguments = parse(argc, argv);
    if (arguments.help) {
      std::fputs(usage, stdout);
    } else if (arguments.double_precision) {
      run<double>(arguments);
    } else {
      run<float>(arguments);
    }
    return 0;
  } catch (const octavo::Error& error) {
    std::fprintf(stderr, "step_memory: error: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "  hint: %s\n", error.hint().c_str());
    return static_cast<int>(error.code());
  }
}
