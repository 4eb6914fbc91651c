// SPDX-License-Identifier: MIT
#include "support/train_full_options.hpp"

#include <algorithm>
#include <filesystem>

#include "support/program.hpp"

namespace support {
namespace {

using octavo::Index;

struct Preset {
  const char* name;
  octavo::ModelShape shape;
  Index batch, sequence, iterations;
  double rate;
  bool wants_shakespeare;
};

const Preset tiny{"tiny", octavo::presets::tiny, 1, 32, 2000, 3e-3, false};
const Preset small{"small", octavo::presets::small, 1, 64, 10000, 1e-3, false};
const Preset medium{"medium", octavo::presets::medium, 8, 128, 10000, 1e-3, true};
const Preset large{"large", octavo::presets::large, 8, 128, 10000, 1e-3, true};

bool positive(double x) { return x > 0; }
bool not_negative(double x) { return x >= 0; }
bool fraction(double x) { return x >= 0 && x < 1; }

}  // namespace

FullCommandLine::FullCommandLine(CLI::App& app) {
  add_presets(app);
  add_model(app);
  add_training(app);
  add_run(app);
  add_memory(app);
}

void FullCommandLine::whole(CLI::App& app, const std::string& name, Asked<Index>& asked,
                            Index least, const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&asked, name, least](const std::string& text) {
           asked = parse_integer(name, text, least);
         },
         help)
      ->type_name("N");
}

void FullCommandLine::real(CLI::App& app, const std::string& name, Asked<double>& asked,
                           bool (*legal)(double), const std::string& expected,
                           const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&asked, name, legal, expected](const std::string& text) {
           asked = parse_real(name, text, legal, expected);
         },
         help)
      ->type_name("X");
}

void FullCommandLine::add_presets(CLI::App& app) {
  auto* group = app.add_option_group("Presets", "at most one; without one --small is taken");
  group->add_flag("--tiny", tiny_, "46 thousand parameters, built-in text, 2000 steps");
  group->add_flag("--small", small_, "422 thousand parameters, built-in text, 10000 steps");
  group->add_flag("--medium", medium_, "2.2 million parameters, tiny Shakespeare, 10000 steps");
  group->add_flag("--large", large_, "8.5 million parameters, tiny Shakespeare, 10000 steps");
  group->require_option(0, 1);
  whole(app, "ITERATIONS", iterations_, 1, "Training steps, instead of the preset's");
}

void FullCommandLine::add_model(CLI::App& app) {
  auto& group = *app.add_option_group("Model");
  whole(group, "--layers", layers_, 1, "Blocks");
  whole(group, "--heads", heads_, 1, "Attention heads; must divide the width");
  whole(group, "--width", width_, 1, "Numbers per position (d_model)");
  whole(group, "--ff", d_ff_, 1, "Hidden numbers of the feed-forward part (d_ff)");
  whole(group, "--context", context_, 1, "Longest sequence that the model can see");
  group.add_option("--activation", activation_, "relu, gelu (exact) or gelu-tanh")
      ->check(CLI::IsMember({"relu", "gelu", "gelu-tanh"}, CLI::ignore_case));
  group.add_flag("--no-bias", no_bias_, "No biases in linear layers, norms and head");
  group.add_flag("--tied", tied_, "The output head shares the token table");
  group.add_flag("--no-unknown", no_unknown_, "No token for characters outside the text");
  group.add_option("--scalar", scalar_, "float (default) or double")
      ->check(CLI::IsMember({"float", "double"}));
}

void FullCommandLine::add_training(CLI::App& app) {
  auto& group = *app.add_option_group("Training");
  whole(group, "--batch", batch_, 1, "Sequences per batch");
  whole(group, "--sequence", sequence_, 1, "Positions per sequence");
  whole(group, "--accumulate", accumulate_, 1, "Batches per step (1)");
  group.add_option("--optimizer", optimizer_, "adamw (default), adamw-8bit, adam, lion or sgd")
      ->check(CLI::IsMember({"adamw", "adamw-8bit", "adam", "lion", "sgd"}));
  real(group, "--lr", rate_, positive, "a finite number > 0", "Learning rate");
  real(group, "--min-lr", minimum_rate_, not_negative, "a finite number, 0 or more",
       "Learning rate at the end of the cosine (a tenth of --lr)");
  whole(group, "--warmup", warmup_, 0, "Steps of linear warm-up (100, at most half the steps)");
  real(group, "--decay", decay_, not_negative, "a finite number, 0 or more",
       "Weight decay of matrices (adamw, lion 0.1, others 0)");
  real(group, "--beta1", beta1_, fraction, "0 to less than 1", "First moment; sgd: momentum (0.9)");
  real(group, "--beta2", beta2_, fraction, "0 to less than 1", "Second moment (0.99)");
  real(group, "--clip", clip_, not_negative, "a finite number, 0 or more",
       "Largest gradient norm; 0 is no limit (1)");
  real(group, "--dropout", dropout_, fraction, "0 to less than 1", "Dropout rate (0)");
  add_seed(group, seed_);
}

