// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/report/reference_losses.hpp>

namespace OCTAVO_NAMESPACE {

/// A setting of a run: its name and its value.
struct ReportSetting {
  std::string name, value;
};

/// Settings under one heading of a report.
struct SettingGroup {
  std::string name;
  std::vector<ReportSetting> settings;

  /// Numbers independent of the locale, fractions with the digits of a float; booleans as yes and
  /// no.
  template <typename Value>
  void add(std::string_view setting, const Value& value) {
    if constexpr (std::is_same_v<Value, bool>) {
      settings.push_back({std::string(setting), value ? "yes" : "no"});
    } else if constexpr (std::is_arithmetic_v<Value>) {
      std::array<char, 64> digits;
      char* const end = digits.data() + digits.size();
      std::to_chars_result result;
      if constexpr (std::is_integral_v<Value>) {
        result = std::to_chars(digits.data(), end, value);
      } else {
        const auto number = static_cast<float>(value);
        const bool plain = std::abs(number) >= 1e-5f && std::abs(number) < 1e9f;
        result = plain ? std::to_chars(digits.data(), end, number, std::chars_format::fixed)
                       : std::to_chars(digits.data(), end, number);
      }
      settings.push_back({std::string(setting), std::string(digits.data(), result.ptr)});
    } else {
      settings.push_back({std::string(setting), std::string(value)});
    }
  }

  /// A count, with a comma between groups of three digits.
  template <std::integral Count>
  void add_count(std::string_view setting, Count count) {
    add(setting, std::string_view(FormattedNumber::grouped(count)));
  }
};

/// A row that is not trained on, answered by the model.
struct AnsweredExample {
  std::string prompt, expected;       ///< of the row
  std::optional<std::string> before;  ///< by the model before the run; nothing: unknown
  std::string after;                  ///< by the model after it
};

/// The content of a page about a run, besides the run's history. Texts may have any bytes.
struct RunReport {
  /// `diverged`: a loss or a gradient was not a finite number.
  enum class Stage { running, stopped, finished, diverged };

  std::string title = {};                        ///< of the program and its model
  std::vector<ReportSetting> settings = {};      ///< the most important settings
  std::vector<SettingGroup> configuration = {};  ///< the whole configuration
  std::string resume = {}, generate = {};      ///< commands to resume and to generate; empty: none
  std::string samples = {};                    ///< the path of a SamplesFile; empty: no samples
  std::string prompt = {};                     ///< the start of all samples
  std::vector<AnsweredExample> examples = {};  ///< of a run for fine-tuning, at its end
  const MemoryPlan* plan = nullptr;            ///< must be placed; null: no picture
  std::span<const std::string_view> phase_names = {};
  ReferenceLosses references = {};
  Index tokens_per_step = 0;
  double tokens_per_character = 0;  ///< of the validation text; 0: unknown
  double clip = 0;                  ///< largest gradient norm; 0: no limit

  // State at the time of the page; NaN: unknown.
  Stage stage = Stage::running;
  std::int64_t written = 0;                                ///< seconds since 1970; 0: not known
  Index step = 0, steps = 0;                               ///< done, in all
  double loss = std::numeric_limits<double>::quiet_NaN();  ///< smoothed
  double validation_loss = std::numeric_limits<double>::quiet_NaN();
  /// Loss of the last weights over the whole validation text, if evaluations within the run use a
  /// sample: see TrainingOptions::evaluation_tokens.
  double whole_validation = std::numeric_limits<double>::quiet_NaN();
  double best_validation = std::numeric_limits<double>::quiet_NaN();
  Index best_step = 0;
  double tokens_per_second = std::numeric_limits<double>::quiet_NaN();  ///< of training only
  double seconds = 0;             ///< of training since the run began
  double evaluation_seconds = 0;  ///< of evaluations, samples and saves, in addition to `seconds`
  std::size_t peak_bytes = 0;     ///< of the process; 0: not known
  Index threads = 0, threads_in_use = 0;  ///< available threads, and threads in use; 0: unknown
};

}  // namespace OCTAVO_NAMESPACE
