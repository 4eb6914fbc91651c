// SPDX-License-Identifier: MIT
// A run that never was, for tests of the page about it.
#pragma once

#include <cmath>
#include <filesystem>
#include <numbers>
#include <string>
#include <unistd.h>

#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/samples_file.hpp>

struct ExampleRun {
  static constexpr std::string_view phases[] = {"forward", "backward", "update"};

  /// The loss falls from 4.2 towards 1.5; an evaluation every `evaluate` steps.
  explicit ExampleRun(octavo::Index steps, octavo::Index evaluate = 250) {
    using octavo::Index;
    for (Index step = 1; step <= steps; ++step) {
      const double share = static_cast<double>(step) / static_cast<double>(steps);
      const double loss = 1.5 + 2.7 * std::exp(-6 * share) +
                          0.1 * std::sin(1.7 * static_cast<double>(step)) * (1 - share);
      const double rate = 1e-3 * (0.55 + 0.45 * std::cos(std::numbers::pi * share));
      history.add(octavo::HistoryPoint{step, 1, loss, rate,
                                       0.4 + 0.3 * std::cos(0.9 * static_cast<double>(step)),
                                       2.5e-4 + 1e-5 * std::sin(static_cast<double>(step))});
      if (step % evaluate == 0) {
        const double validation = 1.612 + 2.6 * std::exp(-6 * share) - 2.6 * std::exp(-6.0);
        const bool best = 8 * step == 7 * steps;
        history.add(octavo::EvaluationPoint{step, history.recent_loss(), best ? 1.55 : validation});
      }
    }
    std::filesystem::remove(run.samples);
    octavo::SamplesFile samples(run.samples, 0);
    samples.add(10, "qz jw\nkx");
    samples.add(2000, "To be, or not to be");
    using octavo::MemoryKind;
    plan.book<char>("model", "weights", MemoryKind::parameters, 2000, {0, 2}, 1);
    plan.book<char>("block", "saved <x>", MemoryKind::saved, 900, {0, 1}, 1);
    plan.place();
    run.title = "train_full --example";
    run.configuration = {{"Model", {{"layers", "2"}, {"width", "128"}}},
                         {"Text", {{"data", "a&b.txt"}}}};
    run.resume = "train_full --resume out";
    run.generate = "generate out/model.safetensors --prompt \"To be\"";
    run.plan = &plan;
    run.phase_names = phases;
    run.prompt = "To be";
    run.settings = {{"learning rate", "0.001 falling to 0.0001"}, {"batch", "1 \u00d7 32 tokens"}};
    run.references = {4.19, 3.314, 2.453};
    run.tokens_per_step = 32;
    run.tokens_per_character = 0.5;
    run.clip = 1;
    run.stage = octavo::RunReport::Stage::finished;
    run.step = run.steps = steps;
    run.loss = 1.504;
    run.validation_loss = 1.612;
    run.best_validation = 1.55;
    run.best_step = 1750;
    run.tokens_per_second = 123'456;
    run.seconds = 125;
    run.evaluation_seconds = 62;
    run.written = 1'764'374'465;
    run.peak_bytes = 5'200'000;
  }
  ExampleRun(const ExampleRun&) = delete;
  ~ExampleRun() { std::filesystem::remove(run.samples); }

  octavo::RunHistory history;
  octavo::MemoryPlan plan;
  octavo::RunReport run{.samples = std::filesystem::temp_directory_path() /
                                   ("octavo_example_run_" + std::to_string(::getpid()))};
};