void FullCommandLine::add_run(CLI::App& app) {
  auto& group = *app.add_option_group("Run");
  group.add_option("--data", data_, "Text file to train on")->type_name("FILE");
  group.add_option("--out", out_, "Folder for the trained model (out)")->type_name("DIR");
  whole(group, "--threads", threads_, 0, "Worker threads; 0 takes what the machine has (0)");
  whole(group, "--eval-every", evaluate_every_, 0,
        "Steps between evaluations; 0: only at the end (500)");
  whole(group, "--sample-every", sample_every_, 0, "Steps between samples; 0: none (1000)");
  whole(group, "--log-every", log_every_, 0, "Steps between lines off a terminal; 0: none (100)");
  group.add_flag("--dry-run", dry_run_, "Print model, memory and steps; train nothing");
}

void FullCommandLine::add_memory(CLI::App& app) {
  auto& group = *app.add_option_group("Memory", "see docs/memory.md for what each one saves");
  whole(group, "--micro-batch", micro_batch_, 1,
        "Sequences that go through the model at a time; any number gives the same bits (1)");
  group.add_flag("--recompute", recompute_,
                 "Run each block again on the way back instead of keeping what it computed; same "
                 "bits, a fifth slower");
  group.add_flag("--fused-update", fused_update_,
                 "Update each tensor as soon as its gradient is complete, clipped by its own norm");
  group
      .add_option_function<std::string>(
          "--memory-budget",
          [this](const std::string& text) {
            try {
              memory_budget_ = octavo::parse_bytes(text);
            } catch (const octavo::Error& error) {
              throw octavo::ConfigError("--memory-budget: " + std::string(error.what()));
            }
          },
          "Most memory for the whole process; chooses --micro-batch and --recompute to fit")
      ->type_name("SIZE");
  add_memory_report(group, memory_report_);
}

octavo::AnyOptimizer FullCommandLine::optimizer() const {
  const auto adam = [&](auto chosen) -> octavo::AnyOptimizer {
    chosen.beta1 = beta1_.value_or(chosen.beta1);
    chosen.beta2 = beta2_.value_or(chosen.beta2);
    chosen.decay = decay_.value_or(chosen.decay);
    return chosen;
  };
  if (optimizer_ == "adamw") return adam(octavo::AdamW{});
  if (optimizer_ == "adamw-8bit") return adam(octavo::AdamW8bit{});
  if (optimizer_ == "lion") return adam(octavo::Lion{});
  if (optimizer_ == "adam") return adam(octavo::Adam{});
  octavo::require(!beta2_, "--beta2: sgd has no second moment");
  octavo::Sgd sgd;
  sgd.momentum = beta1_.value_or(sgd.momentum);
  sgd.decay = decay_.value_or(sgd.decay);
  return sgd;
}

FullOptions FullCommandLine::resolve() const {
  const bool chosen = tiny_ || small_ || medium_ || large_;
  const Preset& preset = tiny_ ? tiny : medium_ ? medium : large_ ? large : small;
  FullOptions options;
  options.preset = preset.name;
  options.why = chosen ? "as asked" : "the default: learns a small text in about a minute";
  options.shape = preset.shape;
  octavo::ModelShape& shape = options.shape;
  shape.layers = layers_.value_or(shape.layers);
  shape.heads = heads_.value_or(shape.heads);
  shape.width = width_.value_or(shape.width);
  shape.d_ff = d_ff_.value_or(shape.d_ff);
  shape.context = context_.value_or(shape.context);
  shape.bias = !no_bias_;
  shape.tied = tied_;
  for (const auto kind :
       {octavo::Activation::relu, octavo::Activation::gelu, octavo::Activation::gelu_tanh}) {
    if (activation_ == name_of(kind)) shape.activation = kind;
  }
  octavo::TrainingOptions& training = options.training;
  training.steps = iterations_.value_or(preset.iterations);
  training.batch = batch_.value_or(preset.batch);
  training.sequence = sequence_.value_or(std::min(preset.sequence, shape.context));
  training.accumulate = accumulate_.value_or(1);
  training.learning_rate = rate_.value_or(preset.rate);
  training.minimum_learning_rate = minimum_rate_.value_or(training.learning_rate / 10);
  training.warmup = warmup_.value_or(std::min<Index>(100, training.steps / 2));
  training.optimizer = optimizer();
  training.clip = clip_.value_or(1.0);
  training.dropout = dropout_.value_or(0.0);
  training.seed = seed_;
  training.evaluate_every = evaluate_every_.value_or(500);
  training.micro_batch = micro_batch_.value_or(1);
  training.recompute = recompute_;
  training.fused_update = fused_update_;
  octavo::check_shape(shape);
  octavo::check_schedule(training.rate());
  octavo::require(training.sequence <= shape.context, [&] {
    return "--sequence: got " + std::to_string(training.sequence) + ", expected at most " +
           std::to_string(shape.context) + ", the model's context";
  });
  options.data = data_;
  options.out = out_;
  options.wants_shakespeare = data_.empty() && preset.wants_shakespeare;
  options.double_precision = scalar_ == "double";
  options.unknown = !no_unknown_;
  options.dry_run = dry_run_;
  options.memory_report = memory_report_;
  options.memory_budget = memory_budget_;
  options.threads = threads_.value_or(0);
  options.sample_every = sample_every_.value_or(1000);
  options.log_every = log_every_.value_or(100);
  return options;
}

}  // namespace support
