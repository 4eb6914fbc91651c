// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/training/reference_losses.hpp>
#include <octavo/training/run_history.hpp>

namespace octavo {

/// How a run stands, on its page.
enum class RunStatus { running, finished, stopped, diverged };

constexpr std::string_view name_of(RunStatus status) noexcept {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::finished:
      return "finished";
    case RunStatus::stopped:
      return "stopped";
    case RunStatus::diverged:
      return "diverged";
  }
  return "unknown";
}

/// What the model wrote after `step` steps.
struct ReportSample {
  Index step = 0;
  std::string_view text;
};

/// A line of the configuration, such as {"learning rate", "0.001"}.
struct ReportSetting {
  std::string_view name, value;
};

/// What the page of a run shows; see write_report(). Nothing is copied: all that it points at must
/// live while the page is written. What is left out is not shown. Texts may hold anything.
struct RunReport {
  const RunHistory& history;

  std::string_view title = {};    ///< the program and what names the run: "train_full --medium"
  std::string_view subject = {};  ///< one line: which model, on which text
  RunStatus status = RunStatus::running;
  Index steps_done = 0;
  Index steps_planned = 0;
  Index tokens_per_step = 0;
  std::string_view diagnosis = {};  ///< a sentence or two about how the training goes

  ReferenceLosses references = {};
  double gradient_clip = 0;   ///< largest gradient norm; 0: no limit
  EvaluationPoint best = {};  ///< step 0: the lowest of the history's evaluations

  std::span<const ReportSample> samples = {};  ///< in order of their steps

  const MemoryPlan* plan = nullptr;  ///< placed
  std::span<const std::string_view> phase_names = {};
  std::size_t planned_bytes = 0;  ///< for the whole process; 0: the plan's alone is shown
  std::size_t peak_bytes = 0;     ///< of the process, as the operating system saw it

  std::span<const ReportSetting> settings = {};
  std::string_view resume_command = {};
  std::string_view generate_command = {};
};

}  // namespace octavo
